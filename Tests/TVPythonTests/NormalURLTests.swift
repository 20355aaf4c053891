import Testing

@testable import TVPython

/// RFC 3986, section 6.2.
@Suite(.timeLimit(.minutes(10))) struct NormalURLTests {
    @Test(arguments: [
        ("http://LocalHost:8080/webhooks/tv-python", "http://localhost:8080/webhooks/tv-python"),
        ("HTTPS://Example.COM:443/a", "https://example.com/a"), ("http://example.com:80", "http://example.com/"),
        ("http://example.com:/a", "http://example.com/a"), ("http://example.com:080/a", "http://example.com/a"),
        ("https://example.com:80/a", "https://example.com:80/a"), ("http://h?x=1#f", "http://h/?x=1#f"),
        ("http://h/a/b/c/./../../g", "http://h/a/g"), ("http://h/../a", "http://h/a"), ("http://h/a/..", "http://h/"),
        ("http://h/a/.", "http://h/a/"), ("http://h/a/../..//b/", "http://h//b/"),
        ("http://h/a/%2e%2E/b", "http://h/b"),
        ("http://h/%7euser/%2f%c3%a9", "http://h/~user/%2F%C3%A9"), ("http://H/A%41?Q=%61", "http://h/AA?Q=a"),
        ("http://User:Pa@H:80/", "http://User:Pa@h/"), ("http://[FE80::1]:80/", "http://[fe80::1]/"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"), ("http://h/%zz%4", "http://h/%zz%4"),
        ("http://h/%+1%-1", "http://h/%+1%-1"),
    ])
    func isNormal(url: String, normal: String) {
        #expect(NormalURL(url).description == normal)
        #expect(NormalURL(normal).description == normal)
        #expect(NormalURL(url) == NormalURL(normal))
    }

    @Test(arguments: [
        ("http://h/a", "https://h/a"), ("http://h/a", "http://h/A"), ("http://h/a", "http://h/a/"),
        ("http://h/a", "http://h:8080/a"), ("http://h/a", "http://i/a"), ("http://h/a%2Fb", "http://h/a/b"),
        ("http://h/a", "http://h/a?"), ("http://h//a", "http://h/a"), ("http://u@h/a", "http://h/a"),
    ])
    func areDifferent(one: String, other: String) {
        #expect(NormalURL(one) != NormalURL(other))
    }

    @Test(arguments: ["", "a", "/a", "mailto:a@b", "http://", "http:///a", "http://[::1/a", "http://[::1]x/a", "://"])
    func whatIsNoAbsoluteURLStaysAsItIs(text: String) {
        #expect(NormalURL(text).description == text)
    }
}
