import CMicroHTTPD

/// A response in libmicrohttpd's form, owned: given back when this value ends.
///
/// Proof of `@unchecked Sendable`: libmicrohttpd ties a response to no thread, and counts references to it under a lock of its
/// own. Headers are added before it is queued, by the one user that a value has which cannot be copied.
struct PreparedResponse: ~Copyable, @unchecked Sendable {
    let status: UInt32
    let pointer: OpaquePointer
    /// What takes over the socket after a 101.
    let upgrade: UpgradeHandler?

    /// nil if the response is not one that may be sent, or memory ran out.
    init?(_ response: HTTPResponse) {
        guard (200...599).contains(response.status), Self.areSafe(response.headers) else { return nil }
        let created = response.body.withUnsafeBytes { body in
            MHD_create_response_from_buffer(
                response.status == 204 ? 0 : body.count, UnsafeMutableRawPointer(mutating: body.baseAddress),
                .RESPMEM_MUST_COPY)
        }
        guard let created else { return nil }
        guard Self.add(response.headers, to: created) else {
            MHD_destroy_response(created)
            return nil
        }
        status = UInt32(response.status)
        pointer = created
        upgrade = nil
    }

    /// 101 Switching Protocols. The handler must live until the response has been sent or its request is over.
    init?(upgradeHeaders headers: [(name: String, value: String)], handler: UpgradeHandler) {
        guard Self.areSafe(headers) else { return nil }
        let created = MHD_create_response_for_upgrade(
            upgradeCallback, Unmanaged.passUnretained(handler).toOpaque())
        guard let created else { return nil }
        guard Self.add(headers, to: created) else {
            MHD_destroy_response(created)
            return nil
        }
        status = 101
        pointer = created
        upgrade = handler
    }

    deinit {
        MHD_destroy_response(pointer)
    }

    /// Tells the client that this connection ends here.
    borrowing func closeAfterwards() {
        MHD_add_response_header(pointer, "Connection", "close")
    }

    private static func add(_ headers: [(name: String, value: String)], to response: OpaquePointer) -> Bool {
        for header in headers where !isServers(header.name) {
            guard MHD_add_response_header(response, header.name, header.value) == .YES else { return false }
        }
        return true
    }

    static func isServers(_ name: String) -> Bool {
        name.utf8.count >= 14 && ["content-length", "transfer-encoding"].contains(name.lowercased())
    }

    static func areSafe(_ headers: [(name: String, value: String)]) -> Bool {
        headers.allSatisfy { name, value in
            !name.utf8.isEmpty && name.utf8.allSatisfy(isToken) && value.utf8.allSatisfy(isFieldValue)
        }
    }
}

/// A byte that may stand in a token (RFC 9110, section 5.6.2).
func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
}

/// A byte that may stand in a field value: all but CR, LF and NUL (RFC 9110, section 5.5).
func isFieldValue(_ byte: UInt8) -> Bool {
    byte != 0 && byte != 0x0A && byte != 0x0D
}
