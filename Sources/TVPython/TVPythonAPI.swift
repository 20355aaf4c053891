package import HTTPClient
import JSON
import Signatures
package import Telemetry
import Time

/// The TV Python API, as far as this service calls it (spec, section 4; `fixtures/tv-python-api.openapi.json`).
package struct TVPythonAPI: Sendable {
    /// The name under which the callback is registered.
    package static let callbackName = "gb-console"

    /// What became of a call.
    package enum Outcome<Value: Sendable>: Sendable {
        case success(Value)
        /// A 4xx but those below: this call has changed nothing.
        case rejected(Refusal)
        /// No answer, 1xx, 3xx, 408, 425, 429, 5xx, or an answer that says something else than it should: nobody knows what
        /// the call has done.
        case unavailable(Failure)
    }

    /// An answer 4xx.
    package struct Refusal: Sendable, Equatable {
        package var status: Int
        package var reason: RefusalReason
        /// Seconds.
        package var retryAfter: Int64?

        package init(status: Int, reason: RefusalReason, retryAfter: Int64? = nil) {
            self.status = status
            self.reason = reason
            self.retryAfter = retryAfter
        }
    }

    /// Why there is no answer of use.
    package struct Failure: Sendable, Equatable {
        /// For anybody.
        package var reason: String
        /// For the operator: what the HTTP client says besides.
        package var detail: String?
        /// Seconds.
        package var retryAfter: Int64?
        /// False only if the call cannot have reached the API.
        package var mayHaveArrived: Bool

        package init(
            _ reason: String, detail: String? = nil, retryAfter: Int64? = nil, mayHaveArrived: Bool = true
        ) {
            self.reason = reason
            self.detail = detail
            self.retryAfter = retryAfter
            self.mayHaveArrived = mayHaveArrived
        }
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
        let outcome = await call(
            "POST", "/dataset/create", body, headers: headers, timeout: timeout, isSentOnce: true)
        return outcome.map { answer in
            guard let root = answer?.root, let id = root["dataset_id"]?.int, id > 0 else {
                return .unavailable(Failure("the answer has no dataset_id"))
            }
            if let other = root["reference"]?.string, other != reference {
                return .unavailable(Failure("the answer is about another reference"))
            }
            return .success(id)
        }
    }

    /// Registers the callback, or puts it right.
    func putCallback(
        _ callback: Callback, secret: WebhookSecret, timeout: Duration = defaultTimeout
    ) async -> Outcome<Void> {
        var json = JSONWriter()
        json.object { json in
            json.field("url", callback.url)
            json.key("events")
            json.array { json in for event in callback.events { json.value(event) } }
            json.field("secret", secret.text)
        }
        return await call("PUT", "/callbacks/\(Self.callbackName)", json.bytes, timeout: timeout).map { _ in
            .success(())
        }
    }

    /// The callback as it is registered; nil: it is not.
    package func callback(timeout: Duration = defaultTimeout) async -> Outcome<Callback?> {
        let outcome = await call("GET", "/callbacks/\(Self.callbackName)", timeout: timeout)
        if case .rejected(let refusal) = outcome, refusal.isGone { return .success(nil) }
        return outcome.map { answer in
            guard let root = answer?.root, let url = root["url"]?.string else {
                return .unavailable(Failure("the answer has no url"))
            }
            return .success(
                Callback(
                    url: url, events: (root["events"]?.elements ?? []).compactMap(\.string),
                    isDisabled: root["disabled"]?.bool ?? false))
        }
    }

    /// Removes the callback; one that is not there is fine.
    package func deleteCallback(timeout: Duration = defaultTimeout) async -> Outcome<Void> {
        let outcome = await call("DELETE", "/callbacks/\(Self.callbackName)", timeout: timeout)
        if case .rejected(let refusal) = outcome, refusal.isGone { return .success(()) }
        return outcome.map { _ in .success(()) }
    }

    /// Asks for the webhooks of a dataset again, those after a sequence.
    package func redeliver(dataset: Int64, after sequence: Int64) async -> Outcome<Void> {
        var json = JSONWriter()
        json.object { json in
            json.field("dataset_id", dataset)
            json.field("after_sequence", sequence)
        }
        return await call("POST", "/callbacks/\(Self.callbackName)/redeliver", json.bytes).map { _ in .success(()) }
    }

    /// How long a call may take that says nothing else.
    static let defaultTimeout: Duration = .seconds(10)

    private func call(
        _ method: String, _ path: String, _ body: [UInt8] = [], headers: [(String, String)] = [],
        timeout: Duration = defaultTimeout, isSentOnce: Bool = false
    ) async -> Outcome<JSONDocument?> {
        let started = ContinuousClock.now
        let request = HTTPClientRequest(
            method: method, url: baseURL + path,
            headers: [("Authorization", "Bearer \(token)"), ("Accept", "application/json")]
                + (body.isEmpty ? [] : [("Content-Type", "application/json")]) + headers,
            body: body, timeout: timeout, isSentOnce: isSentOnce)
        let outcome: Outcome<JSONDocument?>
        do {
            outcome = Self.outcome(try await client.send(request))
        } catch {
            outcome = .unavailable(Failure(error))
        }
        // Paths have no ids in them: a label of few values.
        meter?.observe("\(method) \(path)", outcome.name, since: started)
        return outcome
    }

    /// What an answer says, by its status.
    static func outcome(_ response: HTTPClientResponse) -> Outcome<JSONDocument?> {
        let retryAfter = response.retryAfter(now: Timestamp.now().seconds)
        switch response.status {
        case 200..<300: return .success(try? JSONDocument(parsing: response.body))
        case 400..<500 where ![408, 425, 429].contains(response.status):
            let reason = RefusalReason(status: response.status, body: response.body)
            return .rejected(Refusal(status: response.status, reason: reason, retryAfter: retryAfter))
        default: return .unavailable(Failure("status \(response.status)", retryAfter: retryAfter))
        }
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

    fileprivate func map<Other>(_ transform: (Value) -> TVPythonAPI.Outcome<Other>) -> TVPythonAPI.Outcome<Other> {
        switch self {
        case .success(let value): transform(value)
        case .rejected(let refusal): .rejected(refusal)
        case .unavailable(let failure): .unavailable(failure)
        }
    }
}

extension TVPythonAPI.Refusal: CustomStringConvertible {
    /// There is no such thing.
    package var isGone: Bool { status == 404 || status == 410 }

    package var description: String { reason.text }
}

extension TVPythonAPI.Failure: CustomStringConvertible {
    /// In words of our own: the HTTP client's are for the operator.
    fileprivate init(_ error: HTTPClientError) {
        let reason =
            switch error.kind {
            case .connection: error.mayHaveBeenSent ? "the connection was cut" : "no connection"
            case .timeout: error.mayHaveBeenSent ? "no answer in time" : "no connection in time"
            case .tls: "no secure connection"
            case .tooLarge: "the answer is too large"
            case .invalidResponse: "the answer is not HTTP"
            case .badRequest: "the request cannot be sent"
            case .cancelled, .closed: "the service is stopping"
            }
        self.init(reason, detail: error.description, mayHaveArrived: error.mayHaveBeenSent)
    }

    /// All of it, for logs and operators.
    package var description: String { detail.map { "\(reason) (\($0))" } ?? reason }
}
