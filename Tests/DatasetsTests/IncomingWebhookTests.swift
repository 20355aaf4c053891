import Testing

@testable import Datasets

/// The schema of webhooks (spec, section 4).
@Suite(.timeLimit(.minutes(10))) struct IncomingWebhookTests {
    private func content(_ body: String) -> IncomingWebhook.Content {
        IncomingWebhook(id: "msg_1", body: Array(body.utf8)).content
    }

    private func read(_ body: String) -> DatasetEvent? {
        if case .event(let event) = content(body) { event } else { nil }
    }

    @Test func allFields() throws {
        let event = try #require(
            read(
                #"""
                {"type": "dataset.progress", "timestamp": "2026-11-23T16:00:00.123456Z",
                 "data": {"dataset_id": 12345, "reference": "0190A1B2-0000-7000-8000-00000000000F", "sequence": 17,
                          "progress": 42.9, "stage": "embedding", "message": null}, "more": 1}
                """#))
        #expect(event.type == .datasetProgress)
        #expect(event.datasetID == 12345)
        #expect(event.reference == "0190a1b2-0000-7000-8000-00000000000f")
        #expect(event.sequence == 17)
        #expect(event.progress == 42)
        #expect(event.stage == .set("embedding"))
        #expect(event.message == .set(nil))
    }

    @Test func resultIsKeptAsItCame() throws {
        let event = try #require(
            read(
                #"{"type":"dataset.completed","data":{"dataset_id":1,"sequence":2,"result":{"b": 1e400 , "a":[ ]}}}"#))
        #expect(event.result == Array(#"{"b": 1e400 , "a":[ ]}"#.utf8))
        #expect(event.stage == .unchanged)
        #expect(event.progress == nil)
    }

    /// The result of a training is in the log only.
    @Test func resultOfATraining() throws {
        let event = try #require(
            read(#"{"type":"training.completed","data":{"dataset_id":1,"sequence":2,"result":{}}}"#))
        #expect(event.result == nil)
    }

    @Test func errorOfAFailure() throws {
        let event = try #require(
            read(
                #"{"type":"dataset.failed","data":{"dataset_id":1,"sequence":2,"error":{"code":"c","message":"","retryable":true}}}"#
            ))
        #expect(event.error == DatasetError(code: "c", message: "", retryable: true))
    }

    @Test(arguments: DatasetEventType.webhooks)
    func everyType(type: DatasetEventType) {
        // With what any of them needs.
        let more = #""progress":2,"result":{"rows":3},"error":{"code":"oom","message":"Out of memory"}"#
        let event = read(#"{"type":"\#(type.rawValue)","data":{"dataset_id":1,"sequence":2,\#(more)}}"#)
        #expect(event?.type == type)
    }

    @Test(arguments: ["dataset.created", "dataset.stalled", "training.updated", "dataset.exploded", "x"])
    func otherTypesAreUnknown(type: String) {
        #expect(content(#"{"type":"\#(type)","data":5}"#) == .unknown(type: type))
    }

    /// Each fault with the field that its reason begins with.
    private static let faults: [(body: String, field: String)] = [
        ("", "body"), ("{", "body"), ("[]", "body"), ("null", "body"), ("\"x\"", "body"), ("{}x", "body"),
        ("{}", "type"), (#"{"type":5}"#, "type"), (#"{"type":""}"#, "type"), (#"{"type":null}"#, "type"),
        (#"{"type":"dataset.queued"}"#, "data"), (#"{"type":"dataset.queued","data":[]}"#, "data"),
    ]

    private static let dataFaults: [(type: String, data: String, field: String)] = [
        ("dataset.queued", #""sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":"1","sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":0,"sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":-1,"sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":1.5,"sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":9223372036854775808,"sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":null,"sequence":1"#, "data.dataset_id"),
        ("dataset.queued", #""dataset_id":1"#, "data.sequence"),
        ("dataset.queued", #""dataset_id":1,"sequence":0"#, "data.sequence"),
        ("dataset.queued", #""dataset_id":1,"sequence":true"#, "data.sequence"),
        ("dataset.queued", #""dataset_id":1,"sequence":1e99"#, "data.sequence"),
        ("dataset.queued", #""dataset_id":1,"sequence":1,"reference":5"#, "data.reference"),
        ("dataset.queued", #""dataset_id":1,"sequence":1,"reference":"""#, "data.reference"),
        (
            "dataset.queued", #""dataset_id":1,"sequence":1,"reference":"0190a1b2-0000-7000-8000-00000000000g""#,
            "data.reference"
        ),
        (
            "dataset.queued", #""dataset_id":1,"sequence":1,"reference":"0190a1b20000-7000-8000-00000000000000""#,
            "data.reference"
        ),
        ("dataset.queued", #""dataset_id":1,"sequence":1,"stage":1"#, "data.stage"),
        ("dataset.queued", #""dataset_id":1,"sequence":1,"message":{}"#, "data.message"),
        ("dataset.queued", #""dataset_id":1,"sequence":1,"progress":"5""#, "data.progress"),
        ("dataset.progress", #""dataset_id":1,"sequence":1"#, "data.progress"),
        ("dataset.progress", #""dataset_id":1,"sequence":1,"progress":null"#, "data.progress"),
        ("dataset.progress", #""dataset_id":1,"sequence":1,"progress":100.5"#, "data.progress"),
        ("dataset.progress", #""dataset_id":1,"sequence":1,"progress":-1"#, "data.progress"),
        ("dataset.progress", #""dataset_id":1,"sequence":1,"progress":1e400"#, "data.progress"),
        ("dataset.completed", #""dataset_id":1,"sequence":1"#, "data.result"),
        ("dataset.completed", #""dataset_id":1,"sequence":1,"result":[]"#, "data.result"),
        ("dataset.failed", #""dataset_id":1,"sequence":1"#, "data.error"),
        ("training.failed", #""dataset_id":1,"sequence":1,"error":"x""#, "data.error"),
        ("dataset.failed", #""dataset_id":1,"sequence":1,"error":{"message":"m"}"#, "data.error.code"),
        ("dataset.failed", #""dataset_id":1,"sequence":1,"error":{"code":"","message":"m"}"#, "data.error.code"),
        ("dataset.failed", #""dataset_id":1,"sequence":1,"error":{"code":"c"}"#, "data.error.message"),
    ]

    @Test(arguments: faults)
    func envelopeFaultsAreNamed(body: String, field: String) {
        guard case .invalid(let invalid) = content(body) else { return #expect(Bool(false), "\(body) is taken") }
        #expect(invalid.reason.hasPrefix("\(field): "), "\(invalid.reason)")
    }

    @Test(arguments: dataFaults)
    func fieldFaultsAreNamed(type: String, data: String, field: String) {
        guard case .invalid(let invalid) = content(#"{"type":"\#(type)","data":{\#(data)}}"#) else {
            return #expect(Bool(false), "\(data) is taken")
        }
        #expect(invalid.reason.hasPrefix("\(field): "), "\(invalid.reason)")
        #expect(invalid.type == type)
    }

    @Test func bounds() {
        let max =
            #"{"type":"dataset.progress","data":{"dataset_id":9223372036854775807,"sequence":9223372036854775807,"progress":100}}"#
        #expect(read(max)?.datasetID == .max)
        #expect(read(max)?.sequence == .max)
        #expect(read(max)?.progress == 100)
    }
}
