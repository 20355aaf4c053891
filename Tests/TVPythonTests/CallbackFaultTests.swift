import Testing

@testable import TVPython

/// What may be found registered.
@Suite(.timeLimit(.minutes(5))) struct CallbackFaultTests {
    @Test func allEventsAreEnough() {
        let wanted = TVPythonAPI.Callback(url: "http://a/b", events: ["dataset.queued", "dataset.completed"])
        #expect(wanted.faults(of: TVPythonAPI.Callback(url: "http://a/b", events: ["*"])).isEmpty)
        #expect(wanted.faults(of: TVPythonAPI.Callback(url: "http://a/b", events: ["dataset.queued"])).count == 1)
    }
}
