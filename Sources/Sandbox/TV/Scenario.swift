import JSON

/// How the sandbox's TV Python API builds a dataset, and what goes wrong on the way. The same seed, the same faults.
public struct Scenario: Sendable, Equatable {
    /// How a dataset ends.
    public enum Outcome: String, Sendable, CaseIterable {
        case completed, failed, canceled
        /// No more webhooks come after half of the progress.
        case silent
    }

    /// What happens to a create request before the next one is treated as it should be.
    public enum CreateFault: Sendable, Equatable {
        /// Not accepted; answered with this status (429 and 503 with `Retry-After: 1`).
        case status(Int)
        /// Not accepted, and never answered.
        case hang
        /// Accepted, but never answered: the retry under the same key gets the answer.
        case acceptThenHang
        /// Accepted, but answered with this status, as a gateway in between does when it loses the answer.
        case acceptThenStatus(Int)
    }

    /// Seeds the choices of faults.
    public var seed: UInt64 = 1
    /// Seconds between two webhooks.
    public var stepDelay: Double = 0.2
    /// How many `dataset.progress` webhooks come on the way to completion.
    public var steps = 10
    /// How it ends.
    public var outcome = Outcome.completed
    /// Whether `training.started` and `training.completed` follow.
    public var training = false
    /// Probability, for each webhook, that it is sent twice.
    public var duplicate: Double = 0
    /// Probability that it is sent after its successor.
    public var reorder: Double = 0
    /// Probability that it is not sent at all, save for a redelivery.
    public var lose: Double = 0
    /// Probability that it comes three webhooks late.
    public var late: Double = 0
    /// Webhooks do not wait for the answer to the ones before.
    public var concurrent = false
    /// Factor on the waits of Standard Webhooks' retry schedule (5 s, 5 min, 30 min, ...).
    public var retryScale: Double = 1
    /// `dataset.queued` is delivered before the create request is answered.
    public var webhookBeforeCreateReturns = false
    /// Webhooks carry no `reference`.
    public var referenceMissing = false
    /// Seconds before a create request is answered.
    public var createDelay: Double = 0
    /// Faults of the next create requests, one each; then all goes well.
    public var createFaults: [CreateFault] = []

    /// Ten steps to completion, without faults.
    public init() {}
}

extension Scenario.CreateFault {
    /// `"503"`, `"hang"`, `"accept_then_hang"` or `"accept_then_504"`.
    public init?(_ text: String) {
        switch text {
        case "hang": self = .hang
        case "accept_then_hang": self = .acceptThenHang
        default:
            let accepts = text.hasPrefix("accept_then_")
            guard let status = Int(accepts ? text.dropFirst(12) : text[...]), (400...599).contains(status) else {
                return nil
            }
            self = accepts ? .acceptThenStatus(status) : .status(status)
        }
    }

    var text: String {
        switch self {
        case .status(let status): "\(status)"
        case .hang: "hang"
        case .acceptThenHang: "accept_then_hang"
        case .acceptThenStatus(let status): "accept_then_\(status)"
        }
    }
}

extension Scenario {
    /// Changes what the object's members name (in snake_case); unknown names and wrong values are errors.
    mutating func apply(_ object: JSONView) throws(SandboxError) {
        guard object.kind == .object else { throw SandboxError("a scenario is a JSON object") }
        for (name, value) in object.members {
            guard set(name, value) else { throw SandboxError("scenario: \(name) is unknown or has a wrong value") }
        }
    }

    private mutating func set(_ name: String, _ value: JSONView) -> Bool {
        switch name {
        case "seed": assign(&seed, value.int.flatMap(UInt64.init(exactly:)))
        case "step_delay": assign(&stepDelay, seconds(value))
        case "steps": assign(&steps, value.int.flatMap { (0...10_000).contains($0) ? Int($0) : nil })
        case "outcome": assign(&outcome, value.string.flatMap(Outcome.init))
        case "training": assign(&training, value.bool)
        case "duplicate": assign(&duplicate, probability(value))
        case "reorder": assign(&reorder, probability(value))
        case "lose": assign(&lose, probability(value))
        case "late": assign(&late, probability(value))
        case "concurrent": assign(&concurrent, value.bool)
        case "retry_scale": assign(&retryScale, seconds(value))
        case "webhook_before_create_returns": assign(&webhookBeforeCreateReturns, value.bool)
        case "reference_missing": assign(&referenceMissing, value.bool)
        case "create_delay": assign(&createDelay, seconds(value))
        case "create_faults":
            assign(&createFaults, faults(value))
        default: false
        }
    }

    private func assign<Value>(_ place: inout Value, _ value: Value?) -> Bool {
        guard let value else { return false }
        place = value
        return true
    }

    private func seconds(_ value: JSONView) -> Double? {
        value.double.flatMap { (0...86_400).contains($0) ? $0 : nil }
    }

    private func probability(_ value: JSONView) -> Double? {
        value.double.flatMap { (0...1).contains($0) ? $0 : nil }
    }

    private func faults(_ value: JSONView) -> [CreateFault]? {
        guard value.kind == .array else { return nil }
        let faults = value.elements.map { $0.string.flatMap(CreateFault.init) }
        return faults.contains(nil) ? nil : faults.compactMap { $0 }
    }

    /// The scenario as the JSON that `apply` takes.
    public var json: [UInt8] {
        JSONWriter.bytes {
            $0.field("seed", seed)
            $0.field("step_delay", stepDelay)
            $0.field("steps", steps)
            $0.field("outcome", outcome.rawValue)
            $0.field("training", training)
            $0.field("duplicate", duplicate)
            $0.field("reorder", reorder)
            $0.field("lose", lose)
            $0.field("late", late)
            $0.field("concurrent", concurrent)
            $0.field("retry_scale", retryScale)
            $0.field("webhook_before_create_returns", webhookBeforeCreateReturns)
            $0.field("reference_missing", referenceMissing)
            $0.field("create_delay", createDelay)
            $0.list("create_faults") { for fault in createFaults { $0.value(fault.text) } }
        }
    }
}
