import Synchronization

extension SandboxTV {
    /// Delivers a webhook with all its retries; returns when it is delivered or given up. `first` is an attempt that has
    /// been made already.
    func deliver(_ webhook: Webhook, of dataset: Dataset, first: WebhookSender.Result? = nil) async {
        let schedule = RetrySchedule(scale: dataset.scenario.retryScale)
        var number = 1
        var made = first
        while !Task.isCancelled {
            var result = made
            made = nil
            if result == nil { result = await send(webhook, number: number, of: dataset) }
            guard let result else { return }
            let decision = schedule.decide(
                attempt: number, status: result.attempt.status, retryAfter: result.retryAfter)
            switch decision {
            case .delivered, .giveUp: return
            case .disable:
                state.withLock { $0.callbacks[dataset.request.callback]?.isDisabled = true }
                return log("callback \(dataset.request.callback) disabled by 410")
            case .retry(let wait):
                try? await Task.sleep(for: wait)
                number += 1
            }
        }
    }

    /// One attempt, recorded. Nil if nobody wants this webhook.
    func send(_ webhook: Webhook, number: Int, of dataset: Dataset) async -> WebhookSender.Result? {
        guard let callback = callback(dataset.request.callback), !callback.isDisabled, callback.wants(webhook.type)
        else { return nil }
        let result = await sender.send(webhook, number: number, to: callback)
        let attempt = result.attempt
        if Task.isCancelled, attempt.status == nil { return nil }  // the sandbox stops
        state.withLock { state in
            state.datasets[dataset.id]?.attempts += 1
            if attempt.isDelivered {
                state.datasets[dataset.id]?.delivered.insert(webhook.id)
                state.datasets[dataset.id]?.outcomes[attempt.outcome ?? "none", default: 0] += 1
            }
        }
        log(Self.line(attempt))
        attempts.append(attempt)
        return result
    }

    private static func line(_ attempt: WebhookAttempt) -> String {
        let milliseconds = attempt.duration / .milliseconds(1)
        let outcome = attempt.outcome.map { " \($0)" } ?? ""
        let answer = attempt.status.map { "\($0)\(outcome)" } ?? attempt.error ?? "no answer"
        let retry = attempt.number > 1 ? " (attempt \(attempt.number))" : ""
        return "webhook  \(attempt.webhook.type) #\(attempt.webhook.sequence)\(retry) -> \(answer), "
            + "\(Int(milliseconds)) ms"
    }
}
