import Glibc
import HTTPServer
import JSON
import Synchronization
import Time

/// The TV Python API, as far as a start needs it, and a Pusher server that counts and does nothing else, at one port.
struct OtherParties: Sendable {
    let pusher: CountingPusher
    private let server: HTTPServer
    var port: UInt16 { server.port }

    init() throws(HTTPServerError) {
        let pusher = CountingPusher()
        self.pusher = pusher
        let registration = Registration()
        server = try HTTPServer.start(HTTPServer.Configuration()) { request, responder in
            if request.method == "POST", request.path.hasPrefix("/apps/") {
                pusher.receive(request, responder)
            } else {
                responder.respond(Self.answer(registration.receive(request)))
            }
        }
    }

    func stop() async { await server.stop(within: .seconds(1)) }

    /// What was registered is what is there.
    private final class Registration: Sendable {
        private let callback = Mutex<[UInt8]>([])

        func receive(_ request: HTTPRequest) -> [UInt8] {
            callback.withLock { callback in
                if request.method == "PUT" { callback = request.body }
                return callback
            }
        }
    }

    fileprivate static func answer(_ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: body)
    }
}

/// Counts what is published.
final class CountingPusher: Sendable {
    private struct State {
        var requests = 0
        var events = 0
        var notifications = 0
        var delay = Duration.zero
        var onRequest: (@Sendable (UInt64) -> Void)?
        var sinceChange = Latencies()
    }

    /// One request of so many is looked into.
    private static let sample = 16

    private let state = Mutex(State())

    /// How long an answer takes.
    func answer(after delay: Duration) { state.withLock { $0.delay = delay } }

    /// Has `body` called for every request, with the time by `Clock.now()` at which it came.
    func onRequest(_ body: (@Sendable (UInt64) -> Void)?) { state.withLock { $0.onRequest = body } }

    /// Requests, the events in them, and the notifications: in a batch there is an event for each of the channels of one.
    var counts: (requests: Int, events: Int, notifications: Int) {
        state.withLock { ($0.requests, $0.events, $0.notifications) }
    }

    /// From the transaction that made a change to its notification, of some of those that came since this was asked last.
    func takeSinceChange() -> Latencies {
        state.withLock { state in
            defer { state.sinceChange = Latencies() }
            return state.sinceChange
        }
    }

    /// How old the change is that an event tells of, in microseconds.
    private static func age(_ event: JSONView?) -> Int64? {
        let data = event?["data"]?.string.flatMap { try? JSONDocument(parsing: Array($0.utf8)) }
        let changed = data?.root["updated_at"]?.string?.replacing("T", with: " ").dropLast()
        return changed.flatMap { Timestamp(sql: $0.utf8) }.map { Timestamp.now().microseconds - $0.microseconds }
    }

    private static func count(_ text: String, in body: [CChar]) -> Int {
        body.withUnsafeBufferPointer { body in
            var count = 0
            var rest = body.baseAddress.map { UnsafePointer($0) }
            while let from = rest, let found = strstr(from, text) {
                count += 1
                rest = UnsafePointer(found) + text.utf8.count
            }
            return count
        }
    }

    fileprivate func receive(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let now = Clock.now()
        var (events, notifications) = (1, 1)
        var age: Int64?
        if request.path.hasSuffix("/batch_events") {
            // Looking for a member costs less than reading the JSON: the server's own work is not to be measured.
            let text = request.body.map(CChar.init(bitPattern:)) + [0]
            events = Self.count(#""channel":""#, in: text)
            notifications = Self.count(#""channel":"private-wishlist"#, in: text)
            if counts.requests.isMultiple(of: Self.sample) {
                age = Self.age((try? JSONDocument(parsing: request.body))?.root["batch"]?.elements.first)
            }
        }
        let (delay, onRequest) = state.withLock { state in
            state.requests += 1
            state.events += events
            state.notifications += notifications
            if let age { state.sinceChange.add(nanoseconds: UInt64(max(0, age)) * 1000) }
            return (state.delay, state.onRequest)
        }
        onRequest?(now)
        if delay == .zero { return responder.respond(OtherParties.answer(Array("{}".utf8))) }
        Task {
            try? await Task.sleep(for: delay)
            responder.respond(OtherParties.answer(Array("{}".utf8)))
        }
    }
}
