package import Time

/// A wishlist that the caller may see.
package struct Wishlist: Sendable, Equatable {
    package var id: Int64
    package var slug: String
    package var name: String
    package var groupID: Int64
    /// 0 inactive, 1 active, 3 canceled.
    package var status: Int64
    package var training: TrainingStatus
    package var trainingScheduledAt: Timestamp?
    package var role: Role

    /// What a member of the group is (`group_user.role`).
    package enum Role: String, Sendable {
        case owner
        case editor
        case viewer
    }

    package init(
        id: Int64, slug: String, name: String, groupID: Int64, status: Int64, training: TrainingStatus,
        trainingScheduledAt: Timestamp?, role: Role
    ) {
        self.id = id
        self.slug = slug
        self.name = name
        self.groupID = groupID
        self.status = status
        self.training = training
        self.trainingScheduledAt = trainingScheduledAt
        self.role = role
    }

    package var isActive: Bool { status == 1 }
}
