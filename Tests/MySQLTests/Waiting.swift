import MySQL
import Synchronization
import Testing

/// Collects what happens on several threads.
final class Record<Entry: Sendable>: Sendable {
    private let storage = Mutex<[Entry]>([])

    var entries: [Entry] { storage.withLock { $0 } }

    func add(_ entry: Entry) { storage.withLock { $0.append(entry) } }
}

extension MySQLConnection {
    /// Waits until a query has rows, at most ten seconds.
    func waitUntil(_ query: SQL) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(10))
        while try self.query(query).isEmpty {
            try #require(.now < deadline)
            await Task.yield()
        }
    }
}
