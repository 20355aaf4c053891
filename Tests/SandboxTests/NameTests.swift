import Glibc
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct NameTests {
    @Test func kinds() throws {
        #expect(try ChannelName("private-encrypted-a").kind == .private)
        #expect(try ChannelName("presence-a").kind == .presence)
        #expect(try ChannelName("my-private-a").kind == .public)
    }

    /// RFC 6455, section 1.3.
    @Test func handshakeVector() {
        #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func handshakeHeaders() {
        let key = WebSocketHandshake.newKey()
        func result(_ upgrade: String?, _ connection: String?, _ version: String?, _ key: String?) -> String? {
            WebSocketHandshake.key(upgrade: upgrade, connection: connection, version: version, key: key)
        }
        #expect(result("WebSocket", "keep-alive, Upgrade", "13", key) == key)
        #expect(result(nil, "Upgrade", "13", key) == nil)
        #expect(result("websocket", "close", "13", key) == nil)
        #expect(result("websocket", "Upgrade", "8", key) == nil)
        #expect(result("websocket", "Upgrade", "13", "short") == nil)
        #expect(WebSocketHandshake.newKey() != key)
    }

    @Test func timestampsHaveMicroseconds() {
        #expect(
            WallClock.timestamp(.init(tv_sec: 1_795_449_600, tv_nsec: 123_456_789)) == "2026-11-23T16:00:00.123456Z")
        #expect(WallClock.timestamp(.init(tv_sec: 0, tv_nsec: 1000)) == "1970-01-01T00:00:00.000001Z")
    }
}
