import JSON
import Text
import Time

extension Notification {
    /// The largest payload that Pusher takes, in bytes of UTF-8 (Pusher Channels HTTP API).
    static let payloadLimit = 10_240

    /// The data of the event: the history resource without its result, `event_id`, and of training events the wishlist's
    /// training status (spec, section 5). Never longer than `payloadLimit`: the texts are cut until it fits.
    package func payload() -> String {
        var history = history
        var length = DatasetHistory.messageLength
        while true {
            let bytes = render(history)
            if bytes.count <= Self.payloadLimit || length == 0 { return String(decoding: bytes, as: UTF8.self) }
            length /= 2
            history.message = history.message?.limited(to: length)
            if let error = history.error { history.error?.message = error.message.limited(to: length) }
        }
    }

    private func render(_ history: DatasetHistory) -> [UInt8] {
        var json = JSONWriter()
        history.resource(into: &json) { json in
            if let training {
                json.field("training_status", training.status.rawValue)
                json.field("training_status_label", training.status.label)
                json.field("training_scheduled_at", training.scheduledAt?.iso8601)
            }
            json.field("event_id", eventID)
        }
        return json.bytes
    }
}
