import HTTPClient
import Telemetry

extension CommandLineTool {
    /// `callbacks show|sync|remove`.
    func callbacks(_ arguments: inout Arguments) async throws {
        let command = arguments.next()
        try arguments.end()
        let configuration = try Configuration(environment)
        let client = HTTPClient(maximumConnectionsPerHost: 1, maximumResponseBytes: 1 << 20)
        let api = TVPythonAPI(
            baseURL: configuration.tvAPIURL, token: configuration.tvAPIToken.exposed, client: client)
        let registration = CallbackRegistration(api: api, publicURL: configuration.publicURL, log: configuration.log)
        switch command {
        case "show":
            guard let callback = try await api.callback().value() else { return print("no callback is registered") }
            print("url     \(callback.url)\nevents  \(callback.events.joined(separator: ", "))")
            if callback.url != registration.expected.url { print("        should be \(registration.expected.url)") }
        case "sync":
            try await registration.sync(secret: configuration.webhookSecrets[0]).value()
            print("registered \(registration.expected.url)")
        case "remove":
            try await api.deleteCallback().value()
            print("removed")
        default:
            throw UsageError(message: "callbacks: show, sync or remove?")
        }
        await client.shutdown()
    }
}

extension TVPythonAPI.Outcome {
    /// The value, or an error that says why there is none.
    func value() throws(APIError) -> Value {
        switch self {
        case .success(let value): return value
        case .rejected(let status, let reason):
            throw APIError(502, DatasetError.rejectedCode, "the TV Python API answered \(status): \(reason)")
        case .unavailable(let reason, _):
            throw APIError(503, DatasetError.unavailableCode, "the TV Python API is not available: \(reason)")
        }
    }
}
