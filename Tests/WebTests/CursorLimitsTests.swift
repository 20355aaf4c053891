import Foundation
import JSON
import Testing
import Time

@testable import Datasets
@testable import Web

/// Cursors that are not of the list, and the first page's links.
@Suite(.timeLimit(.minutes(5))) struct CursorLimitsTests {
    private func cursor(_ json: String, sort: HistoriesQuery.Sort) -> HistoryCursor? {
        let text = Data(json.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        return HistoryCursor(text: String(text.prefix { $0 != "=" }), sort: sort)
    }

    @Test func onlyACursorOfTheListIsTaken() {
        #expect(cursor(#"{"id":5,"_pointsToNextItems":true}"#, sort: .id) != nil)
        #expect(cursor(#"{"status":1,"id":5,"_pointsToNextItems":true}"#, sort: .status) != nil)
        // Of a list that is sorted otherwise.
        #expect(cursor(#"{"status":1,"id":5,"_pointsToNextItems":true}"#, sort: .id) == nil)
        #expect(
            cursor(#"{"created_at":"2026-01-01 00:00:00","id":5,"_pointsToNextItems":true}"#, sort: .createdAt) != nil)
        // What no column holds.
        #expect(
            cursor(#"{"created_at":"2999-01-01 00:00:00","id":5,"_pointsToNextItems":true}"#, sort: .createdAt) == nil)
        let long = String(repeating: " ", count: 600)
        #expect(cursor(#"{"id":5,\#(long)"_pointsToNextItems":true}"#, sort: .id) == nil)
    }

    @Test func beforeTheFirstPageThereIsNone() throws {
        let pages = Pagination(path: "/p", otherParameters: "", perPage: 1)
        let json = try JSONDocument(parsing: pages.numbered(page: 1, count: 1, total: 2, data: Array("[]".utf8)))
        #expect(json.root["links"]?["prev"]?.kind == .null)
        #expect(json.root["links"]?["next"]?.string == "/p?page=2")
    }
}
