package import Operations
package import TVPython

/// What the operator's API can do, put together by whoever starts the service.
package struct OperatorTools: Sendable {
    package let desk: OperatorDesk
    package let replay: Replay
    package let retry: DeadLetterRetry
    package let registration: CallbackRegistration
    /// What `integrator doctor` finds.
    package let doctor: @Sendable () async -> [Finding]
    /// What is registered at the TV Python API, and what should be.
    package let callback: @Sendable () async throws -> Details
    package let sync: @Sendable () async throws -> Void
    /// The steps of a rotation; the report in lines, and whether it is done.
    package let rotate: @Sendable (RotationStep) async throws -> (lines: [String], isDone: Bool)
    /// Sends a webhook that changes nothing to the public URL; the answer.
    package let testWebhook: @Sendable () async throws -> String
    /// The last hour and the present of this instance, as JSON members.
    package let answerTimes: @Sendable () -> (median: Double?, high: Double?)

    package enum RotationStep: String, Sendable {
        /// A new secret is accepted, not registered yet.
        case prepare
        /// The new secret is registered.
        case register
        /// The old ones are accepted no longer.
        case finish
    }

    package init(
        desk: OperatorDesk, replay: Replay, retry: DeadLetterRetry, registration: CallbackRegistration,
        doctor: @escaping @Sendable () async -> [Finding],
        callback: @escaping @Sendable () async throws -> Details, sync: @escaping @Sendable () async throws -> Void,
        rotate: @escaping @Sendable (RotationStep) async throws -> (lines: [String], isDone: Bool),
        testWebhook: @escaping @Sendable () async throws -> String,
        answerTimes: @escaping @Sendable () -> (median: Double?, high: Double?)
    ) {
        self.desk = desk
        self.replay = replay
        self.retry = retry
        self.registration = registration
        self.doctor = doctor
        self.callback = callback
        self.sync = sync
        self.rotate = rotate
        self.testWebhook = testWebhook
        self.answerTimes = answerTimes
    }
}
