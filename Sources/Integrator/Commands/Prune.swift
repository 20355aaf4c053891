import JSON
import MySQL
import Operations
import Store

extension CommandLineTool {
    /// `prune --days N`, or `--older-than TIME`.
    func prune(_ arguments: inout Arguments) async throws {
        let isJSON = arguments.flag("--json")
        let isDry = arguments.flag("--dry-run")
        let days = try arguments.number("--days").map { $0.multipliedReportingOverflow(by: 86_400) }
        let age = try arguments.duration("--older-than")
        guard let seconds = days.map({ $0.overflow ? .max : $0.partialValue }) ?? age, (days == nil) != (age == nil),
            seconds <= 36_500 * 86_400
        else { throw UsageError(message: "prune: say either --days N or --older-than TIME") }
        try arguments.end()
        let (database, _) = try Configuration.databaseOnly(environment)
        let pool = MySQLPool(database, maximumConnections: 1)
        let pruning = Pruning(pool: pool)
        let (pruned, looked) =
            try await isDry
            ? pruning.run(olderThan: seconds, isDry: true)
            : OperatorDesk(pool: pool, deadlineSeconds: 0).recorded("prune", "older than \(seconds) s", by: Self.actor)
            {
                let pruned = try await pruning.run(olderThan: seconds, isDry: false)
                return (pruned, pruned.removed, nil)
            }
        await pool.shutdown()
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.field(isDry ? "would_remove" : "removed", pruned)
                    json.field("kept", looked - pruned)
                }
            })
        } else {
            print("\(pruned) old events \(isDry ? "would be removed" : "removed")")
            if looked > pruned {
                print(
                    "\(looked - pruned) kept: owed, parked, rejected or dead letters, of datasets that are not over, or the "
                        + "last change of a history")
            }
        }
    }
}
