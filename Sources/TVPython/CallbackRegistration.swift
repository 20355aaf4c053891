package import Signatures
import Synchronization
package import Telemetry
package import Time

/// Keeps the callback registered at the TV Python API (spec, section 4): looks at it at the start, every few minutes, and at
/// once when something says that it is gone, and puts it right.
///
/// Callable from any thread.
package final class CallbackRegistration: Sendable {
    /// Between two looks while all is well, in milliseconds.
    private static let interval: ClosedRange<Int64> = 120_000...300_000
    /// After a look that found all well, a fifth of this to all of it passes before the next, whatever is suspected.
    private static let rest: Duration = .seconds(5)
    /// For one call while a create waits.
    private static let hurry: Duration = .seconds(3)
    private static let backoff = Backoff(base: .seconds(1), cap: .seconds(60))

    private struct Shared {
        var secret: WebhookSecret
        var state = CallbackState()
        var signatures = SignatureWatch()
        /// Why it is to be looked at; nil: no reason.
        var suspicion: String?
        /// GET does not show the secret: it may be another one.
        var doubtsSecret = false
        /// The keeper's sleep.
        var nap: Task<Void, Never>?
        /// Under way; whoever comes meanwhile waits for it too.
        var repair: Task<TVPythonAPI.Outcome<Void>, Never>?
    }

    private let api: TVPythonAPI
    /// What should be registered.
    package let expected: TVPythonAPI.Callback
    private let log: Logger
    private let repairs: Counter
    private let shared: Mutex<Shared>
    /// `signatures` counts something.
    private let countsFailures = Atomic(false)

    /// - Parameter callback: what should be registered.
    package init(
        api: TVPythonAPI, callback: TVPythonAPI.Callback, secret: WebhookSecret, log: Logger,
        metrics: Metrics = Metrics()
    ) {
        self.api = api
        self.log = log
        expected = callback
        shared = Mutex(Shared(secret: secret))
        repairs = metrics.counter(
            "integrator_callback_repairs_total", help: "How often the callback was found wrong and put right.")
        metrics.gauge(
            "integrator_webhook_signatures_failing",
            help: "Webhooks whose signature is wrong, while none is right: another secret may be registered."
        ) { [weak self] in Double(self?.state.failingSignatures ?? 0) }
    }

    /// What is known of it.
    package var state: CallbackState {
        shared.withLock { shared in
            var state = shared.state
            if shared.signatures.isFailing(at: .now()) {
                state.failingSignatures = shared.signatures.count
                state.failingSince = shared.signatures.since
            }
            return state
        }
    }

    /// Whether it was as it should be when it was last seen.
    package var isRegistered: Bool { shared.withLock { $0.state.isRegistered == true } }

    /// Registers it with another secret from now on.
    package func use(_ secret: WebhookSecret) {
        shared.withLock { $0.secret = secret }
    }

    // MARK: What says that it may be gone

    /// Has it looked at soon. Never blocks.
    package func suspect(_ reason: String) {
        shared.withLock { shared in
            if shared.suspicion == nil { shared.suspicion = reason }
            shared.nap?.cancel()
        }
    }

    /// Notes a webhook whose signature no secret of ours has made.
    package func signatureFailed(at now: Timestamp = .now()) {
        countsFailures.store(true, ordering: .relaxed)
        let count = shared.withLock { shared -> Int? in
            guard shared.signatures.failed(at: now) else { return nil }
            shared.doubtsSecret = true
            return shared.signatures.count
        }
        guard let count else { return }
        log.error("signatures of webhooks are wrong, and none is right", ["count": .int(count)])
        suspect("signatures of webhooks are wrong, and none is right")
    }

    /// Notes a webhook whose signature is right.
    package func signatureHeld() {
        guard countsFailures.load(ordering: .relaxed) else { return }
        countsFailures.store(false, ordering: .relaxed)
        shared.withLock { $0.signatures.succeeded() }
    }

    // MARK: Looking, and putting right

    /// Registers it, and looks whether it is. A PUT each time: the secret may differ, and nobody tells it back.
    package func sync(timeout: Duration = TVPythonAPI.defaultTimeout) async -> TVPythonAPI.Outcome<Void> {
        let secret = shared.withLock { $0.secret }
        // What does not take a change may take it anew.
        for isAnew in [false, true] {
            if isAnew, case .unavailable(let failure) = await api.deleteCallback(timeout: timeout) {
                return noted(.unavailable(failure))
            }
            let put = await api.putCallback(expected, secret: secret, timeout: timeout)
            guard case .success = put else { return noted(put) }
            switch await seen(timeout: timeout) {
            case .success(let faults) where faults.isEmpty: return .success(())
            case .success: continue
            case .rejected(let refusal): return .rejected(refusal)
            case .unavailable(let failure): return .unavailable(failure)
            }
        }
        let faults = shared.withLock { $0.state.faults }
        return .unavailable(.init("the callback is registered otherwise than asked: \(faults.joined(separator: "; "))"))
    }

    /// Looks at it, and notes what is wrong with it.
    private func seen(timeout: Duration = TVPythonAPI.defaultTimeout) async -> TVPythonAPI.Outcome<[String]> {
        switch await api.callback(timeout: timeout) {
        case .success(let found):
            let faults = expected.faults(of: found)
            shared.withLock { shared in
                let now = Timestamp.now()
                if shared.state.isRegistered != faults.isEmpty { shared.state.since = now }
                shared.state.isRegistered = faults.isEmpty
                shared.state.seenAt = now
                shared.state.faults = faults
                shared.state.problem = nil
            }
            return .success(faults)
        case .rejected(let refusal): return noted(.rejected(refusal))
        case .unavailable(let failure): return noted(.unavailable(failure))
        }
    }

    /// Keeps why it could not be looked at or put right.
    private func noted<Value>(_ outcome: TVPythonAPI.Outcome<Value>) -> TVPythonAPI.Outcome<Value> {
        let problem: String? =
            switch outcome {
            case .success: nil
            case .rejected(let refusal): "refused with \(refusal.status): \(refusal)"
            case .unavailable(let failure): failure.reason
            }
        shared.withLock { shared in
            shared.state.problem = problem
            // A refusal is no outage: it stays until somebody acts.
            if case .rejected = outcome, shared.state.isRegistered != false {
                shared.state.isRegistered = false
                shared.state.since = .now()
            }
        }
        return outcome
    }

    /// Registers it anew because of an answer that a caller got. Several at once share one attempt.
    /// - Returns: whether it is as it should be now.
    package func restore(_ reason: String) async -> Bool {
        if case .success = await repaired(reason, timeout: Self.hurry) { return true }
        return false
    }

    /// Looks at it because of an answer that a caller got, and registers it anew if it is wrong.
    /// - Returns: whether it was wrong, and is right now.
    package func restoreIfWrong(_ reason: String) async -> Bool {
        guard case .success(let faults) = await seen(timeout: Self.hurry), !faults.isEmpty else { return false }
        return await restore("\(faults.joined(separator: "; ")); \(reason)")
    }

    private func repaired(_ reason: String, timeout: Duration) async -> TVPythonAPI.Outcome<Void> {
        let task = shared.withLock { state in
            if let task = state.repair { return task }
            // Not a child of who asks first: others wait for it too.
            let task = Task { [self] in
                log.warning("registering the callback again", ["reason": .string(reason)])
                let outcome = await sync(timeout: timeout)
                shared.withLock { state in
                    state.repair = nil
                    if case .success = outcome { state.state.repairs += 1 }
                }
                switch outcome {
                case .success: repairs.increment()
                case .rejected(let refusal): tell(refusal)
                case .unavailable(let failure): tell(failure)
                }
                return outcome
            }
            state.repair = task
            return task
        }
        return await task.value
    }

    // MARK: The keeper

    /// Keeps it registered until cancelled.
    package func run() async {
        var failures = 0
        var isNew = true
        while !Task.isCancelled {
            let (suspicion, doubtsSecret) = shared.withLock { shared in
                defer { (shared.suspicion, shared.doubtsSecret) = (nil, false) }
                return (shared.suspicion, shared.doubtsSecret)
            }
            let isRight = isNew ? await register() : await look(suspicion, doubtsSecret: doubtsSecret)
            if isRight { isNew = false }
            failures = isRight ? 0 : failures + 1
            guard isRight else {
                await nap(.milliseconds(200) + Self.backoff.delay(afterAttempt: failures))
                continue
            }
            try? await Task.sleep(for: Self.rest * Double.random(in: 0.2...1))
            await nap(.milliseconds(Int64.random(in: Self.interval)))
        }
    }

    private func register() async -> Bool {
        switch await sync() {
        case .success:
            log.info("callback registered", ["url": .string(expected.url)])
            return true
        case .rejected(let refusal): tell(refusal)
        case .unavailable(let failure): tell(failure)
        }
        return false
    }

    private func look(_ suspicion: String?, doubtsSecret: Bool) async -> Bool {
        switch await seen() {
        case .success(let faults):
            if faults.isEmpty && !doubtsSecret { return true }
            let reason = (faults + [suspicion].compactMap { $0 }).joined(separator: "; ")
            if case .success = await repaired(reason, timeout: TVPythonAPI.defaultTimeout) { return true }
        case .rejected(let refusal): tell(refusal)
        case .unavailable(let failure): tell(failure)
        }
        if doubtsSecret { shared.withLock { $0.doubtsSecret = true } }
        return false
    }

    private func tell(_ refusal: TVPythonAPI.Refusal) {
        log.error("callback rejected", ["status": .int(refusal.status), "reason": .string("\(refusal)")])
    }

    private func tell(_ failure: TVPythonAPI.Failure) {
        log.warning("callback not registered yet", ["reason": .string("\(failure)")])
    }

    /// Sleeps, until something is suspected.
    private func nap(_ time: Duration) async {
        let nap = shared.withLock { shared -> Task<Void, Never>? in
            guard shared.suspicion == nil else { return nil }
            shared.nap = Task { try? await Task.sleep(for: time) }
            return shared.nap
        }
        guard let nap else { return }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        shared.withLock { $0.nap = nil }
    }
}
