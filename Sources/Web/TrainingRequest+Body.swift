import Datasets
import JSON
import Time

extension TrainingRequest {
    /// The key as it should be, and as the seed spells it.
    private static let statusKeys = ["training_status", "tranning_status"]

    /// Reads the members of a body. Throws `APIError` 400 that names each field at fault.
    init(members: [(name: String, value: JSONView)], now: Timestamp = .now()) throws(APIError) {
        var errors: [(field: String, reasons: [String])] = []
        var status: TrainingStatus?
        var schedule = Schedule.unchanged
        for (field, value) in members {
            switch field {
            case _ where Self.statusKeys.contains(field):
                let wanted = value.int.map(String.init) ?? value.string
                if let wanted = wanted.flatMap({ TrainingStatus(text: $0) }) {
                    if status != nil { errors.append((field, ["The training status is given twice."])) }
                    status = wanted
                } else {
                    let names = TrainingStatus.allCases.map(\.label).joined(separator: ", ")
                    errors.append((field, ["The training status must be one of \(names), or its number."]))
                }
            case "scheduled_at":
                if value.kind == .null {
                    schedule = .set(nil)
                } else if let time = value.string.flatMap({ ISO8601.parse($0) }) {
                    schedule = .set(time)
                    if time <= now { errors.append((field, ["The time must be in the future."])) }
                } else {
                    errors.append((field, ["The time must be in ISO 8601, such as 2026-11-23T16:00:00Z."]))
                }
            default:
                errors.append((field, ["The field \(field) is not known."]))
            }
        }
        if !members.contains(where: { Self.statusKeys.contains($0.name) }) {
            errors.append(("training_status", ["The training status is required."]))
        }
        if let status, status != .requested, case .set(.some) = schedule {
            errors.append(("scheduled_at", ["A time goes with requested only."]))
        }
        guard errors.isEmpty, let status else { throw .invalid(400, "invalid_body", errors) }
        self.init(status: status, schedule: schedule)
    }
}
