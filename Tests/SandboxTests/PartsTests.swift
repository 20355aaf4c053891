import JSON
import Pusher
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct PrometheusTextTests {
    let text = PrometheusText(
        """
        # HELP a_total Of a, with {braces="x"} 3
        a_total{outcome="sent",channel="one"} 3
        a_total{outcome="sent",channel="two \\"2\\" \\\\ \\n"} 4 1700000000
        a_total{outcome="refused"} 1
        b_total 1e3
        c{} 2
        nonsense
        d_total{x=
        """)

    @Test func sums() {
        #expect(text.sum("a_total") == 8)
        #expect(text.sum("a_total", ["outcome": "sent"]) == 7)
        #expect(text.sum("a_total", ["channel": "two \"2\" \\ \n"]) == 4)
        #expect(text.sum("b_total") == 1000)
        #expect(text.sum("c") == 2)
        #expect(text.sum("d_total") == 0)
        #expect(text.sum("unknown") == 0)
    }
}

@Suite(.timeLimit(.minutes(5))) struct RecorderTests {
    @Test func whoWaitsIsWokenInTime() async throws {
        let recorder = Recorder<Int>()
        async let two = recorder.wait(count: 2)
        async let big = recorder.wait { $0.contains { $0 > 5 } }
        recorder.append(1)
        recorder.append(2)
        let waited = try await two
        #expect(waited.prefix(2) == [1, 2])
        recorder.append(6)
        let all = try await big
        #expect(all == [1, 2, 6])
        #expect(recorder.all == [1, 2, 6])
        #expect(recorder.total == 3)
    }

    @Test func whoWaitsInVainIsTold() async {
        let recorder = Recorder<Int>()
        await #expect(throws: SandboxError.self) {
            try await recorder.wait(count: 1, timeout: .milliseconds(10))
        }
    }

    @Test func cancellationEndsTheWait() async {
        let recorder = Recorder<Int>()
        let task = Task { try await recorder.wait(count: 1, timeout: .seconds(600)) }
        task.cancel()
        await #expect(throws: SandboxError.self) { try await task.value }
    }
}

@Suite(.timeLimit(.minutes(10))) struct SandboxCommandTests {
    let required = ["--tv-token", "t", "--pusher-app-id", "1", "--pusher-key", "k", "--pusher-secret", "s"]

    @Test func serveTakesAScenario() throws {
        let configuration = try SandboxCommand.serveConfiguration(
            required + [
                "--port", "0", "--host", "::1", "--steps", "3", "--step-delay", "0.5", "--outcome", "failed",
                "--training", "--duplicate", "0.1", "--seed", "9", "--webhook-before-create-returns",
                "--create-faults", "503,hang",
            ])
        #expect(configuration.tvToken == "t")
        #expect(configuration.pusher.appID == "1")
        #expect(configuration.pusher.key == "k")
        #expect(configuration.port == 0)
        #expect(configuration.host == "::1")
        var expected = Scenario()
        expected.steps = 3
        expected.stepDelay = 0.5
        expected.outcome = .failed
        expected.training = true
        expected.duplicate = 0.1
        expected.seed = 9
        expected.webhookBeforeCreateReturns = true
        expected.createFaults = [.status(503), .hang]
        #expect(configuration.scenario == expected)
        #expect(try SandboxCommand.serveConfiguration(required).port == 9090)
    }

    @Test(arguments: [
        ["--steps", "x"], ["--steps"], ["--unknown", "1"], ["--port", "70000"], ["word"], ["--tv-token", "again"],
    ])
    func wrongWordsAreErrors(words: [String]) {
        #expect(throws: SandboxError.self) { try SandboxCommand.serveConfiguration(required + words) }
    }

    @Test func whatIsRequiredIsNamed() {
        #expect(throws: SandboxError("--tv-token is required")) { try SandboxCommand.serveConfiguration([]) }
    }

    @Test func tryTakesItsOptions() throws {
        let options = try SandboxCommand.tryOptions([
            "--token", "1|a", "--wishlist", "shoes", "--pusher-port", "9090", "--pusher-key", "k",
            "--expect-sandbox", "http://s", "--drop-one", "--time-limit", "5",
        ])
        #expect(options.url == "http://127.0.0.1:8080")
        #expect(options.token == "1|a")
        #expect(options.wishlist == "shoes")
        #expect(options.pusherHost == "127.0.0.1")
        #expect(options.pusherPort == 9090)
        #expect(options.pusherKey == "k")
        #expect(options.sandboxURL == "http://s")
        #expect(options.dropsOne)
        #expect(options.timeLimit == .seconds(5))
        #expect(throws: SandboxError.self) {
            try SandboxCommand.tryOptions(["--token", "1", "--wishlist", "w", "--pusher-port", "x"])
        }
    }

    @Test func everyOptionOfAScenarioIsInTheHelp() throws {
        for member in try json(Scenario().json).members {
            #expect(SandboxCommand.help.contains("--\(String(member.name.map { $0 == "_" ? "-" : $0 }))"))
        }
    }
}
