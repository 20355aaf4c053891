import Foundation
import Signatures
import Testing

/// The example of the documentation, run; and compared with the page, so that it stays what is shown.
@Suite(.timeLimit(.minutes(10))) struct DocumentationTests {
    @Test func theExampleRuns() throws {
        // example
        let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        let body = Array(#"{"test": 2432232314}"#.utf8)

        // The sender.
        let signature = WebhookSigner(secret: secret).sign(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body)

        // The receiver, with the values of the headers and its own clock.
        try WebhookVerifier(secrets: [secret]).verify(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", signature: signature, body: body,
            now: 1_614_265_331)
        // end
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func theExampleIsTheOneShown() throws {
        let page = try String(
            contentsOf: root.appending(path: "Sources/Signatures/Signatures.docc/Signatures.md"), encoding: .utf8)
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let shown = page.components(separatedBy: "```swift").dropFirst().first?.components(separatedBy: "```").first
        let run = source.components(separatedBy: "// example\n").dropFirst().first?.components(separatedBy: "// end")
            .first
        #expect(code(shown) == code(run))
        #expect(code(run)?.isEmpty == false)
    }

    private var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    /// Without layout, which the two may have otherwise.
    private func code(_ text: String?) -> String? { text?.filter { !$0.isWhitespace } }
}
