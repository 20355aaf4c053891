import Glibc
import Sandbox

/// The first byte chooses the end; the rest is what the peer sends.
func checkWebSocket(_ bytes: [UInt8]) {
    let limit = 1000
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
    precondition(socketpair(AF_UNIX, type, 0, &ends) == 0, "no socket pair")
    defer { for end in ends { close(end) } }
    let role: WebSocketSession.Role = (bytes.first ?? 0) & 1 == 0 ? .server : .client
    guard
        let session = WebSocketSession(
            socket: ends[0], role: role, early: Array(bytes.dropFirst()), maximumMessageBytes: limit)
    else { preconditionFailure("no memory") }
    while session.hasEarlyBytes, session.wantsRead {
        let (messages, isOpen) = session.receive()
        for case .text(let text) in messages {
            precondition(text.count <= limit, "a message is too long")
            precondition(String(validating: text, as: UTF8.self) != nil, "a text is not UTF-8 (RFC 6455, section 8.1)")
        }
        guard isOpen else { return }
    }
    _ = session.queue(text: [0x78])
    session.queueClose(code: 1000, reason: "done")
    _ = session.flush()
}
