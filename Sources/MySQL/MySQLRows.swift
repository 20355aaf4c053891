import CMariaDB
import Time

/// The rows of one result, copied out of the client library; immutable, cheap to pass around.
public struct MySQLRows: Sendable, RandomAccessCollection {
    /// Shared by the rows: all cells' bytes in one array, with the place of each.
    final class Storage: Sendable {
        struct Cell {
            /// Offset of the first byte; -1 for NULL.
            let start: Int
            let count: Int
        }

        let columns: [String]
        let cells: [Cell]
        let bytes: [UInt8]
        let localTime: LocalTime?

        init(columns: [String], cells: [Cell], bytes: [UInt8], localTime: LocalTime? = nil) {
            self.columns = columns
            self.cells = cells
            self.bytes = bytes
            self.localTime = localTime
        }
    }

    private let storage: Storage

    /// The number of rows.
    public let count: Int

    /// The columns' names, as the statement names them.
    public var columns: [String] { storage.columns }

    /// Always 0.
    public var startIndex: Int { 0 }

    /// The same as `count`.
    public var endIndex: Int { count }

    /// The row at a position; as with arrays, out of bounds is a programmer's error.
    public subscript(position: Int) -> MySQLRow {
        precondition(position >= 0 && position < count, "row out of bounds")
        return MySQLRow(storage: storage, firstCell: position * storage.columns.count)
    }

    /// A result that has no rows, of a statement that returns none.
    static let none = MySQLRows(storage: Storage(columns: [], cells: [], bytes: []), count: 0)

    private init(storage: Storage, count: Int) {
        self.storage = storage
        self.count = count
    }

    /// Copies what `mysql_store_result` gave.
    init(copying result: UnsafeMutablePointer<MYSQL_RES>, localTime: LocalTime?) {
        let columnCount = Int(mysql_num_fields(result))
        let rowCount = Int(mysql_num_rows(result))
        var columns: [String] = []
        columns.reserveCapacity(columnCount)
        if let fields = mysql_fetch_fields(result) {
            for field in UnsafeBufferPointer(start: fields, count: columnCount) {
                columns.append(field.name.map { String(cString: $0) } ?? "")
            }
        }

        var cells: [Storage.Cell] = []
        cells.reserveCapacity(rowCount * columnCount)
        var bytes: [UInt8] = []
        while let row = mysql_fetch_row(result), let lengths = mysql_fetch_lengths(result) {
            for column in 0..<columnCount {
                guard let cell = row[column] else {
                    cells.append(Storage.Cell(start: -1, count: 0))
                    continue
                }
                let count = Int(lengths[column])
                cells.append(Storage.Cell(start: bytes.count, count: count))
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: cell, count: count))
            }
        }
        self.init(storage: Storage(columns: columns, cells: cells, bytes: bytes, localTime: localTime), count: rowCount)
    }
}

/// What a statement did.
public struct MySQLOutcome: Sendable {
    /// Rows inserted, deleted, or found by UPDATE, whether or not their values changed (`CLIENT_FOUND_ROWS`).
    /// `INSERT ... ON DUPLICATE KEY UPDATE` counts 1 for a new row, 2 for a changed and 1 for an unchanged one.
    public var affectedRows: Int
    /// The `AUTO_INCREMENT` id that was given out, the first of them for several rows; 0 if none was.
    public var lastInsertID: Int64
    /// The rows; none if the statement returns none.
    public var rows: MySQLRows
}
