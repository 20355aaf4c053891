import Datasets
import HTTPServer
import Signatures
import Synchronization
import Time

/// Limits failed logins by address, before a token is looked up. A token that was right of late is looked up all the same:
/// who is behind one address with strangers is not locked out by them. Bounded in memory; callable from any thread.
final class LoginLimiter: Sendable {
    /// How long a right token counts as known, in seconds.
    private static let memory: Int64 = 600
    private static let maximumTokens = 10_000

    private let failures = FailureLimiter(perMinute: 60)
    private let addresses: ClientAddress
    /// Until when, by digest.
    private let known = Mutex<[[UInt8]: Int64]>([:])

    init(addresses: ClientAddress) {
        self.addresses = addresses
    }

    /// The caller whom `lookUp` finds; throws what it throws, or `APIError` 429 without having called it.
    func caller(
        _ request: HTTPRequest, token: String, now: Int64 = Timestamp.now().seconds,
        lookUp: () async throws -> Caller
    ) async throws -> Caller {
        let digest = Digest.sha256(Array(token.utf8))
        let address = addresses.resolve(request)
        if let seconds = failures.silence(of: address, now: now), !isKnown(digest, now) {
            throw APIError.tooManyAttempts(retryAfter: seconds)
        }
        do {
            let caller = try await lookUp()
            known.withLock { known in
                if known.count >= Self.maximumTokens {
                    known = known.filter { $0.value > now }
                    if known.count >= Self.maximumTokens { known.removeAll() }
                }
                known[digest] = now + Self.memory
            }
            return caller
        } catch let refusal as Refusal where refusal.reason == .unauthenticated {
            known.withLock { known in known[digest] = nil }
            _ = failures.noteFailure(of: address, now: now)
            throw refusal
        }
    }

    private func isKnown(_ digest: [UInt8], _ now: Int64) -> Bool {
        known.withLock { known in known[digest].map { $0 > now && $0 <= now + Self.memory } ?? false }
    }
}
