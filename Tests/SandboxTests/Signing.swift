import CCrypto
import HTTPServer
import Pusher
import Signatures

/// A request to Pusher's HTTP API, signed as its documentation says, independently of the room `Pusher`.
func signed(
    _ method: String, _ path: String, _ body: String = "", query: [String: String] = [:], now: Int64
) -> HTTPRequest {
    let body = Array(body.utf8)
    var parameters = query
    parameters["auth_key"] = credentials.key
    parameters["auth_timestamp"] = "\(now)"
    parameters["auth_version"] = "1.0"
    if !body.isEmpty { parameters["body_md5"] = Digest.hex(md5(body)) }
    let text = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    let signature = Digest.hex(hmac("\(method)\n\(path)\n\(text)"))
    return HTTPRequest(method: method, path: path, query: "\(text)&auth_signature=\(signature)", body: body)
}

private func md5(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 16)
    EVP_Digest(bytes, bytes.count, &digest, nil, EVP_md5(), nil)
    return digest
}

private func hmac(_ text: String) -> [UInt8] {
    let key = Array("app-secret".utf8)
    let text = Array(text.utf8)
    var code = [UInt8](repeating: 0, count: 32)
    HMAC(EVP_sha256(), key, Int32(key.count), text, text.count, &code, nil)
    return code
}
