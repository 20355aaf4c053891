/// Why the product does not do what it was asked to do. `Web` maps the reason to a status (spec, section 2).
package struct Refusal: Error, Sendable {
    package enum Reason: Sendable, Equatable {
        /// Nobody has signed in.
        case unauthenticated
        /// The group has no valid subscription.
        case paymentRequired
        /// The member's role does not allow it.
        case forbidden
        /// It is not there, or the caller may not see it.
        case notFound
        /// The present state does not allow it.
        case conflict
        /// The input is at fault.
        case invalid
        /// The wishlist lacks something.
        case incomplete
        /// The TV Python API has refused it for good.
        case rejectedUpstream
        /// It may be possible after this many seconds.
        case unavailable(retryAfter: Int)
    }

    package var reason: Reason
    /// In snake_case, for programs.
    package var code: String
    /// A sentence, for people.
    package var message: String
    /// What is wrong with each field.
    package var errors: [(field: String, reasons: [String])] = []
    /// More members of the answer, as raw JSON.
    package var members: [(name: String, json: [UInt8])] = []

    package init(_ reason: Reason, _ code: String, _ message: String) {
        self.reason = reason
        self.code = code
        self.message = message
    }

    /// Fields are at fault. The message is Laravel's: the first fault, and how many more there are.
    package init(_ reason: Reason, _ code: String, _ errors: [(field: String, reasons: [String])]) {
        let reasons = errors.flatMap(\.reasons)
        let more = reasons.count - 1
        let rest = more > 0 ? " (and \(more) more error\(more == 1 ? "" : "s"))" : ""
        self.init(reason, code, (reasons.first ?? "The given data was invalid.") + rest)
        self.errors = errors
    }

    package static let unauthenticated = Refusal(.unauthenticated, "unauthenticated", "Unauthenticated.")
    package static let notFound = Refusal(.notFound, "not_found", "Not found.")
}
