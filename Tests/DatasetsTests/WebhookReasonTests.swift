import JSON
import Testing

@testable import Datasets

/// What a webhook may look like, and what its sender is told where it may not (spec, section 4).
@Suite(.timeLimit(.minutes(5))) struct WebhookReasonTests {
    private func content(_ body: String) -> IncomingWebhook.Content {
        IncomingWebhook(id: "msg_1", body: Array(body.utf8)).content
    }

    private func event(_ data: String, type: String = "dataset.progress", more: String = "") -> DatasetEvent? {
        if case .event(let event) = content(#"{"type":"\#(type)"\#(more),"data":{\#(data)}}"#) { event } else { nil }
    }

    private func invalid(_ data: String, type: String = "dataset.progress") -> InvalidWebhook? {
        let body = #"{"type":"\#(type)","data":{\#(data)}}"#
        if case .invalid(let invalid) = content(body) { return invalid }
        return nil
    }

    // MARK: What is taken

    @Test(arguments: ["null", "5", "-1e9", "true", "[]", "{}", #""""#, #""yesterday""#, #""2026-11-23T16:00:00Z""#])
    func timestampMayBeOfAnyForm(_ timestamp: String) {
        #expect(event(#""dataset_id":1,"sequence":1,"progress":5"#, more: #","timestamp":\#(timestamp)"#) != nil)
    }

    @Test func whatNobodyReadsMayBeOfAnyForm() {
        #expect(event(#""dataset_id":1,"sequence":1,"progress":5,"x":[null,{}],"result":5,"error":"x""#) != nil)
        #expect(event(#""dataset_id":1,"sequence":1,"result":null"#, type: "training.completed") != nil)
        #expect(
            event(
                #""dataset_id":1,"sequence":1,"error":{"code":"c","message":"m","retryable":"no"}"#,
                type: "dataset.failed")
                != nil)
        #expect(content(#"{"type":"dataset.new","data":NULL}"#) != .unknown(type: "dataset.new"))
        #expect(content(#"{"type":"dataset.new","data":5}"#) == .unknown(type: "dataset.new"))
    }

    @Test(arguments: [
        ("100.00000000000001", 100), ("100.000001", 100), ("-0.000001", 0), ("-0.0", 0), ("-1e-7", 0), ("0", 0),
        ("99.99999999", 99), ("42.9", 42), ("1e2", 100), ("5.0", 5), ("1e-400", 0),
    ])
    func progressOffTheRangeByRounding(_ written: String, _ progress: Int) {
        #expect(event(#""dataset_id":1,"sequence":1,"progress":\#(written)"#)?.progress == progress)
    }

    /// As Python writes a number that was a float once.
    @Test func integersMayBeWrittenAsFloats() {
        let event = event(#""dataset_id":12345.0,"sequence":5.0,"progress":7.0"#)
        #expect(event?.datasetID == 12345 && event?.sequence == 5)
    }

    @Test func ofARepeatedNameTheLastCounts() {
        #expect(event(#""dataset_id":1,"sequence":1,"progress":5,"dataset_id":2"#)?.datasetID == 2)
    }

    @Test func numbersOfAnySizeInAResult() {
        let event = event(#""dataset_id":1,"sequence":1,"result":{"x":1e400}"#, type: "dataset.completed")
        #expect(event?.result == Array(#"{"x":1e400}"#.utf8))
    }

    // MARK: What is told

    @Test(arguments: [
        (#""dataset_id":"1","sequence":1,"progress":5"#, #"data.dataset_id: must be an integer from 1, not "1""#),
        (#""dataset_id":true,"sequence":1,"progress":5"#, "data.dataset_id: must be an integer from 1, not true"),
        (#""dataset_id":1.5,"sequence":1,"progress":5"#, "data.dataset_id: must be an integer from 1, not 1.5"),
        (#""sequence":1,"progress":5"#, "data.dataset_id: must be an integer from 1, and is missing"),
        (#""dataset_id":1,"sequence":0,"progress":5"#, "data.sequence: must be an integer from 1, not 0"),
        (
            #""dataset_id":1,"sequence":1,"progress":"five""#,
            #"data.progress: must be a number from 0 to 100, not "five""#
        ),
        (#""dataset_id":1,"sequence":1,"progress":"5""#, #"data.progress: must be a number from 0 to 100, not "5""#),
        (#""dataset_id":1,"sequence":1,"progress":true"#, "data.progress: must be a number from 0 to 100, not true"),
        (#""dataset_id":1,"sequence":1,"progress":null"#, "data.progress: must be a number from 0 to 100, not null"),
        (#""dataset_id":1,"sequence":1"#, "data.progress: must be a number from 0 to 100, and is missing"),
        (
            #""dataset_id":1,"sequence":1,"progress":100.00001"#,
            "data.progress: must be a number from 0 to 100, not 100.00001"
        ),
        (
            #""dataset_id":1,"sequence":1,"progress":-0.00001"#,
            "data.progress: must be a number from 0 to 100, not -0.00001"
        ),
        (#""dataset_id":1,"sequence":1,"progress":1e400"#, "data.progress: must be a number from 0 to 100, not 1e400"),
        (
            #""dataset_id":1,"sequence":1,"progress":5,"stage":[1, 2]"#,
            "data.stage: must be a string or null, not [1, 2]"
        ),
        (
            #""dataset_id":1,"sequence":1,"progress":5,"reference":"x""#,
            #"data.reference: must be a UUID or null, not "x""#
        ),
        // What Python's json.dumps writes, and is no JSON.
        (#""dataset_id":1,"sequence":1,"progress":NaN"#, "data.progress: NaN is not JSON"),
        (#""dataset_id":1,"sequence":1,"result":{"loss":NaN}"#, "data.result.loss: NaN is not JSON"),
        (
            #""dataset_id":1,"sequence":1,"result":{"a":[0, {"b": -Infinity}]}"#,
            "data.result.a.1.b: -Infinity is not JSON"
        ),
        (#""dataset_id":1,"sequence":1,"result":{"a":[Infinity]}"#, "data.result.a.0: Infinity is not JSON"),
        (#""dataset_id":1,"sequence":1,"message":"\ud800x""#, #"data.message: lone surrogate escape in "\ud800x""#),
        (
            "\"dataset_id\":1,\"sequence\":1,\"message\":\"a\nb\"",
            #"data.message: control character in a string in "ab""#
        ),
        (#""dataset_id":1,"sequence":01"#, "data.sequence: 01 is not JSON"),
        (#""dataset_id":1,'sequence':1"#, "data: 'sequence' is not JSON"),
        (#""dataset_id":1,"sequence":None"#, "data.sequence: None is not JSON"),
        (#""dataset_id":1,"sequence":1,"x":True"#, "data.x: True is not JSON"),
        (#""dataset_id":1,"a" 5"#, "data.a: 5 is not JSON"),
        (#""dataset_id":1 "a":5"#, #"data.dataset_id: "a" is not JSON"#),
    ])
    func theReasonNamesFieldAndValue(_ data: String, _ reason: String) {
        #expect(invalid(data)?.reason == reason)
    }

    @Test(arguments: [
        ("", "body: is empty"), ("nonsense", "body: nonsense is not JSON"),
        ("\u{FEFF}{}", "body: begins with a byte order mark"),
        ("{}x", "body: x stands after the value"), ("{", "body: the text ends too early"),
        (#"{"type":"dataset.queued","data":{"dataset_id":"#, "data.dataset_id: the text ends too early"),
        ("5", "body: must be an object, not 5"), (#"{"type":5}"#, "type: must be a non-empty string, not 5"),
        (#"{"type":"dataset.queued","data":[]}"#, "data: must be an object, not []"),
        (#"{"type":"dataset.queued"}"#, "data: must be an object, and is missing"),
    ])
    func theReasonForAWholeBody(_ body: String, _ reason: String) {
        guard case .invalid(let invalid) = content(body) else { return #expect(Bool(false), "\(body) is taken") }
        #expect(invalid.reason == reason)
    }

    @Test func reasonsAreBoundedAndOnOneLine() {
        let long = String(repeating: "x", count: 100_000)
        let deep = String(repeating: #"{"\#(long.prefix(500))":"#, count: 600)
        for data in [
            #""dataset_id":1,"sequence":1,"progress":"\#(long)""#, #""dataset_id":1,"sequence":1,"x":\#(long)"#,
            #""dataset_id":1,"sequence":1,"x":\#(deep)"#, "\"\(long)\":NaN",
            "\"dataset_id\":\"\u{1B}[2J\u{9B}\u{202E}\u{7F}x\"",
        ] {
            let reason = invalid(data)?.reason ?? ""
            #expect(!reason.isEmpty && reason.utf8.count < 400, "\(reason.utf8.count)")
            #expect(
                reason.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0.value != 0x202E })
        }
        #expect(invalid(#""dataset_id":1,"x":\#(deep)"#)?.reason.hasSuffix(": nested too deeply") == true)
    }

    // MARK: What is kept

    @Test func whatWasSoundIsKept() throws {
        let reference = "0190a1b2-0000-7000-8000-00000000000f"
        let sound = #""dataset_id":424242,"reference":"\#(reference.uppercased())","sequence":7"#
        for bad in [
            #"\#(sound),"progress":"five""#, #"\#(sound),"progress":NaN"#, #"\#(sound),"message":"\ud800""#,
            #""result":{"loss":[NaN,-Infinity]},\#(sound)"#, #"\#(sound),"result":{"a":["#, #"\#(sound),"x""#,
            #"\#(sound),"x":{"y":tru}"#,
        ] {
            let kept = try #require(invalid(bad), "\(bad)")
            #expect(kept.type == "dataset.progress")
            #expect(kept.datasetID == 424_242, "\(bad)")
            #expect(kept.reference == reference, "\(bad)")
            #expect(kept.sequence == 7, "\(bad)")
        }
        let unsound = try #require(invalid(#""dataset_id":"1","reference":"x","sequence":-1"#))
        #expect(unsound.datasetID == nil && unsound.reference == nil && unsound.sequence == nil)
    }
}
