import HTTPServer
import Testing

@testable import Web

/// `TRUSTED_PROXIES`: whose word on the client's address counts.
@Suite(.timeLimit(.minutes(5))) struct ClientAddressTests {
    private static let networks = ["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1"].compactMap {
        ClientAddress.Network($0)
    }

    private func resolve(_ peer: String, _ headers: [(String, String)] = [], trusting all: Bool = true) -> String {
        ClientAddress(trusted: all ? Self.networks : []).resolve(
            HTTPRequest(
                method: "POST", path: "/", headers: HTTPHeaders(headers.map { (name: $0.0, value: $0.1) }),
                remoteAddress: peer))
    }

    @Test func onlyProxiesOfOursAreBelieved() {
        let claim = [("X-Forwarded-For", "203.0.113.9")]
        #expect(resolve("10.1.2.3", claim) == "203.0.113.9")
        #expect(resolve("192.0.2.7", claim) == "203.0.113.9")
        #expect(resolve("::1", claim) == "203.0.113.9")
        #expect(resolve("fd12::1", claim) == "203.0.113.9")
        #expect(resolve("::ffff:10.1.2.3", claim) == "203.0.113.9")
        for stranger in ["11.0.0.1", "192.0.2.8", "fe80::1", "::2"] { #expect(resolve(stranger, claim) == stranger) }
        #expect(resolve("10.1.2.3", claim, trusting: false) == "10.1.2.3")
        #expect(resolve("10.1.2.3") == "10.1.2.3")
    }

    /// The client may send such a header itself: what it says comes first, what our proxies add comes last.
    @Test func whatAStrangerHasPutBeforeIsNotLookedAt() {
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "1.1.1.1, 203.0.113.9, 10.0.0.2")]) == "203.0.113.9")
        #expect(
            resolve("10.0.0.1", [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.9")]) == "203.0.113.9")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "10.0.0.3, 10.0.0.2")]) == "10.0.0.3")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "1.1.1.1, unknown")]) == "10.0.0.1")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "1.1.1.1, unknown, 10.0.0.2")]) == "10.0.0.2")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", ", ,")]) == "10.0.0.1")
    }

    @Test(
        arguments: [
            ("for=203.0.113.9", "203.0.113.9"), ("For=\"203.0.113.9:4711\";proto=https", "203.0.113.9"),
            ("for=1.1.1.1, proto=http; for=203.0.113.9 ;by=10.0.0.1", "203.0.113.9"),
            ("for=\"[2001:DB8::17]:4711\"", "2001:db8::17"), ("for=_hidden", "10.0.0.1"), ("by=1.1.1.1", "10.0.0.1"),
        ])
    func forwardedIsRead(_ value: String, _ address: String) {
        #expect(resolve("10.0.0.1", [("Forwarded", value), ("X-Forwarded-For", "9.9.9.9")]) == address)
    }

    @Test func portsAndQuotesAreLeftOut() {
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "203.0.113.9:1234")]) == "203.0.113.9")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "::ffff:203.0.113.9")]) == "203.0.113.9")
        #expect(resolve("10.0.0.1", [("X-Forwarded-For", "2001:db8::1")]) == "2001:db8::1")
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "example.com", "fd00::/129", "10.0.0.0/8/8",
    ])
    func whatIsNoNetworkIsNone(_ text: String) {
        #expect(ClientAddress.Network(text) == nil)
    }

    @Test func networksEndWithinAByte() {
        let network = [ClientAddress.Network("172.16.0.0/12")].compactMap { $0 }
        let address = ClientAddress(trusted: network)
        func resolve(_ peer: String) -> String {
            address.resolve(
                HTTPRequest(
                    method: "GET", path: "/", headers: HTTPHeaders([("X-Forwarded-For", "203.0.113.9")]),
                    remoteAddress: peer))
        }
        #expect(resolve("172.31.255.255") == "203.0.113.9")
        #expect(resolve("172.32.0.0") == "172.32.0.0")
    }
}
