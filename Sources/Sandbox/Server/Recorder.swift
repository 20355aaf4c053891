import Synchronization

/// Keeps what happened, in order, and lets others wait for more of it. Any thread may use it.
///
/// Keeps the newest 100,000 elements, so that a load test does not fill memory.
public final class Recorder<Element: Sendable>: Sendable {
    private struct Waiter {
        let satisfied: @Sendable ([Element]) -> Bool
        let continuation: CheckedContinuation<[Element]?, Never>
    }

    private struct State {
        var elements: [Element] = []
        var total = 0
        var nextWaiter = 0
        var waiters: [Int: Waiter] = [:]
    }

    private let state = Mutex(State())
    private let limit = 100_000

    init() {}

    /// What is kept, oldest first.
    public var all: [Element] { state.withLock(\.elements) }

    /// How many there were, kept or not.
    public var total: Int { state.withLock(\.total) }

    /// Waits until `satisfied` holds for what is kept, and returns that. Throws `SandboxError` after `timeout`, and when
    /// the task is cancelled.
    @discardableResult
    public func wait(
        timeout: Duration = .seconds(10), until satisfied: @escaping @Sendable ([Element]) -> Bool
    ) async throws(SandboxError) -> [Element] {
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        let alarm = Task {
            try await Task.sleep(for: timeout)
            self.giveUp(id)
        }
        defer { alarm.cancel() }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state -> [Element]?? in
                    if satisfied(state.elements) { return state.elements }
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[id] = Waiter(satisfied: satisfied, continuation: continuation)
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            giveUp(id)
        }
        guard let result else { throw SandboxError("waited in vain; there are \(total) \(Element.self)") }
        return result
    }

    /// Waits until `count` elements are kept.
    @discardableResult
    public func wait(count: Int, timeout: Duration = .seconds(10)) async throws(SandboxError) -> [Element] {
        try await wait(timeout: timeout) { $0.count >= count }
    }

    func append(_ element: Element) {
        let woken = state.withLock { state in
            state.elements.append(element)
            state.total += 1
            if state.elements.count > limit { state.elements.removeFirst(limit / 2) }
            let elements = state.elements
            let satisfied = state.waiters.filter { $0.value.satisfied(elements) }
            for id in satisfied.keys { state.waiters[id] = nil }
            return satisfied.values.map { ($0.continuation, elements) }
        }
        for (continuation, elements) in woken { continuation.resume(returning: elements) }
    }

    private func giveUp(_ id: Int) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.continuation.resume(returning: nil)
    }
}
