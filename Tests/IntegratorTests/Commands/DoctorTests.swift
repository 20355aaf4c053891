import JSON
import MySQL
import TestSupport
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// `integrator doctor` finds what is set up wrong, and says what to do.
@Suite(.timeLimit(.minutes(10))) struct DoctorTests {
    private func findings(_ run: CommandRun) -> [(check: String, level: String, text: String)] {
        (run.json?.elements ?? []).map {
            (
                $0["check"]?.string ?? "", $0["level"]?.string ?? "",
                ($0["finding"]?.string ?? "") + " -> " + ($0["remedy"]?.string ?? "")
            )
        }
    }

    @Test func allIsWell() async throws {
        try await ServiceUnderTest.with { service in
            let run = await service.command("doctor", "--json")
            #expect(run.status == 0)
            let faults = findings(run).filter { $0.level == "fault" }
            #expect(faults.isEmpty)
            let checks = Set(findings(run).filter { $0.level == "ok" }.map(\.check))
            #expect(
                checks.isSuperset(of: [
                    "configuration", "database", "migrations", "rights", "clock", "TV Python API", "callback", "Pusher",
                    "public URL", "secrets",
                ]))
            let text = await service.command("doctor")
            #expect(text.status == 0)
            #expect(text.lines.contains("ok       migrations: all applied"))
        }
    }

    /// Variables to be changed, and what is to be found.
    @Test(
        arguments: [
            (["TV_API_TOKEN": ""], "configuration", "TV_API_TOKEN: is required"),
            (["TV_WEBHOOK_SECRETS": "whsec_short"], "configuration", "TV_WEBHOOK_SECRETS"),
            (["HTTP_PORT": "http"], "configuration", "HTTP_PORT"),
            (["DB_SOCKET": "/tmp/nobody-is-here.sock"], "database", "is it running?"),
            (["DB_USERNAME": "stranger"], "database", "DB_USERNAME"),
            (["DB_SSL_MODE": "SOMETIMES"], "configuration", "DB_SSL_MODE: must be one of DISABLED"),
            (["DB_SSL_CA": "/nowhere/ca.pem"], "database", "check DB_SSL_CA"),
            (["DB_CONNECTIONS": "2"], "configuration", "DB_CONNECTIONS: must be a whole number from 4"),
            (["DB_DATABASE": "no_such_schema"], "database", "DB_DATABASE"),
            (["TV_API_URL": "http://127.0.0.1:1"], "TV Python API", "TV_API_URL"),
            (["TV_API_TOKEN": "wrong"], "TV Python API", "check TV_API_TOKEN"),
            (["PUBLIC_URL": "https://elsewhere.invalid"], "callback", "should be https://elsewhere.invalid/webhooks"),
            (["PUSHER_APP_KEY": "wrong"], "Pusher", "PUSHER_APP_KEY"),
            (["PUSHER_APP_SECRET": "wrong"], "Pusher", "PUSHER_APP_SECRET"),
            (["PUSHER_APP_ID": "9"], "Pusher", "PUSHER_APP_ID"),
            (["PUSHER_PORT": "1"], "Pusher", "PUSHER_PORT"),
        ])
    func faultIsFound(_ changes: [String: String], _ check: String, _ text: String) async throws {
        try await ServiceUnderTest.with { service in
            let run = await service.command("doctor", "--json", changes: changes)
            #expect(run.status == 1)
            let found = findings(run).filter { $0.level == "fault" && $0.check == check }
            #expect(found.contains { $0.text.contains(text) }, "\(found)")
        }
    }

    @Test func faultsAroundAreFound() async throws {
        try await ServiceUnderTest.with { service in
            func found(_ level: String, _ check: String, _ text: String) async -> Bool {
                findings(await service.command("doctor", "--json")).contains {
                    $0.level == level && $0.check == check && $0.text.contains(text)
                }
            }
            // The service looks once more after it has registered; removed before that it would be put right.
            try await service.sandbox.tv.requests.wait(timeout: .seconds(20)) { requests in
                requests.contains { $0.method == "GET" && $0.path == "/callbacks/gb-console" }
            }
            _ = await service.command("callbacks", "remove")
            #expect(await found("fault", "callback", "integrator callbacks sync"))
            #expect(await service.command("callbacks", "show", "--json").status == 1)
            _ = await service.command("callbacks", "sync")
            #expect(await found("ok", "callback", "registered as"))
            #expect(await service.command("callbacks", "show", "--json").json?["is_right"]?.bool == true)

            try await service.execute(
                """
                INSERT INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at) \
                VALUES (1, 1, 1, 'too large', UTC_TIMESTAMP(6))
                """)
            #expect(await found("warning", "notifications", "1 dead letters"))
            _ = try await service.post(TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1))
            #expect(await found("warning", "webhooks", "1 parked"))
            try await service.execute("DROP TABLE wishlist_dataset_requests")
            #expect(await found("fault", "rights", "wishlist_dataset_requests"))
            try await service.execute("DELETE FROM integrator_migrations ORDER BY name DESC LIMIT 1")
            #expect(await found("fault", "migrations", "integrator migrate"))
            try await service.execute("DROP TABLE integrator_migrations")
            #expect(await found("fault", "migrations", "none applied"))
        }
    }

    @Test(.timeLimit(.minutes(5))) func aStatementThatWaitsIsFound() async throws {
        try await ServiceUnderTest.with { service in
            async let waiting = service.execute("DO SLEEP(8)")
            var found: [String] = []
            for _ in 0..<20 where found.isEmpty {
                try await Task.sleep(for: .milliseconds(250))
                found = findings(await service.command("doctor", "--json")).map(\.text).filter {
                    $0.hasPrefix("is slow: a statement of ours has run for")
                }
            }
            #expect(!found.isEmpty)
            _ = try await waiting
        }
    }

    @Test func serviceThatDoesNotRunIsToldOf() async throws {
        try await ServiceUnderTest.with { service in
            let variables = service.variables()
            try await service.instance.stop()
            let run = await CommandRun(variables, ["doctor", "--json"])
            #expect(run.status == 0)
            #expect(
                findings(run).contains {
                    $0.level == "warning" && $0.check == "public URL" && $0.text.contains("nothing answers")
                })
        }
    }
}
