/// Whom a request comes from.
package struct Caller: Sendable, Equatable {
    package var tokenID: Int64
    package var userID: Int64
    package var abilities: [String]
    /// `last_used_at` is a minute old, or was never written.
    package var isUseDue = false

    /// What a token may carry (spec, section 2).
    package enum Ability: String, Sendable {
        case read = "datasets:read"
        case write = "datasets:write"
    }

    package init(tokenID: Int64, userID: Int64, abilities: [String], isUseDue: Bool = false) {
        self.tokenID = tokenID
        self.userID = userID
        self.abilities = abilities
        self.isUseDue = isUseDue
    }

    package func may(_ ability: Ability) -> Bool {
        abilities.contains("*") || abilities.contains(ability.rawValue)
    }
}
