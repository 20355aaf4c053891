package import JSON
package import Time

/// Rows for an operator: an aligned table to read, or JSON to go on with.
package struct Table: Sendable {
    /// What stands in a column of a row.
    package enum Cell: Sendable, Equatable {
        case text(String?)
        case number(Int64?)
        case time(Timestamp?)
        case bool(Bool)
    }

    /// Characters of a cell at most, but for the last of a row.
    private static let width = 48
    /// No column is cut to less.
    private static let narrowest = 8

    private let columns: [String]
    private var rows: [[Cell]] = []

    /// - Parameter columns: names in snake_case, which are JSON's too.
    package init(_ columns: String...) {
        self.columns = columns
    }

    package var isEmpty: Bool { rows.isEmpty }
    package var count: Int { rows.count }

    /// Adds a row: as many cells as there are columns.
    package mutating func add(_ cells: Cell...) {
        rows.append(cells)
    }

    /// Lines with columns of equal width; numbers stand to the right.
    package var text: String { text(fitting: nil) }

    /// The same, in lines of at most so many characters, if that can be: the widest columns are cut, each to a few characters
    /// at least.
    package func text(fitting limit: Int?) -> String {
        let header = columns.map { $0.uppercased().replacing("_", with: " ") }
        var lines = rows.map { row in row.enumerated().map { Self.text($1, isLast: $0 == row.count - 1) } }
        var widths = columns.indices.map { column in
            ([header] + lines).map { $0[column].count }.max() ?? 0
        }
        if let limit {
            let room = max(0, limit - 2 * (widths.count - 1))
            while widths.reduce(0, +) > room, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
                widths[widest] > Self.narrowest
            {
                widths[widest] -= 1
            }
            lines = lines.map { line in zip(line, widths).map { Self.cut($0, to: $1) } }
        }
        let titles = zip(header, widths).map { Self.cut($0, to: $1) }
        let isNumber = columns.indices.map { column in
            rows.allSatisfy { if case .number = $0[column] { true } else { false } }
        }
        return ([titles] + lines).map { line in
            var text = ""
            for (column, cell) in line.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                text += (column > 0 ? "  " : "") + (isNumber[column] ? padding + cell : cell + padding)
            }
            while text.last == " " { text.removeLast() }
            return text
        }.joined(separator: "\n")
    }

    private static func text(_ cell: Cell, isLast: Bool) -> String {
        isLast ? cell.text : cut(cell.text, to: width)
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(width - 1) + "…"
    }

    /// An array of objects.
    package func write(to json: inout JSONWriter) {
        json.array { json in
            for row in rows {
                json.object { json in
                    for (name, cell) in zip(columns, row) {
                        cell.write(name, to: &json)
                    }
                }
            }
        }
    }
}

extension Table.Cell {
    package var isNull: Bool {
        switch self {
        case .text(let text): text == nil
        case .number(let number): number == nil
        case .time(let time): time == nil
        case .bool: false
        }
    }

    /// To be read. What came from outside must not steer a terminal.
    package var text: String {
        switch self {
        case .text(let text):
            String(
                String.UnicodeScalarView(
                    (text ?? "-").unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
        case .number(let number): number.map(String.init) ?? "-"
        case .time(let time): time.map { "\($0.iso8601.prefix(19))Z" } ?? "-"
        case .bool(let bool): bool ? "yes" : "no"
        }
    }

    /// As a member of an object.
    package func write(_ name: String, to json: inout JSONWriter) {
        switch self {
        case .text(let text): json.field(name, text)
        case .number(let number): json.field(name, number)
        case .time(let time): json.field(name, time?.iso8601)
        case .bool(let bool): json.field(name, bool)
        }
    }
}
