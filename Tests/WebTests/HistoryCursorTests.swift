import Testing
import Time

@testable import Datasets
@testable import Store
@testable import Web

@Suite(.timeLimit(.minutes(10))) struct HistoryCursorTests {
    /// The bytes that Laravel 13 writes (field notes: `{"id":38,"_pointsToNextItems":true}`).
    @Test func cursorsAreWrittenAsLaravelWritesThem() throws {
        let id = HistoryCursor(position: .init(key: .id, id: 38), pointsToNext: true)
        #expect(id.text(sort: .id) == "eyJpZCI6MzgsIl9wb2ludHNUb05leHRJdGVtcyI6dHJ1ZX0")
        let time = try #require(ISO8601.parse("2026-11-23T16:00:00.5Z"))
        for key in [HistoryPosition.Key.time(time), .time(nil)] {
            let cursor = HistoryCursor(position: .init(key: key, id: 7), pointsToNext: false)
            #expect(HistoryCursor(text: cursor.text(sort: .updatedAt), sort: .updatedAt) == cursor)
            #expect(HistoryCursor(text: cursor.text(sort: .updatedAt), sort: .createdAt) == nil)
        }
        let status = HistoryCursor(position: .init(key: .status(3), id: 7), pointsToNext: true)
        #expect(HistoryCursor(text: status.text(sort: .status), sort: .status) == status)
    }
}
