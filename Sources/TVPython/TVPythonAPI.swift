import Text
package import Telemetry
package import HTTPClient
import JSON
package import Signatures

/// The TV Python API, as far as this service calls it (spec, section 4; `fixtures/tv-python-api.openapi.json`).
package struct TVPythonAPI: Sendable {
    /// The name under which the callback is registered.
    package static let callbackName = "gb-console"

    /// What became of a call.
    package enum Outcome<Value: Sendable>: Sendable {
        case success(Value)
        /// A 4xx: trying again would not help.
        case rejected(status: Int, reason: String)
        /// No connection, a timeout, 408, 429, 5xx, or an answer that is none.
        case unavailable(reason: String, retryAfter: Int64?)
    }

    /// A registered callback.
    package struct Callback: Sendable, Equatable {
        package var url: String
        package var events: [String]
    }

    private let baseURL: String
    private let token: String
    private let client: HTTPClient
    private let meter: CallMeter?

    /// - Parameters:
    ///   - baseURL: without a slash at the end.
    ///   - token: sent as a bearer token.
    ///   - meter: counts the calls.
    package init(baseURL: String, token: String, client: HTTPClient, meter: CallMeter? = nil) {
        self.baseURL = baseURL
        self.token = token
        self.client = client
        self.meter = meter
    }

    /// `POST /dataset/create`, once.
    /// - Returns: the dataset's id.
    package func createDataset(
        _ body: [UInt8], reference: String, timeout: Duration, traceparent: String? = nil
    ) async -> Outcome<Int64> {
        var headers = [("Idempotency-Key", reference)]
        if let traceparent { headers.append(("traceparent", traceparent)) }
        switch await call("POST", "/dataset/create", body, headers: headers, timeout: timeout) {
        case .success(let answer):
            guard let answer, let id = answer.root["dataset_id"]?.int, id > 0 else {
                return .unavailable(reason: "the answer has no dataset_id", retryAfter: nil)
            }
            return .success(id)
        case .rejected(let status, let reason): return .rejected(status: status, reason: reason)
        case .unavailable(let reason, let retryAfter): return .unavailable(reason: reason, retryAfter: retryAfter)
        }
    }

    /// Registers the callback, or puts it right.
    package func putCallback(_ callback: Callback, secret: WebhookSecret) async -> Outcome<Void> {
        var json = JSONWriter()
        json.object { json in
            json.field("url", callback.url)
            json.key("events")
            json.array { json in for event in callback.events { json.value(event) } }
            json.field("secret", secret.text)
        }
        return await call("PUT", "/callbacks/\(Self.callbackName)", json.bytes).asVoid
    }

    /// The callback as it is registered; nil: it is not.
    package func callback() async -> Outcome<Callback?> {
        switch await call("GET", "/callbacks/\(Self.callbackName)") {
        case .success(let answer):
            guard let root = answer?.root, let url = root["url"]?.string else {
                return .unavailable(reason: "the answer has no url", retryAfter: nil)
            }
            return .success(Callback(url: url, events: (root["events"]?.elements ?? []).compactMap(\.string)))
        case .rejected(404, _): return .success(nil)
        case .rejected(let status, let reason): return .rejected(status: status, reason: reason)
        case .unavailable(let reason, let retryAfter): return .unavailable(reason: reason, retryAfter: retryAfter)
        }
    }

    /// Removes the callback; one that is not there is fine.
    package func deleteCallback() async -> Outcome<Void> {
        let outcome = await call("DELETE", "/callbacks/\(Self.callbackName)").asVoid
        if case .rejected(404, _) = outcome { return .success(()) }
        return outcome
    }

    /// Asks for the webhooks of a dataset again, those after a sequence.
    package func redeliver(dataset: Int64, after sequence: Int64) async -> Outcome<Void> {
        var json = JSONWriter()
        json.object { json in
            json.field("dataset_id", dataset)
            json.field("after_sequence", sequence)
        }
        return await call("POST", "/callbacks/\(Self.callbackName)/redeliver", json.bytes).asVoid
    }

    private func call(
        _ method: String, _ path: String, _ body: [UInt8] = [], headers: [(String, String)] = [],
        timeout: Duration = .seconds(10)
    ) async -> Outcome<JSONDocument?> {
        let started = ContinuousClock.now
        let outcome = await answer(to: method, path, body, headers: headers, timeout: timeout)
        // Paths have no ids in them: a label of few values.
        meter?.observe("\(method) \(path)", outcome.name, since: started)
        return outcome
    }

    private func answer(
        to method: String, _ path: String, _ body: [UInt8], headers: [(String, String)], timeout: Duration
    ) async -> Outcome<JSONDocument?> {
        let request = HTTPClientRequest(
            method: method, url: baseURL + path,
            headers: [("Authorization", "Bearer \(token)"), ("Accept", "application/json")]
                + (body.isEmpty ? [] : [("Content-Type", "application/json")]) + headers,
            body: body, timeout: timeout)
        do {
            let response = try await client.send(request)
            let answer = try? JSONDocument(parsing: response.body)
            switch response.status {
            case 200..<300: return .success(answer)
            case 408, 425, 429, 500...:
                return .unavailable(
                    reason: "status \(response.status)",
                    retryAfter: response.header("Retry-After").flatMap { Int64($0) })
            default:
                return .rejected(status: response.status, reason: Self.reason(answer, response.status))
            }
        } catch {
            return .unavailable(reason: "\(error)", retryAfter: nil)
        }
    }

    /// What the other side says of a refusal: the usual members of JSON errors.
    private static func reason(_ answer: JSONDocument?, _ status: Int) -> String {
        for name in ["message", "detail", "error", "title"] {
            if let text = answer?.root[name]?.string { return text.limited(to: 500) }
        }
        return "status \(status)"
    }
}

extension TVPythonAPI.Outcome {
    fileprivate var name: String {
        switch self {
        case .success: "success"
        case .rejected: "rejected"
        case .unavailable: "unavailable"
        }
    }

    fileprivate var asVoid: TVPythonAPI.Outcome<Void> {
        switch self {
        case .success: .success(())
        case .rejected(let status, let reason): .rejected(status: status, reason: reason)
        case .unavailable(let reason, let retryAfter): .unavailable(reason: reason, retryAfter: retryAfter)
        }
    }
}
