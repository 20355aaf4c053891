/// A parsed JSON text (RFC 8259): the bytes as they came, and a flat tape that says where each value lies.
///
/// The parser is strict: one value, white space around it, no byte order mark, no trailing commas, valid UTF-8, valid
/// escapes. An escaped surrogate without its other half is refused, as no UTF-8 string can hold it. Numbers are kept as
/// text, of any size. Parsing is not recursive.
public struct JSONDocument: Sendable {
    let storage: JSONStorage

    /// - Parameters:
    ///   - bytes: the text, at most 2 GiB.
    ///   - maximumDepth: how many arrays and objects may be open at a time; `[]` needs 1.
    public init(parsing bytes: [UInt8], maximumDepth: Int = 512) throws(JSONError) {
        guard bytes.count <= Int(Int32.max) else { throw JSONError(.tooLarge, at: Int(Int32.max)) }
        var parser = JSONParser(maximumDepth: maximumDepth, expectedCount: bytes.count / 8)
        do throws(JSONError) {
            try parser.parse(bytes.span)
        } catch {
            throw error.at(path: parser.path(in: bytes), excerpt: parser.excerpt(of: bytes))
        }
        storage = JSONStorage(bytes: bytes, tape: parser.tape)
    }

    /// What can be read of bytes that are no JSON text: the values before the first fault, `NaN` and `Infinity` being none.
    /// nil if there is no value before it.
    public init?(salvaging bytes: [UInt8], maximumDepth: Int = 512) {
        guard bytes.count <= Int(Int32.max) else { return nil }
        var parser = JSONParser(maximumDepth: maximumDepth, expectedCount: bytes.count / 8, takesPythonNumbers: true)
        do throws(JSONError) {
            try parser.parse(bytes.span)
        } catch {
            parser.closeAll()
        }
        if parser.tape.isEmpty { return nil }
        storage = JSONStorage(bytes: bytes, tape: parser.tape)
    }

    /// The one value of the text.
    public var root: JSONView { JSONView(storage: storage, index: 0) }
}

/// What all views of a document share.
final class JSONStorage: Sendable {
    let bytes: [UInt8]
    let tape: ContiguousArray<TapeEntry>

    init(bytes: [UInt8], tape: ContiguousArray<TapeEntry>) {
        self.bytes = bytes
        self.tape = tape
    }
}

/// One value. The elements of an array follow it on the tape, the members of an object as name, value, name, value.
struct TapeEntry {
    var kind: JSONView.Kind
    /// A string with at least one backslash.
    var isEscaped = false
    /// The bytes of the value, with quotes or brackets.
    var start: UInt32
    var end: UInt32
    /// The index of the entry after this value and all that is in it. While a container is open: the one around it.
    var next: UInt32
}
