import JSON
import Synchronization
import TestSupport

@testable import Sandbox

/// A TV Python API of a few lines that answers exactly as it is told, or not at all. It keeps one callback.
final class TVStandIn: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        /// The request line and the fields.
        let head: String
        let body: [UInt8]
        let at: ContinuousClock.Instant

        var json: JSONView? { (try? JSONDocument(parsing: body))?.root }
        /// `reference` of a create.
        var reference: String? { json?["reference"]?.string }

        func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { $0.drop { $0 != ":" }.dropFirst().drop { $0 == " " } }.map(String.init)
        }
    }

    enum Reply: Sendable {
        case answer(Int, String = "", [String] = [])
        /// The connection is closed.
        case close
        /// Nothing, for good.
        case silence

        static func accepted(_ dataset: Int64) -> Reply {
            .answer(201, #"{"dataset_id":\#(dataset),"status":"queued"}"#)
        }
    }

    /// In the order they came.
    let requests = Recorder<Request>()
    /// The body of the callback's PUT; nil: none is registered.
    let callback = Mutex<[UInt8]?>(nil)
    private let server: RawServer

    var url: String { "http://127.0.0.1:\(server.port)" }
    var creates: [Request] { requests.all.filter { $0.path == "/dataset/create" } }
    var redeliveries: [Request] { requests.all.filter { $0.path.hasSuffix("/redeliver") } }
    func count(_ method: String) -> Int { requests.all.filter { $0.method == method }.count }

    /// - Parameters:
    ///   - creates: answers `POST /dataset/create`, by its number from 1.
    ///   - others: answers anything else first; nil: as it should be.
    init(
        creates: @escaping @Sendable (_ number: Int, _ request: Request) -> Reply = { _, _ in .answer(500) },
        others: @escaping @Sendable (_ request: Request, _ standIn: TVStandIn) -> Reply? = { _, _ in nil }
    ) {
        let me = Mutex<Weak>(Weak())
        server = RawServer { _, connection in
            while let self = me.withLock({ $0.standIn }), let request = Self.read(connection) {
                self.requests.append(request)
                let reply =
                    request.path == "/dataset/create"
                    ? creates(self.creates.count, request) : others(request, self) ?? self.answer(request)
                switch reply {
                case .close: return
                case .silence: return connection.waitForEnd()
                case .answer(let status, let body, let fields):
                    let head = ["HTTP/1.1 \(status) X", "Content-Length: \(body.utf8.count)"] + fields
                    connection.send(head.joined(separator: "\r\n") + "\r\n\r\n" + body)
                }
            }
        }
        me.withLock { $0.standIn = self }
    }

    private struct Weak: Sendable {
        weak var standIn: TVStandIn?
    }

    private static func read(_ connection: RawConnection) -> Request? {
        let head = connection.head()
        let line = head.prefix { $0 != "\r\n" }.split(separator: " ")
        guard line.count == 3 else { return nil }
        let request = Request(method: String(line[0]), path: String(line[1]), head: head, body: [], at: .now)
        let body = connection.body(request.header("Content-Length").flatMap { Int($0) } ?? 0)
        return Request(method: request.method, path: request.path, head: head, body: body, at: .now)
    }

    private func answer(_ request: Request) -> Reply {
        switch request.method {
        case "PUT":
            callback.withLock { $0 = request.body }
            return .answer(200, "{}")
        case "GET":
            return callback.withLock { $0 }.map { .answer(200, String(decoding: $0, as: UTF8.self)) } ?? .answer(404)
        case "DELETE":
            callback.withLock { $0 = nil }
            return .answer(204)
        default: return callback.withLock { $0 } == nil ? .answer(404, #"{"detail":"Not found"}"#) : .answer(202, "{}")
        }
    }
}

extension ServiceUnderTest {
    /// As `with`, with a stand-in for the TV Python API; begins when the callback is registered there.
    static func with<R>(
        _ standIn: TVStandIn, _ environment: [String: String] = [:], _ body: (ServiceUnderTest) async throws -> R
    ) async throws -> R {
        let environment = ["TV_API_URL": standIn.url].merging(environment) { _, given in given }
        return try await with(environment, registered: false) { service in
            try await service.log.wait { $0.contains { $0.contains("callback registered") } }
            return try await body(service)
        }
    }
}
