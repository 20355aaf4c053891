import CMicroHTTPD

// What libmicrohttpd calls on its event thread. The first argument is the `ServerCore`, which outlives the daemon;
// the socket context is the `ServerConnection`, owned from "started" to "closed".

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore {
    Unmanaged<ServerCore>.fromOpaque(context!).takeUnretainedValue()
}

private func connection(_ context: UnsafeMutableRawPointer) -> ServerConnection {
    Unmanaged<ServerConnection>.fromOpaque(context).takeUnretainedValue()
}

let connectionCallback: MHD_NotifyConnectionCallback = { context, mhdConnection, socketContext, code in
    guard let mhdConnection, let socketContext else { return }
    if code == .CONNECTION_NOTIFY_STARTED {
        let connection = ServerConnection(core: core(context), connection: mhdConnection)
        socketContext.pointee = Unmanaged.passRetained(connection).toOpaque()
    } else if let pointer = socketContext.pointee {
        let connection = Unmanaged<ServerConnection>.fromOpaque(pointer).takeRetainedValue()
        socketContext.pointee = nil
        connection.closed()
    }
}

/// Called with the whole target when the request line has come. The result becomes the request's context.
let targetCallback:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
        _, target, mhdConnection in
        guard let target, let mhdConnection, let context = cmhd_socket_context(mhdConnection) else { return nil }
        connection(context).begin(target: UnsafeMutablePointer(mutating: target))
        return context
    }

let requestCallback: MHD_AccessHandlerCallback = {
    _, mhdConnection, target, method, version, data, size, requestContext in
    guard let mhdConnection, let target, let method, let version, let size, let context = requestContext?.pointee
    else { return .NO }
    let line = RequestLine(method: method, target: target, version: version)
    return connection(context).handle(mhdConnection, line, data: data, size: size)
}

let completedCallback: MHD_RequestCompletedCallback = { _, mhdConnection, requestContext, code in
    if let mhdConnection, let context = requestContext?.pointee {
        connection(context).completed(mhdConnection, wasAnswered: code == .REQUEST_TERMINATED_COMPLETED_OK)
        requestContext?.pointee = nil
    }
}

let fieldCallback: MHD_KeyValueIteratorN = { context, _, name, nameSize, value, valueSize in
    guard let context, let name else { return .NO }
    connection(context).addField(name: bytes(name, nameSize), value: bytes(value, valueSize))
    return .YES
}

private func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    guard let start else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count)
}

/// Leaves the target as it came: decoding is the caller's.
let unescapeCallback: @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int = {
    _, _, text in
    var length = 0
    while let text, text[length] != 0 { length += 1 }
    return length
}
