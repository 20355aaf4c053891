import Datasets
import HTTPServer
package import Signatures
package import Store
import Synchronization
package import TVPython
import Telemetry
import Time

/// Lets through what comes from the TV Python API: from its networks, where they are known, and rightly signed. All others are
/// answered 401, whatever the reason, counted by it, kept for the operator, and limited by address. Callable from any thread.
package final class WebhookGate: Sendable {
    private let verifier: Mutex<WebhookVerifier>
    private let networks: [ClientAddress.Network]
    private let failures = FailureLimiter(perMinute: 60)
    private let registration: CallbackRegistration
    private let refused: RefusedWebhooks
    private let addresses: ClientAddress
    private let instruments: WebInstruments

    /// - Parameter networks: from which webhooks may come; none: from everywhere.
    package init(
        verifier: WebhookVerifier, networks: [ClientAddress.Network] = [], addresses: ClientAddress,
        registration: CallbackRegistration, refused: RefusedWebhooks, instruments: WebInstruments
    ) {
        self.verifier = Mutex(verifier)
        self.networks = networks
        self.addresses = addresses
        self.registration = registration
        self.refused = refused
        self.instruments = instruments
    }

    /// Takes other secrets from now on.
    package func use(_ verifier: WebhookVerifier) {
        self.verifier.withLock { $0 = verifier }
    }

    /// What the header alone shows to be wrong, whatever the body; nil for what may be right.
    func refusal(ofHead head: HTTPRequest) -> HTTPResponse? {
        if !networks.isEmpty {
            let address = addresses.resolve(head)
            guard networks.contains(where: { $0.contains(address) }) else { return refuse(head, .foreignNetwork) }
        }
        do throws(WebhookVerificationError) {
            try verifier.withLock { $0 }.check(
                id: Self.id(of: head), timestamp: Self.single("webhook-timestamp", of: head),
                signature: Self.signature(of: head), now: Timestamp.now().seconds)
            return nil
        } catch {
            return refuse(head, .init(error))
        }
    }

    /// What is wrong with a request of which the header was not; nil if it is rightly signed.
    func refusal(of request: HTTPRequest) -> HTTPResponse? {
        do throws(WebhookVerificationError) {
            try verifier.withLock { $0 }.verify(
                id: Self.id(of: request), timestamp: Self.single("webhook-timestamp", of: request),
                signature: Self.signature(of: request), body: request.body, now: Timestamp.now().seconds)
            registration.signatureHeld()
            return nil
        } catch {
            if error == .noMatch { registration.signatureFailed() }
            return refuse(request, .init(error))
        }
    }

    /// Takes note of a webhook that was right, and not taken.
    func noteQueueFull(_ request: HTTPRequest) {
        instruments.refuse(.queueFull)
        refused.note(
            RefusedWebhook(
                time: .now(), address: addresses.resolve(request), webhookID: Self.id(of: request), reason: .queueFull),
            isKept: false)
    }

    /// `webhook-id`.
    static func id(of request: HTTPRequest) -> String? { single("webhook-id", of: request) }

    /// `webhook-timestamp`.
    static func time(of request: HTTPRequest) -> Timestamp? {
        single("webhook-timestamp", of: request).flatMap { Int64($0) }.map { Timestamp(seconds: $0) }
    }

    /// Several lines count as one list.
    private static func signature(of request: HTTPRequest) -> String {
        if request.headers.count(of: "webhook-signature") == 1 { return request.headers["webhook-signature"] ?? "" }
        return request.headers.all("webhook-signature").joined(separator: " ")
    }

    /// The value of a field that may come once; of several nothing that could be right.
    private static func single(_ name: String, of request: HTTPRequest) -> String? {
        if request.headers.count(of: name) < 2 { return request.headers[name] }
        return request.headers.all(name).joined(separator: ", ")
    }

    /// A right signature is never limited. An address that sends too many wrong ones is answered 429, and they are
    /// counted but not kept. No answer has the reason.
    private func refuse(_ request: HTTPRequest, _ reason: RefusedWebhook.Reason) -> HTTPResponse {
        let (address, now) = (addresses.resolve(request), Timestamp.now())
        let silence = failures.noteFailure(of: address, now: now.seconds)
        instruments.refuse(reason)
        refused.note(
            RefusedWebhook(time: now, address: address, webhookID: Self.id(of: request), reason: reason),
            isKept: silence == nil)
        instruments.log.debug(
            "webhook refused", ["reason": .string(reason.rawValue), "address": .string(address)])
        if let silence { return APIError.tooManyAttempts(retryAfter: silence).response }
        return APIError(401, "invalid_signature", "The webhook could not be verified.").response
    }
}

extension RefusedWebhook.Reason {
    fileprivate init(_ error: WebhookVerificationError) {
        self =
            switch error {
            case .missingHeader: .missingHeader
            case .malformedID: .malformedID
            case .malformedTimestamp: .malformedTimestamp
            case .malformedSignature: .malformedSignature
            case .tooOld: .tooOld
            case .tooNew: .tooNew
            case .noMatch: .noMatch
            }
    }
}
