import HTTPServer
import JSON
import Synchronization

/// `/sandbox/...`: what was sent and received, and faults to order. For tests and for people.
struct SandboxControl: Sendable {
    let tv: SandboxTV
    let pusher: SandboxPusher

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        do throws(SandboxError) {
            switch (request.method, request.path) {
            case ("GET", "/sandbox/state"): responder.respond(state)
            case ("POST", "/sandbox/tv/scenario"): responder.respond(try scenario(request.body))
            case ("POST", "/sandbox/pusher/faults"): responder.respond(try faults(request.body))
            default: responder.respond(.message(404, "Not found."))
            }
        } catch {
            responder.respond(.message(400, error.description))
        }
    }

    /// The body's members change the default scenario; the result holds for the next create only.
    private func scenario(_ body: [UInt8]) throws(SandboxError) -> HTTPResponse {
        var scenario = tv.state.withLock(\.scenario)
        try scenario.apply(try object(body))
        tv.setNext(scenario)
        return HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: scenario.json)
    }

    /// `{"count": 3, "status": 503, "retry_after": 1, "delay": 0.5, "hang": false}`; all but one of the last four may be
    /// left out. `{"count": 0}` clears.
    private func faults(_ body: [UInt8]) throws(SandboxError) -> HTTPResponse {
        let object = try object(body)
        let known: Set = ["count", "status", "retry_after", "delay", "hang"]
        if let unknown = object.members.first(where: { !known.contains($0.name) }) {
            throw SandboxError("faults: \(unknown.name) is unknown")
        }
        let count = object["count"]?.int ?? 1
        let status = object["status"]?.int
        let delay = object["delay"]?.double ?? 0
        guard (0...1_000_000).contains(count), status.map({ (400...599).contains($0) }) ?? true,
            (0...86_400).contains(delay)
        else { throw SandboxError("faults: count, status or delay is out of range") }
        if count == 0 {
            pusher.clearFaults()
        } else {
            pusher.inject(
                PusherFault(
                    status: status.map { Int($0) }, retryAfter: object["retry_after"]?.int.map { Int(clamping: $0) },
                    delay: .seconds(delay), hangs: object["hang"]?.bool ?? false), count: Int(count))
        }
        return .json { $0.field("count", count) }
    }

    private func object(_ body: [UInt8]) throws(SandboxError) -> JSONView {
        guard let root = try? JSONDocument(parsing: body).root, root.kind == .object else {
            throw SandboxError("the body has to be a JSON object")
        }
        return root
    }

    private var state: HTTPResponse {
        let tv = tv.state.withLock { ($0.callbacks, $0.datasets, $0.createRequests) }
        return .json { writer in
            writer.field("tv") { writer in
                writer.list("callbacks") { writer in
                    for callback in tv.0.values.sorted(by: { $0.name < $1.name }) { writer.raw(callback.response.body) }
                }
                writer.field("create_requests", tv.2)
                writer.list("datasets") { writer in
                    for dataset in tv.1.values.sorted(by: { $0.id < $1.id }) {
                        writer.object { Self.write(dataset, &$0) }
                    }
                }
            }
            writer.field("pusher") { writer in
                writer.field("connections", pusher.connectionCount)
                writer.field("requests", pusher.requests.total)
                writer.field("events", pusher.events.total)
                writer.field("event_names") { writer in
                    for (name, count) in pusher.eventNames.sorted(by: { $0.key < $1.key }) { writer.field(name, count) }
                }
                writer.field("channels") { writer in
                    for (name, count) in pusher.channels.sorted(by: { $0.key < $1.key }) { writer.field(name, count) }
                }
            }
        }
    }

    private static func write(_ dataset: Dataset, _ writer: inout JSONWriter) {
        writer.field("dataset_id", dataset.id)
        writer.field("reference", dataset.request.reference)
        writer.field("over", dataset.isOver)
        writer.field("webhooks", dataset.webhooks.count)
        writer.field("delivered", dataset.delivered.count)
        writer.field("attempts", dataset.attempts)
        writer.field("outcomes") { writer in
            for (outcome, count) in dataset.outcomes.sorted(by: { $0.key < $1.key }) { writer.field(outcome, count) }
        }
    }
}
