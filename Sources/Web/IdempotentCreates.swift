import Datasets
import HTTPServer
import JSON
import Signatures
package import Store
package import Telemetry
import Workflows

/// `Idempotency-Key` on creates (spec, section 2): the same key and body within 24 hours get the first answer again.
///
/// Kept is every answer that says what became of the request. Those that invite to try again (503) or tell of an accident
/// (500) are not: the same key tries again then, unless the first try turns out to have got through.
package struct IdempotentCreates: Sendable {
    private static let replayedHeader = (name: "Idempotent-Replayed", value: "true")

    let keys: IdempotencyKeys
    let histories: Histories
    /// How long one create may take, in seconds.
    let createSeconds: Int64
    let log: Logger

    package init(keys: IdempotencyKeys, histories: Histories, createSeconds: Int64, log: Logger) {
        self.keys = keys
        self.histories = histories
        self.createSeconds = createSeconds
        self.log = log
    }

    /// The answer to a create under a key: the first one, or that of `create`.
    ///
    /// - Parameter create: notes the row that it reserves under the key.
    func answer(
        _ key: String, of wishlist: Wishlist, by caller: Caller, body: [UInt8],
        create: (IdempotencyKeys.Lease) async throws -> DatasetHistory
    ) async throws -> HTTPResponse {
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw APIError.invalid(
                400, "invalid_idempotency_key",
                [("Idempotency-Key", ["The Idempotency-Key must be 1 to 255 visible ASCII characters."])])
        }
        let fingerprint = Digest.sha256(Array("createAnalysis \(wishlist.id) ".utf8) + body)
        switch try await keys.begin(key, user: caller.userID, fingerprint: fingerprint, seconds: createSeconds) {
        case .reused:
            throw APIError(422, "idempotency_key_reused", "The Idempotency-Key was used for another request.")
        case .inFlight:
            throw Self.inFlight
        case .answered(let status, let body):
            var response = HTTPResponse.json(status, body)
            response.headers.append(Self.replayedHeader)
            return response
        case .new(let lease):
            return await finish(lease) { try await create(lease) }
        case .begun(let lease, let historyID):
            return try await takeUp(historyID, lease) { try await create(lease) }
        }
    }

    /// Answers, and keeps the answer.
    private func finish(_ lease: IdempotencyKeys.Lease, _ create: () async throws -> DatasetHistory) async
        -> HTTPResponse
    {
        var response: HTTPResponse
        do {
            response = .resource(201, try await create().resource())
        } catch {
            let answer = APIError(error)
            if answer.status >= 500, !(error is APIError || error is Refusal) {
                log.error("create failed", ["error": .string("\(error)")])
            }
            response = answer.response
        }
        do {
            if response.status == 500 || response.status == 503 {
                try await keys.release(lease)
            } else {
                try await keys.keep(status: response.status, body: response.body, under: lease)
            }
        } catch {
            log.warning("answer under an idempotency key not kept", ["error": .string("\(error)")])
        }
        return response
    }

    /// An earlier request reserved a row and did not end, or was answered to try again: the row tells which.
    private func takeUp(
        _ historyID: Int64, _ lease: IdempotencyKeys.Lease, _ create: () async throws -> DatasetHistory
    ) async throws -> HTTPResponse {
        guard let history = try await histories.find(historyID) else { return await finish(lease, create) }
        if history.status == .pending {
            // Whoever has the row's lease is at it.
            try await keys.release(lease)
            throw Self.inFlight
        }
        if history.status == .failed, history.error?.code == DatasetError.unavailableCode {
            return await finish(lease, create)
        }
        return await finish(lease) {
            if history.status == .failed, let error = history.error, error.code == DatasetError.rejectedCode {
                throw CreateCall.rejection(error.message)
            }
            return history
        }
    }

    private static let inFlight = {
        var error = APIError(409, "idempotency_key_in_use", "A request with this Idempotency-Key is being processed.")
        error.headers = [("Retry-After", "2")]
        return error
    }()

    /// Removes old keys now and then, until cancelled.
    package func keepPruning() async {
        while !Task.isCancelled {
            do {
                try await keys.prune()
            } catch {
                log.debug("idempotency keys not pruned", ["error": .string("\(error)")])
            }
            try? await Task.sleep(for: .seconds(Int64.random(in: 1800...5400)))
        }
    }
}
