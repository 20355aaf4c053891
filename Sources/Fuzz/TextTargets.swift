import HTTPServer
import Integrator
import Signatures
import Store
import Text
import Web

/// What is decoded, encoded again byte by byte, decodes to the same.
func checkQuery(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let request = HTTPRequest(method: "GET", path: text, query: text)
    if let items = request.queryItems {
        let query = items.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
        let again = PercentCoding.items(query)
        precondition(again?.map(\.name) == items.map(\.name), "names change on the way")
        precondition(again?.map(\.value) == items.map(\.value), "values change on the way")
    }
    if let segments = request.pathSegments {
        let path = "/" + segments.map(encoded).joined(separator: "/")
        precondition(HTTPRequest(method: "GET", path: path).pathSegments == segments, "segments change on the way")
    }
}

private func encoded(_ text: String) -> String {
    text.utf8.map { byte in "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

/// Line by line: id, timestamp, signature; the rest is the body. Nobody without the secret is believed; who has it is,
/// for that id, that time and those bytes alone.
func checkSignature(_ bytes: [UInt8]) {
    let parts = lines(bytes, count: 4)
    let body = Array((parts[3] ?? "").utf8)
    let now: Int64 = 1_700_000_000
    let verifies = { (id: String?, timestamp: String?, signature: String?, body: [UInt8]) in
        (try? SignatureFixture.verifier.verify(
            id: id, timestamp: timestamp, signature: signature, body: body, now: now)) != nil
    }
    precondition(!verifies(parts[0], parts[1], parts[2], body), "believed without the secret")
    guard let id = parts[0], !id.isEmpty, id.utf8.count <= 255,
        id.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2E })
    else { return }
    let signature = SignatureFixture.signer.sign(id: id, timestamp: now, body: body)
    precondition(verifies(id, "\(now)", signature, body), "not believed with the secret")
    precondition(verifies(id, "\(now)", "v0,x \(signature)", body), "another version before it is in the way")
    precondition(!verifies(id, "\(now + 1)", signature, body), "the timestamp is not signed")
    precondition(!verifies(id, "\(now)", signature, body + [0]), "the body is not signed")
    _ = try? WebhookSecret(parts[2] ?? "")
}

private enum SignatureFixture {
    static let secret = WebhookSecret.generate()
    static let verifier = WebhookVerifier(secrets: [secret])
    static let signer = WebhookSigner(secret: secret)
}

/// Line by line: `Authorization`, `traceparent`.
func checkHeaders(_ bytes: [UInt8]) {
    let parts = lines(bytes, count: 2)
    if let token = AccessTokens.bearer(parts[0]) {
        precondition(!token.isEmpty && !token.utf8.contains(UInt8(ascii: ",")), "a token has no comma")
        precondition(parts[0]!.utf8.count > token.utf8.count, "a token is part of its header")
    }
    let trace = TraceContext(continuing: parts[1])
    let outgoing = trace.header
    let next = TraceContext(continuing: outgoing)
    precondition(outgoing.utf8.count == 55, "version 00 has 55 characters")
    precondition(next.traceID == trace.traceID && next.isContinued, "what is sent is a valid traceparent")
    if trace.isContinued { precondition(parts[1]!.contains(trace.traceID), "the id is the caller's") }
}

/// Any file can be read, and a value in single quotes is read as it stands.
func checkDotenv(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let file = Dotenv(text)
    let lines = text.utf8.split { $0 == 0x0A || $0 == 0x0D }
    precondition(file.variables.count + file.faults.count <= lines.count, "a line has one variable or fault at most")
    guard !text.utf8.contains(where: { [0x0A, 0x0D, UInt8(ascii: "'")].contains($0) }) else { return }
    let quoted = Dotenv("export FUZZ='\(text)' # end")
    precondition(quoted.variables == ["FUZZ": text] && quoted.faults.isEmpty, "a quoted value changes on the way")
}
