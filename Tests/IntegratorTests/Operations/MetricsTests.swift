import Foundation
import Testing

@testable import Integrator
@testable import Sandbox

@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    private static let wishlist = "/api/v1/wishlist-to-group/autumn-living-room"

    @Test func countsWhatHappened() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            #expect(try await trial.ask("POST", "\(Self.wishlist)/createAnalysis").status == 201)
            try await trial.sandbox.tv.finished.wait { !$0.isEmpty }
            try await trial.sandbox.pusher.events.wait { $0.contains { $0.name == "dataset.completed" } }
            #expect(try await trial.ask("GET", "/odd/\(UInt64.random(in: 1 ... .max))").status == 404)
            let metrics = try await trial.ask("GET", "/metrics", isAuthorized: false).body
            let create = #"route="/api/v1/wishlist-to-group/{slug}/createAnalysis""#
            for line in [
                #"integrator_http_requests_total{method="POST",\#(create),status="201"} 1"#,
                #"integrator_http_request_duration_seconds_count{method="POST",\#(create)} 1"#,
                #"integrator_http_requests_total{method="GET",route="none",status="404"} 1"#,
                #"integrator_http_requests_total{method="POST",route="/webhooks/tv-python",status="200"} "#,
                #"integrator_webhooks_total{type="dataset.completed",outcome="applied"} 1"#,
                #"integrator_tv_api_requests_total{operation="POST /dataset/create",outcome="success"} 1"#,
                #"integrator_tv_api_request_duration_seconds_count{operation="POST /dataset/create"} 1"#,
                #"integrator_pusher_requests_total{operation="events",outcome="delivered"} "#,
                #"integrator_lane_waiting_webhooks{lane="0"} 0"#, "integrator_callback_registered 1",
                #"integrator_dispatcher_paused{reason="failing"} 0"#,
                #"integrator_dispatcher_paused{reason="unauthorised"} 0"#, "integrator_database_up 1",
                #"integrator_datasets{status="processing"} 0"#, "integrator_dead_letters 0",
                "integrator_parked_webhooks 0", "integrator_database_pool_max_connections 6",
                #"integrator_build_info{version="\#(Build.version)","#,
            ] {
                #expect(metrics.contains("\n" + line), "\(line)")
            }
            try expectProcess(metrics)
            try checkWithPromtool(metrics)
        }
    }

    /// Datasets that are being built, webhooks nobody knows the dataset of, and notifications that cannot be sent.
    @Test func countsWhatWaitsInTheDatabase() async throws {
        try await ServiceOnTrial.with { trial in
            try await trial.waitUntilReady()
            trial.sandbox.pusher.inject(PusherFault(status: 500), count: 1_000_000)
            var scenario = Scenario()
            scenario.steps = 10
            scenario.stepDelay = 60
            trial.sandbox.tv.setNext(scenario)
            #expect(try await trial.ask("POST", "\(Self.wishlist)/createAnalysis").status == 201)
            // The figures are looked up every five seconds at most.
            for _ in 0..<400 {
                let metrics = try await trial.ask("GET", "/metrics", isAuthorized: false).body
                if metrics.contains(#"integrator_datasets{status="queued"} 1"#),
                    metrics.contains("integrator_histories_owing 1\n"),
                    metrics.contains(#"integrator_dispatcher_paused{reason="failing"} 1"#),
                    try value("integrator_notifications_oldest_owed_seconds", metrics) > 0,
                    try value("integrator_notifications_waiting", metrics) >= 1
                {
                    trial.sandbox.pusher.clearFaults()
                    return
                }
                try await Task.sleep(for: .milliseconds(50))
            }
            trial.sandbox.pusher.clearFaults()
            Issue.record("not seen within time")
        }
    }

    private func expectProcess(_ metrics: String) throws {
        #expect(try value("process_resident_memory_bytes", metrics) > 1e6)
        #expect(try value("process_virtual_memory_bytes", metrics) > 1e6)
        #expect(try value("process_cpu_seconds_total", metrics) > 0)
        #expect(try value("process_threads", metrics) >= 3)
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        #expect(abs(try value("process_open_fds", metrics) - Double(files)) < 300)
        #expect(try value("process_max_fds", metrics) >= value("process_open_fds", metrics))
        let age = Date().timeIntervalSince1970 - (try value("process_start_time_seconds", metrics))
        #expect(age > -2 && age < 7200)
    }

    private func value(_ name: String, _ metrics: String) throws -> Double {
        let line = try #require(metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
        return try #require(Double(line.dropFirst(name.utf8.count + 1)), "\(line)")
    }

    /// Debian's package `prometheus` has it; without it the names are looked at by eye.
    private func checkWithPromtool(_ metrics: String) throws {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        guard let tool = folders.map({ "\($0)/promtool" }).first(where: FileManager.default.isExecutableFile) else {
            return
        }
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(filePath: tool)
        process.arguments = ["check", "metrics"]
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(metrics.utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
    }
}
