package import Time

/// What a client wants the training status to be (spec, section 2, Case 3).
package struct TrainingRequest: Sendable, Equatable {
    /// When the training is to take place.
    package enum Schedule: Sendable, Equatable {
        /// Not said: as it is, or as soon as possible if nothing was asked for yet.
        case unchanged
        /// nil: as soon as possible.
        case set(Timestamp?)
    }

    package var status: TrainingStatus
    package var schedule: Schedule

    package init(status: TrainingStatus, schedule: Schedule = .unchanged) {
        self.status = status
        self.schedule = schedule
    }

    /// What the wishlist's training would be after this request.
    package func target(from present: TrainingChange) -> TrainingChange {
        guard status == .requested else { return TrainingChange(status: status) }
        switch schedule {
        case .set(let time): return TrainingChange(status: status, scheduledAt: time)
        case .unchanged:
            return TrainingChange(
                status: status, scheduledAt: present.status == .requested ? present.scheduledAt : nil)
        }
    }
}
