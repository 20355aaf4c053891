import HTTPServer
import JSON

extension JSONWriter {
    /// One object as bytes; `body` writes its members.
    static func bytes(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }

    /// A member that is an object.
    mutating func field(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    /// A member that is an array.
    mutating func list(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        array(body)
    }
}

extension HTTPResponse {
    static func json(_ status: Int = 200, _ body: (inout JSONWriter) -> Void) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/json")], body: JSONWriter.bytes(body))
    }

    static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, headers: [("Content-Type", "text/plain")], body: Array("\(text)\n".utf8))
    }

    /// An error as Laravel and the TV Python API word it.
    static func message(_ status: Int, _ message: String) -> HTTPResponse {
        json(status) { $0.field("message", message) }
    }
}
