import Text

extension HTTPRequest {
    /// The path between its slashes, each segment percent-decoded (RFC 3986, section 2.1): `/a%2Fb/c` is `["a/b", "c"]`,
    /// `/` is `[""]`. nil if an escape is broken, the result is not UTF-8, or has a NUL in it.
    public var pathSegments: [String]? {
        var segments: [String] = []
        for part in path.utf8.dropFirst(path.utf8.first == 0x2F ? 1 : 0)
            .split(separator: 0x2F, omittingEmptySubsequences: false)
        {
            guard let segment = PercentCoding.decode(part) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// The query as an HTML form writes it (WHATWG URL, section 5.1): `a=1&b=x+y`, `+` is a space, a name alone has an
    /// empty value, order and repeats are kept. Empty without a query; nil where `pathSegments` would be nil.
    public var queryItems: [(name: String, value: String)]? {
        guard let query else { return [] }
        return PercentCoding.items(query)
    }
}
