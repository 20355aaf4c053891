import Synchronization

/// A question that is dear to ask: asked by one at a time, for all who want to know, and the answer is good for a while.
///
/// Whoever asks waits for `patience` at most, then gets nil; the question goes on being asked.
package final class Probe<Answer: Sendable>: Sendable {
    private struct State: Sendable {
        var answer: (value: Answer, at: ContinuousClock.Instant)?
        var isAsking = false
        var waiting: [Int: CheckedContinuation<Answer?, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let validity: Duration
    private let patience: Duration
    private let ask: @Sendable () async -> Answer

    package init(validity: Duration, patience: Duration, ask: @escaping @Sendable () async -> Answer) {
        self.validity = validity
        self.patience = patience
        self.ask = ask
    }

    /// The answer; nil if there is none in time.
    package func answer() async -> Answer? {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let (fresh, begins) = state.withLock { state -> (Answer?, Bool) in
                if let answer = state.answer, .now - answer.at < validity { return (answer.value, false) }
                state.waiting[number] = continuation
                defer { state.isAsking = true }
                return (nil, !state.isAsking)
            }
            if let fresh { continuation.resume(returning: fresh) }
            if begins { Task { await self.run() } }
        }
    }

    private func run() async {
        let value = await ask()
        let waiting = state.withLock { state in
            state.answer = (value, .now)
            state.isAsking = false
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }
}
