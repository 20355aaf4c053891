package import JSON
import Time

extension DatasetHistory {
    /// The history resource as clients see it (spec, section 2).
    ///
    /// - Parameters:
    ///   - result: the bytes of the result, which are JSON; nil: null.
    ///   - members: more members, after those of the resource.
    package func resource(
        result: [UInt8]? = nil, into json: inout JSONWriter, members: (inout JSONWriter) -> Void = { _ in }
    ) {
        json.object { json in
            json.field("id", id)
            json.field("dataset_id", datasetID)
            json.field("reference", reference)
            json.field("slug", slug)
            json.field("name", name)
            json.field("status", status.rawValue)
            json.field("status_label", status.label)
            json.field("progress", progress)
            json.field("stage", stage)
            json.field("message", message)
            json.field("revision", revision)
            json.field("notifications", preference.name)
            json.field("error", error)
            json.field("result", raw: result)
            json.field("created_by", createdBy)
            json.field("created_at", createdAt?.iso8601)
            json.field("updated_at", updatedAt?.iso8601)
            json.field("started_at", startedAt?.iso8601)
            json.field("finished_at", finishedAt?.iso8601)
            json.field("heard_at", heardAt?.iso8601)
            json.field("deadline_at", shownDeadline?.iso8601)
            json.field("redelivery_asked_at", redeliveryAskedAt?.iso8601)
            members(&json)
        }
    }

    /// Not before this time is the dataset called stalled; once webhooks have been asked for again, exactly then. Of a
    /// stalled one, when it was.
    private var shownDeadline: Timestamp? {
        status == .stalled && revision > 0 ? updatedAt : deadlineAt
    }

    /// The resource as bytes.
    package func resource(result: [UInt8]? = nil) -> [UInt8] {
        var json = JSONWriter()
        resource(result: result, into: &json)
        return json.bytes
    }
}

extension JSONWriter {
    /// Writes an error as clients see it; nil is written as null.
    mutating func field(_ name: String, _ error: DatasetError?) {
        key(name)
        guard let error else { return null() }
        object { json in
            json.field("code", error.code)
            json.field("message", error.message)
            json.field("retryable", error.retryable)
        }
    }
}
