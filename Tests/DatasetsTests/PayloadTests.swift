import JSON
import TestSupport
import Testing
import Time

@testable import Datasets

@Suite(.timeLimit(.minutes(10))) struct PayloadTests {
    private func data(_ notification: Datasets.Notification) throws -> JSONView {
        try JSONDocument(parsing: Array(notification.payload().utf8)).root
    }

    @Test func resourceAndEventID() throws {
        let data = try data(notification(.datasetStarted, of: 7, revision: 3))
        #expect(data["id"]?.int == 7)
        #expect(data["revision"]?.int == 3)
        #expect(data["event_id"]?.string == "7-3")
        #expect(data["result"]?.kind == .null)
        #expect(data["training_status"] == nil)
        #expect(data["notifications"]?.string == "all")
        for member in ["heard_at", "deadline_at", "redelivery_asked_at"] { #expect(data[member] != nil, "\(member)") }
    }

    @Test func trainingStatus() throws {
        var notification = notification(.trainingStarted, revision: 3)
        notification.training = TrainingChange(
            status: .requested, scheduledAt: Timestamp(seconds: 1_800_000_000))
        let data = try data(notification)
        #expect(data["training_status"]?.int == 1)
        #expect(data["training_status_label"]?.string == "requested")
        #expect(data["training_scheduled_at"]?.string == "2027-01-15T08:00:00.000000Z")
        #expect(notification.type.notificationName == "training.updated")
    }

    /// Characters that JSON writes with six bytes each.
    @Test func neverOverTheLimit() throws {
        var notification = notification(.datasetFailed, revision: 3)
        let long = String(repeating: "\u{1}", count: 1000)
        notification.history.message = long
        notification.history.error = DatasetError(code: "c", message: long, retryable: false)
        let payload = notification.payload()
        #expect(payload.utf8.count <= 10_240)
        let data = try data(notification)
        // As much as fits.
        #expect(data["message"]?.string?.count == 500)
        #expect(data["error"]?["message"]?.string?.count == 500)
        #expect(data["error"]?["retryable"]?.bool == false)
        notification.history.error = nil
        #expect(try self.data(notification)["message"]?.string == long)
    }
}
