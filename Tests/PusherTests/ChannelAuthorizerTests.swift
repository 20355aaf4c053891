import Pusher
import Testing

/// Published vectors of the documentation and of the official libraries, recomputed.
@Suite(.timeLimit(.minutes(10))) struct ChannelAuthorizerTests {
    private static let key = "278d425bdf160c739803"
    private static let secret = "7ad3773142a6692b25b8"

    private func authorizer(_ key: String = key, _ secret: String = secret) -> ChannelAuthorizer {
        ChannelAuthorizer(credentials: PusherCredentials(appID: "1", key: key, secret: secret))
    }

    @Test(
        arguments: [
            (
                key, secret, "1234.1234", "private-foobar", nil,
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
            ),
            // The documentation prints another signature, which is that for "Mr. Pusher".
            (
                key, secret, "1234.1234", "presence-foobar", #"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#,
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
            ),
            (
                key, secret, "1234.1234", "presence-foobar", #"{"user_id":"10","user_info":{"name":"Mr. Pusher"}}"#,
                "48dac51d2d7569e1e9c0f48c227d4b26f238fa68e5c0bb04222c966909c4f7c4"
            ),
            (
                "foo", "bar", "345.23", "private-channel", nil,
                "89955e77e1b40e33df6d515a5ecbba86a01dc816a5b720da18a06fd26f7d92ff"
            ),
            (
                "foo", "bar", "345.23", "private-encrypted-channel", nil,
                "fff0503dfe4929f5162efe4d1dacbce524b0d8e7e1331117a8651c0e74d369e3"
            ),
            (
                "thisisaauthkey", "thisisasecret", "45055.28877557", "-azAZ9_=@,.;", nil,
                "d1c20ad7684c172271f92c108e11b45aef07499b005796ae1ec5beb924f361c4"
            ),
            (
                "1234567890", "tofu", "1.1", "test", "\"ą§¶™€łü€ß£\"",
                "2a229263e89d9c50524fd80c2e88be2843379f6931e28995e2cc214282c9db0c"
            ),
        ] as [(String, String, String, String, String?, String)])
    func agreesWithPublishedVectors(
        _ key: String, _ secret: String, _ socketID: String, _ channel: String, _ data: String?, _ expected: String
    ) throws {
        let authorizer = authorizer(key, secret)
        let auth = try authorizer.authorize(socketID: socketID, channel: channel, channelData: data)
        #expect(auth == "\(key):\(expected)")
        #expect(authorizer.verify(auth: auth, socketID: socketID, channel: channel, channelData: data))
    }

    /// The one that the documentation prints begins and ends so.
    @Test func showsTheDocumentationWrong() throws {
        let data = { (name: String) in "{\"user_id\":10,\"user_info\":{\"name\":\"Mr. \(name)\"}}" }
        let channels = try authorizer().authorize(
            socketID: "1234.1234", channel: "presence-foobar", channelData: data("Channels"))
        let pusher = try authorizer().authorize(
            socketID: "1234.1234", channel: "presence-foobar", channelData: data("Pusher"))
        #expect(!channels.hasPrefix("\(Self.key):afaed3695da2ffd1"))
        #expect(pusher.hasPrefix("\(Self.key):afaed3695da2ffd1") && pusher.hasSuffix("6304c"))
    }

    @Test(arguments: [
        (
            key, secret, "1234.1234", #"{"id":"12345"}"#,
            "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
        ),
        (
            "thisisaauthkey", "thisisasecret", "12345.6789", #"{"id":"123","name":"John Smith"}"#,
            "0dddb208b53c7649f3fbbb86254a6e1986bc6f8b566423ea690c9ca773497373"
        ),
    ])
    func authenticatesUsers(
        _ key: String, _ secret: String, _ socketID: String, _ data: String, _ expected: String
    ) throws {
        let authorizer = authorizer(key, secret)
        let auth = try authorizer.authenticate(socketID: socketID, userData: data)
        #expect(auth == "\(key):\(expected)")
        #expect(authorizer.verify(auth: auth, socketID: socketID, userData: data))
        #expect(!authorizer.verify(auth: auth, socketID: socketID, userData: data + " "))
        #expect(!authorizer.verify(auth: auth, socketID: "1", userData: data))
    }

    @Test func verifiesNothingElse() throws {
        let authorizer = authorizer()
        let auth = try authorizer.authorize(socketID: "1.2", channel: "private-a")
        #expect(authorizer.verify(auth: auth, socketID: "1.2", channel: "private-a"))
        #expect(!authorizer.verify(auth: auth, socketID: "1.3", channel: "private-a"))
        #expect(!authorizer.verify(auth: auth, socketID: "1.2", channel: "private-b"))
        #expect(!authorizer.verify(auth: auth, socketID: "1.2", channel: "private-a", channelData: "{}"))
        for other in [
            "", ":", Self.key, String(auth.dropLast()), auth + "0", auth.uppercased(), "x" + auth.dropFirst(),
        ] {
            #expect(!authorizer.verify(auth: other, socketID: "1.2", channel: "private-a"))
        }
        #expect(!authorizer.verify(auth: auth, socketID: "1.2:private-a", channel: "private-a"))
    }

    @Test func refusesWhatCannotBe() {
        #expect(throws: PusherError.invalidSocketID) {
            try authorizer().authorize(socketID: "1.2:private-a", channel: "private-a")
        }
        #expect(throws: PusherError.invalidSocketID) { try authorizer().authenticate(socketID: "x", userData: "{}") }
        #expect(throws: PusherError.invalidChannel) { try authorizer().authorize(socketID: "1.2", channel: "a:b") }
        #expect(throws: PusherError.missingChannelData) {
            try authorizer().authorize(socketID: "1.2", channel: "presence-a")
        }
    }
}
