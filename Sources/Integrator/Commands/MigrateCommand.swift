import Foundation
import MySQL
import Store

extension CommandLineTool {
    func migrate(_ arguments: inout Arguments) async throws {
        let wait = try arguments.number("--wait") ?? 600
        let (demo, dryRun) = (arguments.flag("--demo"), arguments.flag("--dry-run"))
        let (undo, dropData) = (arguments.flag("--undo"), arguments.flag("--drop-data"))
        try arguments.end()
        guard !(dryRun && (demo || undo)), !(demo && undo), undo || !dropData else {
            throw UsageError(message: "migrate: these options do not go together")
        }
        let (database, _) = try Configuration.databaseOnly(environment)
        let migrator = Migrations.migrator(database, lockLimit: .seconds(wait))
        if dryRun {
            for preview in try await migrator.preview() {
                print("-- \(preview.migration); locks \(preview.locks)\n\(preview.statement);\n")
            }
            for difference in try await migrator.check() {
                print("-- left as it is: \(difference.text); to have it so: \(difference.remedy)")
            }
            return
        }
        // Each line as it comes, also into a file or a pipe.
        let report: @Sendable (Migrator.Event) -> Void = { event in
            print(Self.line(event))
            fflush(nil)
        }
        if undo {
            // The console's tables stay, and with them the first migration; the log stays with what is in it.
            let kept = dropData ? [] : ["0001_tables_of_the_console.sql", "0004_event_log.sql"]
            let forgotten = Migrations.all.map(\.name).filter { !kept.contains($0) }
            for migration in dropData ? Migrations.undo : [Migrations.undo[0]] {
                try await migrator.undo(migration, forgetting: forgotten, report: report)
            }
            print("undone; `integrator migrate` makes it again")
            return
        }
        let applied = try await migrator.run(report: report)
        print(applied.isEmpty ? "the database is up to date" : "\(applied.count) migrations applied")
        guard demo else { return }
        _ = try await Migrator(database, migrations: Migrations.demo, table: "integrator_demo").run(report: report)
        print("demo data is there")
    }

    private static func line(_ event: Migrator.Event) -> String {
        switch event {
        case .waiting: "another migrator is at work; waiting"
        case .waitingForDead(let seconds): "the other migrator seems to have died; going on in \(seconds) s at most"
        case .started(let name, let statements): "applying \(name) (\(statements) steps)"
        case .running(let subject): "  \(subject)"
        case .blocked(let subject, let blockers, let pause):
            """
              \(subject): others hold its lock; trying again in \(pause.components.seconds + 1) s
            """
                + (blockers.isEmpty
                    ? " (who cannot be seen: without the right PROCESS, or not in a transaction)"
                    : blockers.map { "\n    \($0)" }.joined())
        case .kept(let what): "  left as it is: \(what)"
        case .applied(let name): "applied \(name)"
        case .changed(let name): "warning: \(name) was applied with another text"
        }
    }
}
