/// What the migrator understands of a statement, so that it can be run without making others wait: decided without a server.
///
/// Anything that it does not understand is run as it is.
enum MigrationStatement: Equatable {
    /// Changes of one table that can be made by one ALTER.
    case alter(table: String, [Change])
    /// A statement that is run if it is not empty: the value of a user variable (`PREPARE name FROM @variable`; the EXECUTE
    /// and DEALLOCATE that follow are left out).
    case prepared(name: String, variable: String)
    case other(String)

    /// One clause of an ALTER TABLE.
    struct Change: Equatable {
        enum Kind: Equatable {
            case addColumn(isGenerated: Bool)
            case addIndex
            case dropColumn
            case dropIndex
            case other
        }

        var kind: Kind
        /// The column's or index's name; empty for `other`.
        var name: String
        /// Without the options ALGORITHM and LOCK.
        var clause: String
    }

    /// The statements of a migration. Neighbours that add plain columns to one table become one ALTER, as do neighbours that
    /// drop columns, or add indexes: the table's lock is taken once, not for each.
    static func plan(_ statements: [SQL]) -> [MigrationStatement] {
        var plan: [MigrationStatement] = []
        for statement in statements {
            let next = MigrationStatement(String(decoding: statement.bytes, as: UTF8.self))
            switch (plan.last, next) {
            case (.alter(let table, let changes), .alter(let sameTable, let more))
            where table == sameTable && mayBeJoined(changes[0].kind) && changes[0].kind == more[0].kind:
                plan[plan.count - 1] = .alter(table: table, changes + more)
            case (.prepared(let name, _), .other(let text)) where ends(text, name): continue
            default: plan.append(next)
            }
        }
        return plan
    }

    private static func mayBeJoined(_ kind: Change.Kind) -> Bool {
        [.addColumn(isGenerated: false), .addIndex, .dropColumn].contains(kind)
    }

    init(_ text: String) {
        var words = Words(text)
        if words.take("PREPARE"), let name = words.word(), words.take("FROM"), let variable = words.word(),
            variable.hasPrefix("@")
        {
            self = .prepared(name: name, variable: String(variable.dropFirst()))
            return
        }
        words = Words(text)
        guard words.take("ALTER"), words.take("TABLE"), let table = words.word() else {
            self = .other(text)
            return
        }
        let clause = Self.withoutOptions(words.rest)
        self = .alter(table: Self.unquoted(table), [Self.change(clause)])
    }

    private static func change(_ clause: String) -> Change {
        var words = Words(clause)
        if words.take("ADD") {
            if words.take("COLUMN"), let name = words.word() {
                let isGenerated = words.rest.uppercased().contains(" AS (")
                return Change(kind: .addColumn(isGenerated: isGenerated), name: unquoted(name), clause: clause)
            }
            _ = words.take("UNIQUE")
            if words.take("INDEX") || words.take("KEY"), let name = words.word() {
                return Change(kind: .addIndex, name: unquoted(name), clause: clause)
            }
        } else if words.take("DROP") {
            if words.take("COLUMN"), let name = words.word() {
                return Change(kind: .dropColumn, name: unquoted(name), clause: clause)
            }
            if words.take("INDEX") || words.take("KEY"), let name = words.word() {
                return Change(kind: .dropIndex, name: unquoted(name), clause: clause)
            }
        }
        return Change(kind: .other, name: "", clause: clause)
    }

    /// A clause without `, ALGORITHM = ...` and `, LOCK = ...` at its end: how is decided when it is run.
    private static func withoutOptions(_ clause: String) -> String {
        var clause = clause
        while let comma = clause.lastIndex(of: ",") {
            var words = Words(String(clause[clause.index(after: comma)...]))
            guard words.take("ALGORITHM") || words.take("LOCK") else { break }
            clause = String(clause[..<comma])
        }
        return clause
    }

    private static func unquoted(_ name: String) -> String { name.replacing("`", with: "") }

    /// Whether a statement runs or forgets the one that was prepared under that name.
    private static func ends(_ text: String, _ name: String) -> Bool {
        var words = Words(text)
        return (words.take("EXECUTE") || words.take("DEALLOCATE") && words.take("PREPARE")) && words.word() == name
    }

    /// The words of a statement, one after the other.
    private struct Words {
        private var text: Substring

        init(_ text: String) { self.text = Substring(text) }

        var rest: String {
            String(text.drop { $0.isWhitespace })
        }

        mutating func word() -> String? {
            let start = text.drop { $0.isWhitespace }
            let word = start.prefix { !$0.isWhitespace && $0 != "(" && $0 != "=" && $0 != "," }
            guard !word.isEmpty else { return nil }
            text = start[word.endIndex...]
            return String(word)
        }

        /// Takes the next word if it is this keyword.
        mutating func take(_ keyword: String) -> Bool {
            let before = text
            if word()?.uppercased() == keyword { return true }
            text = before
            return false
        }
    }
}

extension MigrationStatement {
    /// How an ALTER is run, most harmless first.
    enum Algorithm: String, CaseIterable {
        /// Changes the table's definition alone.
        case instant = "ALGORITHM=INSTANT"
        /// Reads or copies the rows while others write.
        case online = "ALGORITHM=INPLACE, LOCK=NONE"
    }

    static func algorithms(for changes: [Change]) -> [Algorithm] {
        switch changes.first?.kind {
        case .addIndex, .dropIndex: [.online]
        default: [.instant, .online]
        }
    }

    static func alter(_ table: String, _ changes: [Change], _ algorithm: Algorithm) -> SQL {
        let clauses = changes.map(\.clause) + [algorithm.rawValue]
        return "ALTER TABLE \(identifier: table) \(unescaped: clauses.joined(separator: ", "))"
    }
}
