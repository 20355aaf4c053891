import Glibc
import JSON
import MySQL
import Operations
import Time

extension CommandLineTool {
    /// Who acts by a command line: the user and the machine.
    static var actor: String {
        let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(user)@\(host)"
    }

    /// Lends what answers an operator, for a command that needs the database alone.
    /// - Parameter deadlineSeconds: `DATASET_DEADLINE_SECONDS`; nil: as it is configured.
    func withDesk<R: Sendable>(
        _ deadlineSeconds: Int64? = nil, _ body: (OperatorDesk) async throws -> R
    ) async throws -> R {
        let (database, seconds, tokens) = try Configuration.deskOnly(environment)
        let pool = MySQLPool(database, maximumConnections: 1)
        let result: Result<R, any Error>
        do {
            result = .success(
                try await body(
                    OperatorDesk(
                        pool: pool, deadlineSeconds: deadlineSeconds ?? seconds, tokens: tokens)))
        } catch {
            result = .failure(error)
        }
        await pool.shutdown()
        return try result.get()
    }

    /// Prints a list, or a word instead of an empty one, and how to go on.
    func print(_ listing: Listing, json isJSON: Bool, empty: String) {
        if isJSON {
            print(json: { listing.table.write(to: &$0) })
            return
        }
        print(listing.table.isEmpty ? empty : listing.table.text(fitting: width))
        if let next = listing.next {
            let time = listing.searchedTo.map { "searched back to \($0.iso8601.prefix(19))Z; " } ?? ""
            print("\(time)more: --page \(next)")
        }
    }

    /// Prints named values, one a line; those that are not known are left out.
    func print(_ details: Details, and more: [(name: String, value: Table.Cell)] = []) {
        var table = Table("field", "value")
        for (name, value) in details.fields + more where !value.isNull {
            table.add(.text(name), .text(value.text))
        }
        print(table.text)
    }

    /// Columns of the terminal, or what COLUMNS says; nil: there is none.
    private var width: Int? {
        guard isTerminal else { return nil }
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return nil
    }
}
