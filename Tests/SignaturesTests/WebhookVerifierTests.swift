import Signatures
import Testing

/// Every case of the reference libraries' tests, their vectors, and what their tests leave out.
@Suite(.timeLimit(.minutes(10))) struct WebhookVerifierTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    private let now: Int64 = 1_614_265_330
    private let body = Array(#"{"test": 2432232314}"#.utf8)
    private let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    private let bad = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="
    private let verifier: WebhookVerifier

    init() throws {
        verifier = try WebhookVerifier(secrets: [WebhookSecret(Self.secret)])
    }

    private func outcome(
        id: String? = "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: String? = "1614265330",
        signature: String? = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", body: [UInt8]? = nil, now: Int64? = nil
    ) -> WebhookVerificationError? {
        do throws(WebhookVerificationError) {
            try verifier.verify(
                id: id, timestamp: timestamp, signature: signature, body: body ?? self.body, now: now ?? self.now)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            (
                secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, #"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553,
                #"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
            ),
        ] as [(String, String, Int64, String, String)])
    func agreesWithPublishedVectors(
        _ text: String, _ id: String, _ timestamp: Int64, _ body: String, _ signature: String
    ) throws {
        let secret = try WebhookSecret(text)
        let body = Array(body.utf8)
        #expect(WebhookSigner(secret: secret).sign(id: id, timestamp: timestamp, body: body) == signature)
        try WebhookVerifier(secrets: [secret])
            .verify(id: id, timestamp: String(timestamp), signature: signature, body: body, now: timestamp)
    }

    @Test func takesAGoodSignature() {
        #expect(outcome() == nil)
    }

    @Test func wantsAllHeaders() {
        #expect(outcome(id: nil) == .missingHeader)
        #expect(outcome(id: "") == .missingHeader)
        #expect(outcome(timestamp: nil) == .missingHeader)
        #expect(outcome(timestamp: "") == .missingHeader)
        #expect(outcome(signature: nil) == .missingHeader)
        #expect(outcome(signature: "") == .missingHeader)
    }

    @Test(arguments: [
        "hello", "-1", "+1614265330", "1614265330.7", "1614265330.0", " 1614265330", "1614265330 ", "1614_265330",
        "01614265330", "1614265330abc", "0x60379C72", "1e9", "NaN", "Infinity", "1614265330\0", "１６１４２６５３３０", "00",
        "1614265330123456789012345678901234567890", "9223372036854775808", "1000000000000", ".", " ",
    ])
    func refusesTimestampsThatAreNoPlainInteger(_ timestamp: String) {
        #expect(outcome(timestamp: timestamp) == .malformedTimestamp)
    }

    @Test func toleratesFiveMinutesEitherWayInclusive() {
        #expect(outcome(now: now + 300) == nil)
        #expect(outcome(now: now - 300) == nil)
        #expect(outcome(now: now + 301) == .tooOld)
        #expect(outcome(now: now - 301) == .tooNew)
        #expect(outcome(timestamp: "0") == .tooOld)
        #expect(outcome(timestamp: "999999999999") == .tooNew)
        #expect(outcome(now: .min) == .tooNew)
        #expect(outcome(now: .max) == .tooOld)
    }

    @Test func ignoresTheTimeIfToldTo() throws {
        let verifier = try WebhookVerifier(secrets: [WebhookSecret(Self.secret)], tolerance: .max)
        for now: Int64 in [0, 1_614_265_330, 5_000_000_000] {
            try verifier.verify(id: id, timestamp: "1614265330", signature: good, body: body, now: now)
        }
        #expect(throws: WebhookVerificationError.noMatch) {
            try verifier.verify(id: id, timestamp: "1614265331", signature: good, body: body, now: now)
        }
        #expect(throws: WebhookVerificationError.malformedTimestamp) {
            try verifier.verify(id: id, timestamp: "-1", signature: good, body: body, now: now)
        }
        let exact = try WebhookVerifier(secrets: [WebhookSecret(Self.secret)], tolerance: 0)
        try exact.verify(id: id, timestamp: "1614265330", signature: good, body: body, now: now)
        #expect(throws: WebhookVerificationError.tooOld) {
            try exact.verify(id: id, timestamp: "1614265330", signature: good, body: body, now: now + 1)
        }
    }

    @Test func bindsIDTimestampAndBody() {
        #expect(outcome(id: "msg_p5jXN8AQM9LWM0D4loKWxJeK") == .noMatch)
        #expect(outcome(timestamp: "1614265331") == .noMatch)
        #expect(outcome(body: body + [0x20]) == .noMatch)
        #expect(outcome(body: []) == .noMatch)
    }

    @Test func takesAnyBytesAsBody() throws {
        let signer = try WebhookSigner(secret: WebhookSecret(Self.secret))
        for body: [UInt8] in [[], [0], [0xFF, 0xFE, 0x00], Array(repeating: 0x61, count: 300_000)] {
            #expect(outcome(signature: signer.sign(id: id, timestamp: now, body: body), body: body) == nil)
        }
    }

    @Test(arguments: [
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", "v1,g0hM9SsE", "v1,", "v1", "v1,,", ",", "v1a,AAAA", " ",
        "    ",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,!g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE==",
        "v1, g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,x",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\t", "v1,é€😀", "\u{FEFF}", "v1,\0", "v1=abc", "t=1,v1=abc",
    ])
    func refusesWhatIsNotTheSignature(_ signature: String) {
        #expect(outcome(signature: signature) == .noMatch)
    }

    /// What makes reference libraries fail: tokens without a comma, double spaces, bad base64, other versions.
    @Test(arguments: [
        "GOOD", "v1,BAD v2,BAD GOOD v1,BAD", "nocomma GOOD", "  GOOD  ", "GOOD nocomma", "v1,!!! GOOD", ", GOOD",
        "v1, GOOD",
        "v1a,GOOD GOOD", "v1,g0hM9SsE GOOD", "é GOOD", "GOOD GOOD",
    ])
    func takesOneGoodSignatureAmongOthers(_ pattern: String) {
        let signature = pattern.replacing("v1,BAD", with: bad).replacing("GOOD", with: good)
        #expect(outcome(signature: signature) == nil)
        #expect(outcome(signature: signature.replacing(good, with: bad)) == .noMatch)
    }

    @Test func takesAnyOfItsSecrets() throws {
        let (old, new, other) = (WebhookSecret.generate(), WebhookSecret.generate(), WebhookSecret.generate())
        let verifier = WebhookVerifier(secrets: [new, old])
        func verify(_ secrets: [WebhookSecret]) throws(WebhookVerificationError) {
            let signatures = secrets.map { WebhookSigner(secret: $0).sign(id: "a", timestamp: 5, body: [1]) }
            try verifier.verify(
                id: "a", timestamp: "5", signature: signatures.joined(separator: " "), body: [1], now: 5)
        }
        try verify([old])
        try verify([new])
        try verify([other, old])
        #expect(throws: WebhookVerificationError.noMatch) { try verify([other]) }
        #expect(throws: WebhookVerificationError.noMatch) {
            try WebhookVerifier(secrets: []).verify(id: id, timestamp: "5", signature: good, body: body, now: 5)
        }
    }

    @Test func boundsTheSignatures() {
        let others = Array(repeating: "x", count: 500).joined(separator: " ")
        func many(_ count: Int) -> String { Array(repeating: bad, count: count).joined(separator: " ") }
        #expect(outcome(signature: "\(others) \(many(15)) \(good)") == nil)
        #expect(outcome(signature: "\(many(16)) \(good)") == .noMatch)
        let padding = 4096 - good.utf8.count
        #expect(outcome(signature: good + String(repeating: " ", count: padding)) == nil)
        #expect(outcome(signature: good + String(repeating: " ", count: padding + 1)) == .malformedSignature)
    }

    @Test func boundsTheID() throws {
        let signer = try WebhookSigner(secret: WebhookSecret(Self.secret))
        func outcomeOfSigned(_ id: String) -> WebhookVerificationError? {
            outcome(id: id, signature: signer.sign(id: id, timestamp: now, body: body))
        }
        for id in ["a", "!", "~", "evt:1/2#3", String(repeating: "a", count: 255)] {
            #expect(outcomeOfSigned(id) == nil)
        }
        for id in ["a.b", ".", "a b", "a\t", "é", "a\u{7F}", "a\0", "a\r\n", String(repeating: "a", count: 256)] {
            #expect(outcomeOfSigned(id) == .malformedID)
        }
    }

    @Test func namesItsErrorsForCounters() {
        #expect(
            WebhookVerificationError.allCases.map(\.description)
                == [
                    "missing_header", "malformed_id", "malformed_timestamp", "malformed_signature", "too_old",
                    "too_new",
                    "no_match",
                ])
    }

    /// Lines of one header, joined by us with a blank or by a proxy with a comma, with a blank after it or without.
    @Test(arguments: [
        "BAD GOOD", "GOOD BAD", "BAD, GOOD", "GOOD, BAD", "BAD,GOOD", "GOOD,BAD", "BAD,BAD,GOOD", "v2,AAAA,GOOD",
        "v1a,AAAA, BAD, GOOD", "GOOD,", ",GOOD GOOD",
    ])
    func takesAListOfSeveralLines(_ pattern: String) {
        let header = pattern.replacing("BAD", with: bad).replacing("GOOD", with: good)
        #expect(outcome(signature: header) == nil)
        #expect(outcome(signature: header.replacing(good, with: bad)) == .noMatch)
    }

    /// What can be said before there is a body.
    @Test func checksTheHeadersAlone() throws {
        func check(id: String?, timestamp: String?, signature: String?) -> WebhookVerificationError? {
            do throws(WebhookVerificationError) {
                try verifier.check(id: id, timestamp: timestamp, signature: signature, now: now)
                return nil
            } catch {
                return error
            }
        }
        #expect(check(id: id, timestamp: "\(now)", signature: bad) == nil)
        #expect(check(id: nil, timestamp: "\(now)", signature: bad) == .missingHeader)
        #expect(check(id: "a.b", timestamp: "\(now)", signature: bad) == .malformedID)
        #expect(check(id: id, timestamp: "x", signature: bad) == .malformedTimestamp)
        #expect(check(id: id, timestamp: "\(now - 301)", signature: bad) == .tooOld)
        #expect(check(id: id, timestamp: "\(now + 301)", signature: bad) == .tooNew)
    }
}
