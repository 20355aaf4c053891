import Foundation

/// What is printed: results to standard output, what goes on meanwhile to standard error.
enum Report {
    static func heading(_ text: String) { print("\n\(text)") }

    /// A row of cells, each as wide as its column.
    static func row(_ cells: [String], widths: [Int]) {
        let texts = zip(cells, widths).map { cell, width in
            width < 0 ? cell.padded(to: -width) : String(repeating: " ", count: max(0, width - cell.count)) + cell
        }
        print("  " + texts.joined(separator: "  "))
        fflush(nil)
    }

    static func line(_ text: String) {
        print("  \(text)")
        fflush(nil)
    }
}

enum Progress {
    static func show(_ text: String) {
        FileHandle.standardError.write(Data("    ... \(text)\n".utf8))
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

extension Double {
    /// With thousands separated.
    var whole: String {
        guard isFinite else { return "-" }
        var digits = String(Int(rounded()))
        var position = digits.count - 3
        while position > (digits.hasPrefix("-") ? 1 : 0) {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return digits
    }

    func fixed(_ digits: Int) -> String { isFinite ? String(format: "%.\(digits)f", self) : "-" }
}
