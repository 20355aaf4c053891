import HTTPClient
import HTTPServer
import JSON
import MySQL
import Pusher
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Integrator
@testable import Store
@testable import Web

@Suite(.timeLimit(.minutes(5))) struct HealthTests {
    @Test func isReadyOnceTheCallbackIsRegistered() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            let answer = try await trial.ask("GET", "/health/ready", isAuthorized: false)
            #expect(answer.body == #"{"status":"ok","faults":{},"degraded":{}}"#)
        }
    }

    @Test func saysWhatIsMissing() async throws {
        try await ServiceOnTrial.with(["TV_API_URL": "http://127.0.0.1:1"], isMigrated: false) { trial in
            let answer = try await trial.ask("GET", "/health/ready", isAuthorized: false)
            #expect(answer.status == 503)
            let root = try JSONDocument(parsing: Array(answer.body.utf8)).root
            #expect(root["status"]?.string == "unavailable")
            #expect(root["faults"]?["migrations"]?.string?.contains("integrator migrate") == true)
            #expect(root["faults"]?["callback"] == nil)
            #expect(root["degraded"]?["callback"] != nil)
            #expect(root["faults"]?["database"] == nil)
            #expect(try await trial.ask("GET", "/health/live", isAuthorized: false).status == 200)
        }
    }

    @Test func aDatabaseThatIsAwayIsAFaultAndHoldsNobodyUp() async throws {
        try await ServiceOnTrial.with(["DB_SOCKET": "/nowhere/mysqld.sock"]) { trial in
            let start = ContinuousClock.now
            let answer = try await trial.ask("GET", "/health/ready", isAuthorized: false)
            #expect(answer.status == 503)
            #expect(answer.body.contains(#""faults":{"database":"cannot be reached"}"#))
            let metrics = try await trial.ask("GET", "/metrics", isAuthorized: false).body
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(metrics.contains("integrator_database_up 0\n"))
            #expect(metrics.contains("integrator_dead_letters NaN\n"))
        }
    }

    /// Before there is anything to send; and it is asked again.
    @Test func credentialsThatPusherRefusesDegrade() async throws {
        let isRight = Atomic(false)
        let signed = Atomic(false)
        let pusher = try HTTPServer.start(HTTPServer.Configuration()) { request, responder in
            if request.path == "/apps/\(ServiceUnderTest.pusher.appID)/channels",
                request.query?.contains("auth_signature=") == true
            {
                signed.store(true, ordering: .relaxed)
            }
            responder.respond(HTTPResponse(status: isRight.load(ordering: .relaxed) ? 200 : 401))
        }
        try await ServiceOnTrial.with(["PUSHER_PORT": "\(pusher.port)"]) { trial in
            var body = try await trial.ask("/health/ready", until: 200)
            for _ in 0..<400 where body != Self.onlyPusher {
                try await Task.sleep(for: .milliseconds(25))
                body = try await trial.ask("GET", "/health/ready", isAuthorized: false).body
            }
            #expect(body == Self.onlyPusher)
            let isSigned = signed.load(ordering: .relaxed)
            #expect(isSigned)
            isRight.store(true, ordering: .relaxed)
            try await trial.waitUntilReady()
        }
        await pusher.stop(within: .seconds(1))
    }

    private static let onlyPusher =
        #"{"status":"degraded","faults":{},"degraded":{"pusher":"key, secret, clock or quota are refused"}}"#

    /// An account that the database turns away is not named, nor is a statement.
    @Test func reasonsNameNoAccount() async throws {
        try await ServiceOnTrial.with(["DB_USERNAME": "stranger"]) { trial in
            let answer = try await trial.ask("GET", "/health/ready", isAuthorized: false)
            #expect(answer.status == 503)
            #expect(!answer.body.contains("stranger"))
            #expect(answer.body.contains("turns this service away"))
        }
    }

    /// A server that answers queries and takes no writes is no place for traffic; nor one that the writers do not get to.
    @Test func writersAreAsked() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            let connection = try await MySQLConnection.connect(trial.database)
            try await connection.execute("LOCK TABLES integrator_migrations READ, wishlist_dataset_histories WRITE")
            let answer = try await trial.ask("/health/ready", until: 503)
            #expect(answer.contains(#""faults":{"database":"the writers"#))
            try await connection.execute("UNLOCK TABLES")
            try await trial.waitUntilReady()
            await connection.close()
        }
    }

    @Test func drainingIsAFault() async throws {
        try await TestDatabase.with { database in
            let pool = MySQLPool(database, maximumConnections: 1)
            var environment = ["DB_USERNAME": "x", "PUBLIC_URL": "http://h", "TV_API_URL": "http://h"]
            environment.merge([
                "TV_API_TOKEN": "x", "TV_WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "PUSHER_APP_ID": "1", "PUSHER_APP_KEY": "k", "PUSHER_APP_SECRET": "s",
            ]) { _, new in new }
            let parts = Service.Parts(
                try Configuration(Environment(environment)), Instruments(log: .init(level: .error)))
            let health = Health(
                database: { await DatabaseReadiness.fault(in: pool) }, lanes: parts.lanes,
                registration: parts.registration, dispatcher: parts.dispatcher,
                pusher: parts.pusherCheck)
            #expect(await !health.faults().contains { $0.check == "draining" })
            health.drain()
            #expect(await health.faults().contains { $0.check == "draining" })
            await parts.client.shutdown()
            await pool.shutdown()
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct ProbeTests {
    @Test func isAskedOnceForAll() async {
        let asked = Calls()
        let probe = Probe(validity: .seconds(60), patience: .seconds(60)) { await asked.next() }
        await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<50 { group.addTask { await probe.answer() } }
            for await answer in group { #expect(answer == 1) }
        }
        #expect(await probe.answer() == 1)
    }

    @Test func isAskedAgainWhenItsAnswerIsOld() async {
        let asked = Calls()
        let probe = Probe(validity: .zero, patience: .seconds(60)) { await asked.next() }
        #expect(await probe.answer() == 1)
        #expect(await probe.answer() == 2)
    }

    @Test func nobodyWaitsLongerThanTheirPatience() async {
        let (never, end) = AsyncStream<Void>.makeStream()
        let probe = Probe(validity: .seconds(60), patience: .milliseconds(20)) {
            for await _ in never {}
            return 1
        }
        #expect(await probe.answer() == nil)
        end.finish()
    }

    private actor Calls {
        private var count = 0
        func next() -> Int {
            count += 1
            return count
        }
    }
}
