import Datasets
import HTTPClient
import JSON
import MySQL
import Operations
import Telemetry
import TVPython

extension CommandLineTool {
    /// `callbacks show|sync|remove|rotate-secret`.
    func callbacks(_ arguments: inout Arguments) async throws -> Bool {
        let isJSON = arguments.flag("--json")
        let command = arguments.next()
        let prepare = arguments.flag("--prepare")
        let finish = arguments.flag("--finish")
        try arguments.end()
        if prepare || finish {
            guard command == "rotate-secret", prepare != finish else {
                throw UsageError(message: "--prepare or --finish is for rotate-secret")
            }
        }
        guard let command, ["show", "sync", "remove", "rotate-secret"].contains(command) else {
            throw UsageError(message: "callbacks: show, sync, remove or rotate-secret?")
        }
        let configuration = try Configuration(environment)
        let client = HTTPClient(maximumConnectionsPerHost: 4, maximumResponseBytes: 1 << 20)
        let api = TVPythonAPI(
            baseURL: configuration.tvAPIURL, token: configuration.tvAPIToken.exposed, client: client)
        let registration = CallbackRegistration(
            api: api, callback: configuration.callback, secret: configuration.webhookSecrets[0], log: configuration.log)
        let result: Result<Bool, any Error>
        do {
            switch command {
            case "show":
                result = .success(show(try await api.callback().value(), registration.expected, json: isJSON))
            case "sync":
                try await recorded("callbacks sync") { try await registration.sync().value() }
                print("registered \(registration.expected.url)")
                result = .success(true)
            case "remove":
                try await recorded("callbacks remove") { try await api.deleteCallback().value() }
                print("removed")
                result = .success(true)
            default:
                let rotation = SecretRotation(
                    environment: environment, secrets: configuration.webhookSecrets, registration: registration,
                    client: client)
                let report = try await recorded("callbacks rotate-secret") {
                    try await finish ? rotation.finish() : rotation.start(registers: !prepare)
                }
                print(report, json: isJSON)
                result = .success(report.isDone)
            }
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        return try result.get()
    }

    /// Does something with the callback, and records it if the database is there: it need not be.
    private func recorded<R: Sendable>(_ action: String, _ body: () async throws -> R) async throws -> R {
        let isThere = (try? await withDesk { try await $0.actions(limit: 1) }) != nil
        guard isThere else {
            complaint("integrator: not recorded: the database is not there, or not migrated")
            return try await body()
        }
        return try await withDesk { desk in
            try await desk.recorded(action, "", by: Self.actor) { (try await body(), 1, nil) }
        }
    }

    /// - Returns: whether it is as it should be.
    private func show(
        _ found: TVPythonAPI.Callback?, _ expected: TVPythonAPI.Callback, json isJSON: Bool
    ) -> Bool {
        let faults = expected.faults(of: found)
        let isRight = faults.isEmpty
        if isJSON {
            print(json: { json in
                json.object { json in
                    json.field("url", found?.url)
                    json.key("events")
                    json.array { json in for event in found?.events ?? [] { json.value(event) } }
                    json.field("expected_url", expected.url)
                    json.field("is_right", isRight)
                    json.key("faults")
                    json.array { json in for fault in faults { json.value(fault) } }
                }
            })
            return isRight
        }
        guard let found else {
            print("no callback is registered: `integrator callbacks sync` registers it")
            return false
        }
        print("url     \(found.url)\nevents  \(found.events.joined(separator: ", "))")
        for fault in faults { print("        \(fault)") }
        if !isRight { print("`integrator callbacks sync` puts it right") }
        return isRight
    }

    private func print(_ report: SecretRotation.Report, json isJSON: Bool) {
        guard isJSON else { return print(report.lines.joined(separator: "\n")) }
        print(json: { json in
            json.object { json in
                json.field("file", report.file)
                json.field("accepted_secrets", report.accepted)
                json.field("registered", report.isRegistered)
                json.key("instances")
                json.array { json in for pid in report.instances { json.value(pid) } }
                json.key("notes")
                json.array { json in for line in report.lines { json.value(line) } }
            }
        })
    }
}

extension TVPythonAPI.Outcome {
    /// The value, or an error that says why there is none.
    func value() throws(Refusal) -> Value {
        switch self {
        case .success(let value): return value
        case .rejected(let refusal):
            throw Refusal(
                .rejectedUpstream, DatasetError.rejectedCode,
                "the TV Python API answered \(refusal.status): \(refusal)")
        case .unavailable(let failure):
            throw Refusal(
                .unavailable(retryAfter: 30), DatasetError.unavailableCode,
                "the TV Python API is not available: \(failure)")
        }
    }
}
