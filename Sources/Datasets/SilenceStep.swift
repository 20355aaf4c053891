package import Time

extension DatasetHistory {
    /// What the silence of the TV Python API asks for.
    package enum SilenceStep: Sendable, Equatable {
        /// Not active, or without a deadline.
        case nothing
        case wait(until: Timestamp)
        /// The deadline nears: ask for the webhooks that may have been lost.
        case ask
        case stall
    }

    /// How long before the deadline webhooks are asked for again, and how long they are then waited for at least, in
    /// microseconds: a tenth of the whole.
    package static func redeliveryLead(of deadlineSeconds: Int64) -> Int64 { deadlineSeconds * 100_000 }

    /// What is to be done now (spec, sections 3 and 4). Pure.
    ///
    /// The deadline runs from the last webhook that was applied, or else from when the dataset became active. Once
    /// webhooks have been asked for they are given their time, even if that is only after the deadline: the service may
    /// have been down.
    package func silenceStep(at now: Timestamp, deadlineSeconds: Int64) -> SilenceStep {
        guard status == .queued || status == .processing, let deadlineAt else { return .nothing }
        let lead = Self.redeliveryLead(of: deadlineSeconds)
        let deadline = max(deadlineAt, heardAt?.adding(seconds: deadlineSeconds) ?? deadlineAt)
        guard let redeliveryAskedAt else {
            let due = deadline.adding(microseconds: -lead)
            return now < due ? .wait(until: due) : .ask
        }
        let due = max(deadline, redeliveryAskedAt.adding(microseconds: lead))
        return now < due ? .wait(until: due) : .stall
    }
}
