/// A URL in its normal form (RFC 3986, section 6.2): scheme and host in lower case, no default port, no dot segments,
/// percent-encoding in upper case and only where it is needed. Two URLs that are the same by these rules are equal.
package struct NormalURL: Sendable, Hashable, CustomStringConvertible {
    /// What is no absolute URL with a host stays as it is.
    package let description: String

    package init(_ url: String) {
        description = Self.normalize(url) ?? url
    }

    private static func normalize(_ url: String) -> String? {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
        let scheme = url[..<colon].lowercased()
        let rest = url[url.index(colon, offsetBy: 3)...]
        let authority = rest.prefix { !"/?#".contains($0) }
        let tail = rest[authority.endIndex...]
        let path = tail.prefix { $0 != "?" && $0 != "#" }
        guard let server = normalize(authority: authority, scheme: scheme) else { return nil }
        let segments = removeDots(decodeUnreserved(path))
        return "\(scheme)://\(server)\(segments)\(decodeUnreserved(tail[path.endIndex...]))"
    }

    private static func normalize(authority: Substring, scheme: String) -> String? {
        let user = authority.lastIndex(of: "@").map { authority[...$0] } ?? ""
        let server = authority.dropFirst(user.count)
        // The colons of an IPv6 address are in brackets.
        let isLiteral = server.hasPrefix("[")
        let host = isLiteral ? server.prefix { $0 != "]" } + "]" : server.prefix { $0 != ":" }
        guard !host.isEmpty, server.hasPrefix(host) else { return nil }
        let port = server.dropFirst(host.count)
        guard port.isEmpty || port.hasPrefix(":") else { return nil }
        // Leading zeros say nothing either.
        let number = port.dropFirst().drop { $0 == "0" }
        let isDefault = number.isEmpty || number == ["http": "80", "https": "443"][scheme]
        return decodeUnreserved(user) + decodeUnreserved(Substring(host.lowercased())).lowercased()
            + (isDefault ? "" : ":\(number)")
    }

    /// Decodes what needs no percent-encoding, and writes the rest of it in upper case.
    private static func decodeUnreserved(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"),
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.count >= 2, rest.prefix(2).allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
            else {
                bytes.append(byte)
                continue
            }
            let encoded = rest.prefix(2)
            rest = rest.dropFirst(2)
            switch code {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(code)
            default:
                bytes.append(byte)
                bytes += String(decoding: encoded, as: UTF8.self).uppercased().utf8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 3986, section 5.2.4. An empty path is `/`.
    private static func removeDots(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (offset, segment) in segments.enumerated() {
            switch segment {
            case "..": _ = kept.popLast()
            case ".": break
            default:
                kept.append(segment)
                continue
            }
            // `/a/.` and `/a/..` end with a slash.
            if offset == segments.count - 1 { kept.append("") }
        }
        return "/" + kept.joined(separator: "/")
    }
}
