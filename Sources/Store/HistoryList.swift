package import Datasets
package import MySQL

/// Reads pages of a wishlist's histories.
package struct HistoryList: Sendable {
    /// The results in one page, in bytes: with 100 of the largest a page would have 25 MB and more.
    static let resultBytes = 1 << 20

    /// A history with its result, which is JSON.
    package struct Item: Sendable {
        package var history: DatasetHistory
        package var result: [UInt8]?
        /// It has a result, which did not fit on the page.
        package var isResultLeftOut: Bool
        package var position: HistoryPosition
    }

    /// Part of a list, in the order that was asked for.
    package struct Page: Sendable {
        package var items: [Item]
        /// There is more in the direction in which was read.
        package var hasMore: Bool
    }

    let wishlistID: Int64
    let query: HistoriesQuery

    package init(of wishlistID: Int64, _ query: HistoriesQuery) {
        self.wishlistID = wishlistID
        self.query = query
    }

    /// How many histories there are in all.
    package func total(on connection: isolated MySQLConnection) throws(MySQLError) -> Int {
        let statement = HistoryScan.countStatement(of: wishlistID, stored(connection), try visible(on: connection))
        return Int(try connection.query(statement).first?.int64(0) ?? 0)
    }

    /// The page that begins at a place.
    package func page(at place: HistoriesQuery.Place, on connection: isolated MySQLConnection) throws(MySQLError)
        -> Page
    {
        // A dataset must not become quiet between two passes: it would be seen twice, or not at all.
        if query.sort == .updatedAt { try connection.begin() }
        defer { if query.sort == .updatedAt { connection.rollback() } }
        var positions: [HistoryPosition]
        var isReversed = false
        switch place {
        case .offset(let offset): positions = try self.positions(from: offset, on: connection)
        case .cursor(let cursor):
            isReversed = cursor?.pointsToNext == false
            positions = try self.positions(after: cursor?.position, isReversed: isReversed, on: connection)
        }
        let hasMore = positions.count > query.perPage
        positions = Array(positions.prefix(query.perPage))
        if isReversed { positions.reverse() }
        return Page(items: try items(positions, on: connection), hasMore: hasMore)
    }

    private func scans(on connection: isolated MySQLConnection) throws(MySQLError) -> [HistoryScan] {
        HistoryScan.all(of: wishlistID, stored(connection), try visible(on: connection))
    }

    /// The query in the digits of the console's times. Positions keep the digits that they are read as.
    private func stored(_ connection: isolated MySQLConnection) -> HistoriesQuery {
        let time = connection.consoleTime
        var query = query
        query.createdFrom = query.createdFrom.map { time.boundary(at: $0) }
        query.createdTo = query.createdTo.map { time.boundary(at: $0) }
        return query
    }

    /// What the console has deleted is not shown.
    private func visible(on connection: isolated MySQLConnection) throws(MySQLError) -> SQL {
        try connection.notDeleted(HistoryTable.name, alias: "h.")
    }

    /// One more than fit on a page, if there are.
    private func positions(
        after start: HistoryPosition?, isReversed: Bool, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [HistoryPosition] {
        var found: [HistoryPosition] = []
        for scan in try scans(on: connection) {
            found += try read(
                scan, scan.positions(after: start, isReversed: isReversed, limit: query.perPage + 1), on: connection)
        }
        return Array(sorted(found, isReversed: isReversed).prefix(query.perPage + 1))
    }

    /// The same, so many from the start. Of the first `offset` rows at most as many are active as there are active ones: so
    /// that many fewer of the others can be left out unread.
    private func positions(
        from offset: Int, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [HistoryPosition] {
        let scans = try scans(on: connection)
        var active: [HistoryPosition] = []
        for scan in scans where scan.isActivePart {
            active = try read(scan, scan.positions(limit: offset + query.perPage + 1), on: connection)
        }
        let skipped = max(0, offset - active.count)
        var found = active
        for scan in scans where !scan.isActivePart {
            let limit = query.perPage + 1 + active.count
            found += try read(scan, scan.positions(limit: limit, offset: skipped), on: connection)
        }
        return Array(sorted(found, isReversed: false).dropFirst(offset - skipped).prefix(query.perPage + 1))
    }

    private func read(
        _ scan: HistoryScan, _ sql: SQL, on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [HistoryPosition] {
        try connection.query(sql).map { row throws(MySQLError) in try scan.position(from: row) }
    }

    private func sorted(_ positions: [HistoryPosition], isReversed: Bool) -> [HistoryPosition] {
        let isDescending = query.isDescending != isReversed
        return positions.sorted { isDescending ? $1.precedes($0) : $0.precedes($1) }
    }

    /// The whole rows, in the order of their positions.
    private func items(
        _ positions: [HistoryPosition], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Item] {
        if positions.isEmpty { return [] }
        let sql: SQL = """
            SELECT \(HistoryTable.columns), LENGTH(h.result) AS result_bytes FROM wishlist_dataset_histories h \
            WHERE h.id IN \(list: positions.map(\.id))
            """
        var rows: [Int64: (history: DatasetHistory, bytes: Int64?)] = [:]
        for row in try connection.query(sql) {
            let history = try HistoryTable.history(from: row)
            rows[history.id] = (history, try row.number("result_bytes"))
        }
        var (fitting, left): ([Int64], Int64) = ([], Int64(Self.resultBytes))
        for position in positions {
            guard let bytes = rows[position.id]?.bytes, bytes <= left else { continue }
            fitting.append(position.id)
            left -= bytes
        }
        let results = try results(of: fitting, on: connection)
        let read = Set(fitting)
        return positions.compactMap { position in
            rows[position.id].map { history, bytes in
                let result = results[history.id]
                return Item(
                    history: history, result: result, isResultLeftOut: bytes != nil && !read.contains(history.id),
                    position: position)
            }
        }
    }

    private func results(
        of ids: [Int64], on connection: isolated MySQLConnection
    ) throws(MySQLError) -> [Int64: [UInt8]] {
        if ids.isEmpty { return [:] }
        var results: [Int64: [UInt8]] = [:]
        let sql: SQL = "SELECT h.id, h.result FROM wishlist_dataset_histories h WHERE h.id IN \(list: ids)"
        for row in try connection.query(sql) { results[try row.int64(0)] = try row.json(1) }
        return results
    }
}
