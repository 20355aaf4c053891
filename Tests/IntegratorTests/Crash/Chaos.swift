import Foundation
import Synchronization

/// How hard the crash tests try, and what they have counted. `CHAOS=4`: four times as long.
enum Chaos {
    /// What is counted, in the order of the table that `make chaos` prints.
    enum Figure: String, CaseIterable, Sendable {
        case serviceKills = "kills of the service"
        case databaseKills = "kills of the database"
        case connectionCuts = "connections cut"
        case cutsBeforeCommit = "connections cut before a COMMIT"
        case cutsAfterCommit = "connections cut after a COMMIT"
        case databaseOutages = "outages of the database"
        case pusherOutages = "failures of Pusher"
        case tvOutages = "outages of the TV Python API"
        case clockJumps = "jumps of the clock"
        case databaseClockJumps = "jumps of the database's clock"
        case instancesStopped = "instances stopped for longer than their lease"
        case leasesLost = "leases lost and regained"
        case webhooksAcknowledged = "webhooks acknowledged"
        case webhooksStored = "webhooks acknowledged and stored"
        case webhooksLost = "webhooks acknowledged and lost"
        case webhooksApplied = "webhooks applied"
        case webhooksCountedTwice = "webhooks applied twice"
        case notificationsOwed = "notifications owed, progress apart"
        case notificationsDelivered = "notifications delivered, progress apart"
        case notificationsLost = "notifications lost"
        case progressOwed = "progress notifications owed"
        case progressDelivered = "progress notifications delivered"
        case progressOvertaken = "progress notifications overtaken and dropped"
        case schedulesRun = "random schedules run"
        case schedulesDiffering = "random schedules that differ from the model"
    }

    private static let setting = ProcessInfo.processInfo.environment["CHAOS"].flatMap { Int($0) }
    static let factor = setting ?? 1
    /// `make chaos`: also what is slow.
    static let isWhole = setting != nil

    private static let counts = Mutex<[Figure: Int]>([:])

    /// Written at the end of the process to the file that `CHAOS_FIGURES` names, a line each.
    private static let report: Void = {
        atexit {
            guard let path = ProcessInfo.processInfo.environment["CHAOS_FIGURES"] else { return }
            let counts = Chaos.counts.withLock { $0 }
            let lines = Figure.allCases.map { "\(counts[$0, default: 0])\t\($0.rawValue)\n" }
            try? lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
        }
    }()

    /// Adds to a figure.
    static func count(_ figure: Figure, _ number: Int = 1) {
        report
        counts.withLock { $0[figure, default: 0] += number }
    }

    /// Adds the progress of a history: which revisions were to be told, and which were.
    static func countProgress(owed: Set<Int64>, seen: [Int64]) {
        count(.progressOwed, owed.count)
        count(.progressDelivered, owed.intersection(seen).count)
        count(.progressOvertaken, owed.subtracting(seen).count)
    }
}

/// Waits until a condition holds of which nobody tells; an error after `timeout`.
func waitUntil(
    _ what: String, timeout: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw WaitedInVain(what: what) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

struct WaitedInVain: Error, CustomStringConvertible {
    let what: String
    var description: String { "waited in vain: \(what)" }
}
