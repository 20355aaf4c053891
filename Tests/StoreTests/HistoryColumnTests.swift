import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Store

/// The one list of a history's columns.
@Suite(.timeLimit(.minutes(10))) struct HistoryColumnTests {
    private let now = Timestamp(seconds: 1_800_000_000)

    /// Two histories that differ in every column.
    private var pair: (DatasetHistory, DatasetHistory) {
        let first = DatasetHistory.sample(datasetID: nil)
        var second = DatasetHistory.sample(status: .failed, datasetID: 70, sequence: 5, revision: 3)
        (second.progress, second.stage, second.message) = (40, "training", "half of it")
        second.error = DatasetError(code: "oom", message: "Out of memory", retryable: true)
        second.delivery = DeliveryState(watermark: 2, dispatcher: 9)
        let time = Timestamp(seconds: 1_700_000_000)
        (second.heardAt, second.deadlineAt, second.redeliveryAskedAt) = (time, time, time)
        (second.startedAt, second.finishedAt, second.updatedAt) = (time, time, time)
        return (first, second)
    }

    @Test func theLogBringsWhatTheListSays() {
        let (before, after) = pair
        let row = HistoryTable.row(before, fromLog: after, at: now)
        var expected = after
        (expected.heardAt, expected.updatedAt) = (now, now)
        for column in HistoryColumn.all {
            #expect(!column.isEqual(before, after), "\(column.name) is not tried")
            #expect(column.isEqual(row, column.fromLog == nil ? before : expected), "\(column.name)")
        }
    }

    @Test func whatTheLogBringsStandsInTheLog() {
        let statement = String(decoding: EventLog.appendStatement(EventRows(), last: EventRows()).bytes, as: UTF8.self)
        for column in HistoryColumn.all where column.fromLog == .event {
            #expect(statement.contains(" \(column.name),"), "\(column.name)")
        }
    }

    @Test func theResourceShowsColumnsUnderTheirNames() throws {
        let columns = Set(HistoryColumn.fixed + HistoryColumn.all.map(\.name))
        let resource = try JSONDocument(parsing: pair.1.resource()).root
        let derived: Set = ["status_label", "error", "result"]
        for (name, _) in resource.members { #expect(columns.contains(name) || derived.contains(name), "\(name)") }
        #expect(Set(columns).count == HistoryColumn.fixed.count + HistoryColumn.all.count)
    }
}
