public import Time

/// A column of a row: its name or its position. Write a literal, `row.int64("id")` or `row.int64(0)`.
public struct MySQLColumn: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    fileprivate enum Place {
        case name(String)
        case position(Int)
    }

    fileprivate let place: Place

    /// A column by the name that the statement gives it; the first one of several.
    public init(_ name: String) { place = .name(name) }

    /// A column by its position, from 0.
    public init(_ position: Int) { place = .position(position) }

    /// The same as `init(_ name:)`.
    public init(stringLiteral name: String) { self.init(name) }

    /// The same as `init(_ position:)`.
    public init(integerLiteral position: Int) { self.init(position) }
}

/// One row. Values are converted when asked for.
///
/// Every accessor throws `MySQLError` with kind `.unexpectedValue` if there is no such column or if its value is not of
/// the type asked for. For NULL the plain ones throw too; the `optional` ones return nil.
public struct MySQLRow: Sendable {
    private let storage: MySQLRows.Storage
    private let firstCell: Int

    /// The zone of local times, as the connection's configuration has it.
    public var localTime: LocalTime? { storage.localTime }

    init(storage: MySQLRows.Storage, firstCell: Int) {
        self.storage = storage
        self.firstCell = firstCell
    }

    /// True if the value is NULL.
    public func isNull(_ column: MySQLColumn) throws(MySQLError) -> Bool {
        try cell(column) == nil
    }

    /// An integer.
    public func int64(_ column: MySQLColumn) throws(MySQLError) -> Int64 {
        try require(column, optionalInt64(column))
    }

    /// An integer, or nil for NULL.
    public func optionalInt64(_ column: MySQLColumn) throws(MySQLError) -> Int64? {
        try convert(column, to: "Int64") { Int64(asciiDigits: $0) }
    }

    /// An integer that may be over 2^63.
    public func uint64(_ column: MySQLColumn) throws(MySQLError) -> UInt64 {
        try require(column, optionalUInt64(column))
    }

    /// An integer that may be over 2^63, or nil for NULL.
    public func optionalUInt64(_ column: MySQLColumn) throws(MySQLError) -> UInt64? {
        try convert(column, to: "UInt64") { UInt64(asciiDigits: $0) }
    }

    /// A number: integer, decimal or floating point.
    public func double(_ column: MySQLColumn) throws(MySQLError) -> Double {
        try require(column, optionalDouble(column))
    }

    /// A number, or nil for NULL.
    public func optionalDouble(_ column: MySQLColumn) throws(MySQLError) -> Double? {
        try convert(column, to: "Double") { Double(String(decoding: $0, as: UTF8.self)) }
    }

    /// An integer as a truth value: 0 is false, any other is true.
    public func bool(_ column: MySQLColumn) throws(MySQLError) -> Bool {
        try int64(column) != 0
    }

    /// An integer as a truth value, or nil for NULL.
    public func optionalBool(_ column: MySQLColumn) throws(MySQLError) -> Bool? {
        try optionalInt64(column).map { $0 != 0 }
    }

    /// Text; it must be UTF-8, which a BLOB need not be.
    public func string(_ column: MySQLColumn) throws(MySQLError) -> String {
        try require(column, optionalString(column))
    }

    /// Text, or nil for NULL.
    public func optionalString(_ column: MySQLColumn) throws(MySQLError) -> String? {
        try convert(column, to: "String") { String(validating: $0, as: UTF8.self) }
    }

    /// The bytes as they came.
    public func bytes(_ column: MySQLColumn) throws(MySQLError) -> [UInt8] {
        try require(column, optionalBytes(column))
    }

    /// The bytes as they came, or nil for NULL.
    public func optionalBytes(_ column: MySQLColumn) throws(MySQLError) -> [UInt8]? {
        try convert(column, to: "bytes") { Array($0) }
    }

    /// A DATETIME or TIMESTAMP, in UTC. Zero dates are no values.
    public func timestamp(_ column: MySQLColumn) throws(MySQLError) -> Timestamp {
        try require(column, optionalTimestamp(column))
    }

    /// A DATETIME or TIMESTAMP, or nil for NULL.
    public func optionalTimestamp(_ column: MySQLColumn) throws(MySQLError) -> Timestamp? {
        try convert(column, to: "Timestamp") { Timestamp(sql: $0) }
    }

    /// Where the bytes of a cell are; nil for NULL.
    private func cell(_ column: MySQLColumn) throws(MySQLError) -> Range<Int>? {
        let position: Int? =
            switch column.place {
            case .position(let position): storage.columns.indices.contains(position) ? position : nil
            case .name(let name): storage.columns.firstIndex(of: name)
            }
        guard let position else { throw error(column, "is not in the result") }
        let cell = storage.cells[firstCell + position]
        return cell.start < 0 ? nil : cell.start..<cell.start + cell.count
    }

    private func convert<T>(
        _ column: MySQLColumn, to type: StaticString, _ conversion: (UnsafeBufferPointer<UInt8>) -> T?
    ) throws(MySQLError) -> T? {
        guard let place = try cell(column) else { return nil }
        let value = storage.bytes.withUnsafeBufferPointer { conversion(UnsafeBufferPointer(rebasing: $0[place])) }
        guard let value else { throw error(column, "does not hold \(type)") }
        return value
    }

    private func require<T>(_ column: MySQLColumn, _ value: T?) throws(MySQLError) -> T {
        guard let value else { throw error(column, "is NULL") }
        return value
    }

    private func error(_ column: MySQLColumn, _ fault: String) -> MySQLError {
        let name =
            switch column.place {
            case .name(let name): name
            case .position(let position): "\(position)"
            }
        return MySQLError(kind: .unexpectedValue, message: "column \(name) \(fault)")
    }
}

extension FixedWidthInteger {
    /// Decimal digits with an optional sign, the whole of `text`; nil if it is anything else or does not fit.
    init?(asciiDigits text: UnsafeBufferPointer<UInt8>) {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative || text.first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        guard !digits.isEmpty else { return nil }
        var value: Self = 0
        for byte in digits {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let digit = Self(byte - UInt8(ascii: "0"))
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !overflow, !overflow2 else { return nil }
            value = sum
        }
        self = value
    }
}
