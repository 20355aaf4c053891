import Foundation
import Testing

@testable import Datasets

/// The tables of the page `States`, compared with the code.
@Suite(.timeLimit(.minutes(10))) struct StatesDocumentTests {
    /// Rows of the table whose first heading is `name`: its cells.
    private static func rows(_ name: String) throws -> [[String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appending(path: "Sources/Integrator/Documentation.docc/States.md"), encoding: .utf8)
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| \(name) |") })
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private static func list(_ cell: String) -> Set<String> {
        Set(cell.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    }

    @Test func historiesAreAsDrawn() throws {
        let rows = try Self.rows("history")
        #expect(rows.map { $0[0] } == HistoryStatus.allCases.map(\.label))
        for (row, status) in zip(rows, HistoryStatus.allCases) {
            #expect(row[1] == String(status.rawValue))
            let next = HistoryStatus.allCases.filter { $0 != .pending && status.mayBecome($0) }.map(\.label)
            #expect(Self.list(row[2]) == Set(next), "\(status)")
        }
    }

    @Test func trainingsAreAsDrawn() throws {
        let rows = try Self.rows("training")
        #expect(rows.map { $0[0] } == TrainingStatus.allCases.map(\.label))
        for (row, status) in zip(rows, TrainingStatus.allCases) {
            #expect(row[1] == String(status.rawValue))
            #expect(Self.list(row[2]) == Set(status.clientTransitions.map(\.label)), "\(status)")
        }
    }
}
