import Glibc
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// A queue that one side fills and the other waits on, for ten seconds at most.
final class Mailbox<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func put(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    func take() throws -> Element {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            if let element = elements.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return element }
            usleep(500)
        }
        throw Timeout()
    }

    struct Timeout: Error {}
}

func text(_ body: String) -> HTTPResponse {
    text(200, body)
}

func text(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> HTTPResponse {
    HTTPResponse(status: status, headers: headers, body: Array(body.utf8))
}

/// A server that leaves every request to the test.
struct Held {
    let server: HTTPServer
    let requests = Mailbox<(HTTPRequest, HTTPResponder)>()

    init(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws {
        var configuration = HTTPServer.Configuration()
        change(&configuration)
        let requests = requests
        server = try HTTPServer.start(configuration) { requests.put(($0, $1)) }
    }
}

/// Time passing as part of what is tested, not to wait for something.
func pause(_ time: Duration) {
    usleep(UInt32(time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000))
}
