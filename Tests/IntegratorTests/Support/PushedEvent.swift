import JSON
import MySQL

@testable import Sandbox

/// An event that came to the Pusher server, with its data read.
struct PushedEvent: Sendable {
    let name: String
    let channels: [String]
    let socketID: String?
    let bytes: Int
    let data: JSONView
    var historyID: Int64? { data["id"]?.int }
    var revision: Int64 { data["revision"]?.int ?? -1 }
    var eventID: String? { data["event_id"]?.string }

    init?(_ event: SandboxPusher.Event) {
        guard let data = (try? JSONDocument(parsing: Array(event.data.utf8)))?.root else { return nil }
        name = event.name
        channels = event.channels
        socketID = event.socketID
        bytes = event.data.utf8.count
        self.data = data
    }
}

extension ServiceUnderTest {
    /// What a subscriber to the wishlist's channel has got of a history, in its order.
    func pushed(of historyID: Int64) -> [PushedEvent] {
        Self.events(of: historyID, in: sandbox.pusher.events.all)
    }

    /// Waits until what Pusher has got of a history is as it should be, and returns it.
    @discardableResult
    func waitForPushed(
        of historyID: Int64, timeout: Duration = .seconds(20),
        until isEnough: @escaping @Sendable ([PushedEvent]) -> Bool
    ) async throws -> [PushedEvent] {
        let events = try await sandbox.pusher.events.wait(timeout: timeout) { events in
            isEnough(Self.events(of: historyID, in: events))
        }
        return Self.events(of: historyID, in: events)
    }

    /// Waits until Pusher has got the event with this revision.
    @discardableResult
    func waitForPushed(of historyID: Int64, revision: Int64) async throws -> [PushedEvent] {
        try await waitForPushed(of: historyID) { $0.contains { $0.revision == revision } }
    }

    private static func events(of historyID: Int64, in events: [SandboxPusher.Event]) -> [PushedEvent] {
        // In a batch an event has an entry for each of its channels. Only events that begin as those of this history are read:
        // there may be thousands of others.
        events.lazy.filter { event in
            event.data.hasPrefix(#"{"id":\#(historyID),"#)
                && event.channels.contains { $0.hasPrefix("private-wishlist-to-group.") }
        }.compactMap(PushedEvent.init)
    }

    /// Waits until a query's first number is as it should be: for changes of which nobody tells. Throws after `timeout`.
    func waitForNumber(
        _ expected: Int64, _ sql: SQL, timeout: Duration = .seconds(20)
    ) async throws {
        let deadline = ContinuousClock.now + timeout
        while try await number(sql) != expected {
            guard ContinuousClock.now < deadline else { throw SandboxError("waited in vain for \(expected)") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until a history owes no notifications.
    func waitUntilSettled(_ historyID: Int64) async throws {
        try await waitForNumber(
            1,
            """
            SELECT COALESCE(dispatcher, 0) = 0 AND notified_revision = revision FROM wishlist_dataset_histories \
            WHERE id = \(historyID)
            """)
    }
}
