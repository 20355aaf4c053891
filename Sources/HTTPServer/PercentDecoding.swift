extension HTTPRequest {
    /// The path between its slashes, each segment percent-decoded (RFC 3986, section 2.1): `/a%2Fb/c` is `["a/b", "c"]`,
    /// `/` is `[""]`. nil if an escape is broken, the result is not UTF-8, or has a NUL in it.
    public var pathSegments: [String]? {
        var segments: [String] = []
        for part in path.utf8.dropFirst(path.utf8.first == 0x2F ? 1 : 0)
            .split(separator: 0x2F, omittingEmptySubsequences: false)
        {
            guard let segment = percentDecoded(part) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// The query as an HTML form writes it (WHATWG URL, section 5.1): `a=1&b=x+y`, `+` is a space, a name alone has an
    /// empty value, order and repeats are kept. Empty without a query; nil where `pathSegments` would be nil.
    public var queryItems: [(name: String, value: String)]? {
        guard let query else { return [] }
        return formItems(query)
    }
}

/// The items of a form body or query: see `HTTPRequest.queryItems`.
public func formItems(_ text: String) -> [(name: String, value: String)]? {
    var items: [(name: String, value: String)] = []
    for pair in text.utf8.split(separator: 0x26) {
        let mark = pair.firstIndex(of: 0x3D) ?? pair.endIndex
        guard let name = percentDecoded(pair[..<mark], plusIsSpace: true),
            let value = percentDecoded(pair[mark...].dropFirst(), plusIsSpace: true)
        else { return nil }
        items.append((name, value))
    }
    return items
}

private func percentDecoded(_ text: Substring.UTF8View, plusIsSpace: Bool = false) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var rest = text[...]
    while let byte = rest.popFirst() {
        switch byte {
        case 0x25:
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue),
                high | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        case 0x2B where plusIsSpace: bytes.append(0x20)
        case 0: return nil
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    case 0x61...0x66: digit - 0x57
    default: nil
    }
}
