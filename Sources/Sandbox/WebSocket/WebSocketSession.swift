import CWslay
import Glibc

/// One end of a WebSocket connection: RFC 6455 frames by libwslay over a non-blocking socket.
///
/// Belongs to the one thread that created it (the loop's); it owns the libwslay context but not the socket.
package final class WebSocketSession {
    package enum Role { case server, client }

    package enum Message: Equatable {
        case text([UInt8])
        /// The peer's close frame; 0 if it named no code.
        case close(code: UInt16)
    }

    let socket: Int32
    private var context: wslay_event_context_ptr?
    /// Bytes that came along with the handshake, read before the socket is.
    private var early: ArraySlice<UInt8>
    private var messages: [Message] = []

    /// Fails only when memory does.
    package init?(socket: Int32, role: Role, early: [UInt8], maximumMessageBytes: Int) {
        self.socket = socket
        self.early = early[...]
        var callbacks = wslay_event_callbacks()
        callbacks.recv_callback = receiveBytes
        callbacks.send_callback = sendBytes
        callbacks.genmask_callback = makeMask
        callbacks.on_msg_recv_callback = messageReceived
        // Unretained is right: the context never outlives `self` (freed in deinit).
        let me = Unmanaged.passUnretained(self).toOpaque()
        let result =
            switch role {
            case .server: wslay_event_context_server_init(&context, &callbacks, me)
            case .client: wslay_event_context_client_init(&context, &callbacks, me)
            }
        guard result == 0, let context else { return nil }
        wslay_event_config_set_max_recv_msg_length(context, UInt64(maximumMessageBytes))
    }

    deinit {
        if let context { wslay_event_context_free(context) }
    }

    package var hasEarlyBytes: Bool { !early.isEmpty }
    package var wantsRead: Bool { wslay_event_want_read(context) != 0 }
    var wantsWrite: Bool { wslay_event_want_write(context) != 0 }
    var queuedBytes: Int { wslay_event_get_queued_msg_length(context) }

    /// Reads what the socket has. `open` is false at the end of the stream, or when the connection is broken.
    package func receive() -> (messages: [Message], open: Bool) {
        let result = wslay_event_recv(context)
        defer { messages.removeAll() }
        return (messages, result == 0)
    }

    /// Writes what the socket takes. False: the connection is broken.
    package func flush() -> Bool { wslay_event_send(context) == 0 }

    package func queue(text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { buffer in
            var message = wslay_event_msg(
                opcode: UInt8(WSLAY_TEXT_FRAME.rawValue), msg: buffer.baseAddress, msg_length: buffer.count)
            return wslay_event_queue_msg(context, &message) == 0
        }
    }

    /// What is queued goes first, as far as the socket takes it: libwslay lets control frames overtake messages.
    package func queueClose(code: UInt16, reason: String) {
        _ = flush()
        // RFC 6455, 5.5: a control frame has at most 125 bytes, two of them the code.
        let reason = Array(reason.utf8.prefix(123))
        // Refused only after an earlier close, which then stands.
        _ = wslay_event_queue_close(context, code, reason, reason.count)
    }

    fileprivate func read(into buffer: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
        if !early.isEmpty {
            let taken = early.prefix(count)
            for (offset, byte) in taken.enumerated() { buffer[offset] = byte }
            early = early.dropFirst(taken.count)
            return taken.count
        }
        return recv(socket, buffer, count, 0)
    }

    fileprivate func append(_ message: Message) { messages.append(message) }
}

private func session(_ pointer: UnsafeMutableRawPointer?) -> WebSocketSession? {
    pointer.map { Unmanaged<WebSocketSession>.fromOpaque($0).takeUnretainedValue() }
}

private func fail(_ context: wslay_event_context_ptr?) -> Int {
    let wouldBlock = errno == EAGAIN || errno == EWOULDBLOCK
    wslay_event_set_error(
        context, wouldBlock ? WSLAY_ERR_WOULDBLOCK.rawValue : WSLAY_ERR_CALLBACK_FAILURE.rawValue)
    return -1
}

private func receiveBytes(
    context: wslay_event_context_ptr?, buffer: UnsafeMutablePointer<UInt8>?, count: Int, flags: Int32,
    pointer: UnsafeMutableRawPointer?
) -> Int {
    guard let session = session(pointer), let buffer else { return fail(context) }
    errno = 0
    let received = session.read(into: buffer, count: count)
    // 0 is the end of the stream; errno was cleared, so it counts as a failure.
    return received > 0 ? received : fail(context)
}

private func sendBytes(
    context: wslay_event_context_ptr?, data: UnsafePointer<UInt8>?, count: Int, flags: Int32,
    pointer: UnsafeMutableRawPointer?
) -> Int {
    guard let session = session(pointer) else { return fail(context) }
    errno = 0
    let sent = send(session.socket, data, count, Int32(MSG_NOSIGNAL))
    return sent >= 0 ? sent : fail(context)
}

private func makeMask(
    context: wslay_event_context_ptr?, buffer: UnsafeMutablePointer<UInt8>?, count: Int,
    pointer: UnsafeMutableRawPointer?
) -> Int32 {
    for index in 0..<count { buffer?[index] = UInt8.random(in: 0...255) }
    return 0
}

private func messageReceived(
    context: wslay_event_context_ptr?, message: UnsafePointer<wslay_event_on_msg_recv_arg>?,
    pointer: UnsafeMutableRawPointer?
) {
    guard let session = session(pointer), let message = message?.pointee else { return }
    switch UInt32(message.opcode) {
    case WSLAY_TEXT_FRAME.rawValue:
        session.append(.text(Array(UnsafeBufferPointer(start: message.msg, count: message.msg_length))))
    case WSLAY_CONNECTION_CLOSE.rawValue:
        session.append(.close(code: message.status_code))
    default:
        break  // pings are answered by libwslay; the protocol has no binary messages
    }
}
