import Signatures
import Testing

@Suite(.timeLimit(.minutes(10))) struct WebhookSecretTests {
    private let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    @Test func takesThePrefixOrNot() throws {
        #expect(try WebhookSecret(key).text == "whsec_" + key)
        #expect(try WebhookSecret("whsec_" + key).text == "whsec_" + key)
    }

    /// 25 and 26 bytes: one and two characters of padding.
    @Test(arguments: [25, 26])
    func takesPaddingOrNot(_ count: Int) throws {
        let padded = "whsec_" + Digest.base64(Array(repeating: 7, count: count))
        #expect(padded.hasSuffix("="))
        #expect(try WebhookSecret(padded).text == padded)
        #expect(try WebhookSecret(padded.filter { $0 != "=" }).text == padded)
    }

    @Test(
        arguments: [
            ("", .empty), ("whsec_", .empty), ("whsec_ ", .notBase64),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w", .notBase64),
            (" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .urlSafeBase64),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", .notBase64),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", .urlSafeBase64),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w", .urlSafeBase64), ("whsec_MfKQ", .wrongSize(bytes: 3)),
            ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .urlSafeBase64),
        ] as [(String, WebhookSecretError)])
    func refuses(_ text: String, _ expected: WebhookSecretError) {
        #expect(throws: expected) { try WebhookSecret(text) }
    }

    @Test func boundsTheSize() throws {
        func secret(_ count: Int) throws -> WebhookSecret {
            try WebhookSecret(Digest.base64(Array(repeating: 1, count: count)))
        }
        _ = try (secret(24), secret(64))
        #expect(throws: WebhookSecretError.wrongSize(bytes: 23)) { try secret(23) }
        #expect(throws: WebhookSecretError.wrongSize(bytes: 65)) { try secret(65) }
    }

    @Test func generates() throws {
        let secret = WebhookSecret.generate()
        #expect(try WebhookSecret(secret.text).text == secret.text)
        #expect(secret.text.utf8.count == 6 + 44)
        #expect(secret.text != WebhookSecret.generate().text)
    }

    @Test func isNeverPrinted() throws {
        struct Holder { let secret: WebhookSecret }
        let secret = try WebhookSecret("whsec_" + key)
        var dumped = ""
        dump(Holder(secret: secret), to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\(Holder(secret: secret))", "\([secret])", dumped] {
            #expect(text.contains("****"))
            // Neither the text nor the bytes, 49, 242, 144...
            #expect(!text.contains(key) && !text.contains("242"))
        }
    }

    @Test func explainsWithoutTheText() {
        for error: WebhookSecretError in [.empty, .notBase64, .urlSafeBase64, .wrongSize(bytes: 3)] {
            #expect(error.description.hasPrefix("the webhook secret"))
        }
        #expect(WebhookSecretError.wrongSize(bytes: 3).description.contains("3 bytes"))
    }
}
