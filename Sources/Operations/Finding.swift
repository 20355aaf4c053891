/// What somebody who looked after something has found, and what to do about it.
package struct Finding: Sendable, Equatable {
    package enum Level: String, Sendable {
        case ok, warning, fault
    }

    package var check: String
    package var level: Level
    package var finding: String
    /// What to do; nil if all is well.
    package var remedy: String?

    package static func ok(_ check: String, _ finding: String) -> Finding {
        Finding(check: check, level: .ok, finding: finding)
    }

    package static func warning(_ check: String, _ finding: String, _ remedy: String) -> Finding {
        Finding(check: check, level: .warning, finding: finding, remedy: remedy)
    }

    package static func fault(_ check: String, _ finding: String, _ remedy: String) -> Finding {
        Finding(check: check, level: .fault, finding: finding, remedy: remedy)
    }

    /// As rows.
    package static func table(_ findings: [Finding]) -> Table {
        var table = Table("check", "level", "finding", "remedy")
        for finding in findings {
            table.add(
                .text(finding.check), .text(finding.level.rawValue), .text(finding.finding), .text(finding.remedy))
        }
        return table
    }
}
