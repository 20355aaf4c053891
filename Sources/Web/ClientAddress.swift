import Glibc
package import HTTPServer

/// Where a request comes from, behind proxies: only what a proxy of ours says is believed (RFC 7239). Pure.
package struct ClientAddress: Sendable {
    /// An address, or a network such as `10.0.0.0/8` and `fd00::/8`.
    package struct Network: Sendable, Equatable {
        private let bytes: [UInt8]
        private let prefix: Int

        /// nil: it is none.
        package init?(_ text: some StringProtocol) {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let bytes = IPAddress.bytes(parts[0]) else { return nil }
            self.bytes = bytes
            if parts.count == 1 {
                prefix = bytes.count * 8
            } else {
                let digits = parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
                guard digits, let number = Int(parts[1]), number <= bytes.count * 8 else { return nil }
                prefix = number
            }
        }

        /// Whether an address, as text, is in it.
        func contains(_ address: String) -> Bool { IPAddress.bytes(address).map(contains) ?? false }

        fileprivate func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            let whole = prefix / 8
            guard address[..<whole] == bytes[..<whole] else { return false }
            let rest = prefix % 8
            return rest == 0 || (address[whole] ^ bytes[whole]) >> (8 - rest) == 0
        }
    }

    /// Hops looked at, from the last: a header may name many.
    private static let hops = 32

    private let trusted: [Network]

    /// - Parameter trusted: `TRUSTED_PROXIES`.
    package init(trusted: [Network] = []) {
        self.trusted = trusted
    }

    /// The address of the client: the last one that no proxy of ours has. What a stranger has put before it is not looked at.
    package func resolve(_ request: HTTPRequest) -> String {
        var address = request.remoteAddress
        guard isTrusted(address) else { return address }
        for hop in Self.hops(of: request.headers).suffix(Self.hops).reversed() {
            // A name, or nothing that is an address: who came before it is not known.
            guard let next = IPAddress.text(hop) else { return address }
            address = next
            if !isTrusted(address) { break }
        }
        return address
    }

    /// What one client has for itself: an IPv4 address, or of an IPv6 address the first half (RFC 6177).
    static func block(of address: String) -> String {
        guard let bytes = IPAddress.bytes(address), bytes.count == 16 else { return address }
        return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }

    private func isTrusted(_ address: String) -> Bool {
        guard let bytes = IPAddress.bytes(address) else { return false }
        return trusted.contains { $0.contains(bytes) }
    }

    /// `for` of `Forwarded`, or else `X-Forwarded-For`; the last is who called the proxy that called us.
    private static func hops(of headers: HTTPHeaders) -> [Substring] {
        let forwarded = headers.all("forwarded")
        guard forwarded.isEmpty else {
            return forwarded.joined(separator: ",").split(separator: ",").compactMap { element in
                element.split(separator: ";").map { $0.drop(while: \.isWhitespace) }
                    .first { $0.lowercased().hasPrefix("for=") }?.dropFirst(4)
            }
        }
        return headers.all("x-forwarded-for").joined(separator: ",").split(separator: ",")
    }
}

/// IP addresses as proxies write them: with quotes, brackets and ports.
private enum IPAddress {
    /// As it is written without all that; an IPv4 address in IPv6 as the former.
    static func text(_ hop: Substring) -> String? {
        var text = hop.filter { !$0.isWhitespace && $0 != "\"" }[...]
        if text.hasPrefix("[") {
            text = text.dropFirst().prefix { $0 != "]" }
        } else if text.count(where: { $0 == ":" }) == 1 {
            text = text.prefix { $0 != ":" }
        }
        guard let bytes = bytes(text) else { return nil }
        return bytes.count == 4 ? bytes.map(String.init).joined(separator: ".") : text.lowercased()
    }

    /// Four bytes, or sixteen; nil: it is no address.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, String(text), &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var six = in6_addr()
        guard inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: &six) { Array($0) }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes[12...]) : bytes
    }
}
