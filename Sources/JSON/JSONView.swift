/// A value within a document. Cheap to copy; keeps the document alive.
public struct JSONView: Sendable {
    let storage: JSONStorage
    let index: Int

    /// The seven literals and structures of JSON, `true` and `false` as one.
    public enum Kind: Sendable { case null, bool, number, string, array, object }

    private var entry: TapeEntry { storage.tape[index] }

    /// Which of the kinds this value is.
    public var kind: Kind { entry.kind }

    /// The exact bytes of this value, with its quotes or brackets.
    public var raw: ArraySlice<UInt8> { storage.bytes[Int(entry.start)..<Int(entry.end)] }

    /// The beginning of the value as it was written, for a reason: bounded, on one line, without control characters.
    public var excerpt: String { Excerpt.text(raw) }

    /// The truth value; nil if this is not `true` or `false`.
    public var bool: Bool? { kind == .bool ? entry.end - entry.start == 4 : nil }

    /// The text of a string; nil if this is none. It may hold NUL.
    public var string: String? {
        guard kind == .string else { return nil }
        let contents = raw.dropFirst().dropLast()
        return entry.isEscaped ? JSONString.decode(contents) : String(decoding: contents, as: UTF8.self)
    }

    /// The exact value of an integral number that fits, also of `2.0` and `1e3`; nil otherwise.
    public var int: Int64? { kind == .number ? JSONNumber.int(raw) : nil }

    /// The nearest double of a number; nil if this is no number, or if none is near (`1e400`).
    public var double: Double? {
        guard kind == .number, let value = Double(String(decoding: raw, as: UTF8.self)), value.isFinite else {
            return nil
        }
        return value
    }

    /// The elements of an array; none if this is no array.
    public var elements: [JSONView] {
        guard kind == .array else { return [] }
        var elements: [JSONView] = []
        var child = index + 1
        while child < entry.next {
            elements.append(JSONView(storage: storage, index: child))
            child = Int(storage.tape[child].next)
        }
        return elements
    }

    /// The members of an object in the order of the text, repeated names too; none if this is no object.
    public var members: [(name: String, value: JSONView)] {
        guard kind == .object else { return [] }
        var members: [(name: String, value: JSONView)] = []
        var name = index + 1
        while name < entry.next {
            let text = JSONView(storage: storage, index: name).string ?? ""
            members.append((text, JSONView(storage: storage, index: name + 1)))
            name = Int(storage.tape[name + 1].next)
        }
        return members
    }

    /// The member of an object with this name (the same code points, no normalisation); nil if there is none or if
    /// this is no object. Of a repeated name, the last counts.
    public subscript(_ name: String) -> JSONView? {
        guard kind == .object else { return nil }
        let end = Int(entry.next)
        let name = name.utf8
        var found: Int?
        var candidate = index + 1
        while candidate < end {
            if isName(candidate, equalTo: name) { found = candidate + 1 }
            candidate = Int(storage.tape[candidate + 1].next)
        }
        return found.map { JSONView(storage: storage, index: $0) }
    }

    private func isName(_ index: Int, equalTo name: String.UTF8View) -> Bool {
        let entry = storage.tape[index]
        if entry.isEscaped {
            let decoded = JSONView(storage: storage, index: index).string
            return decoded?.utf8.elementsEqual(name) ?? false
        }
        let start = Int(entry.start) + 1
        guard Int(entry.end) - 1 - start == name.count else { return false }
        let bytes = storage.bytes
        let text = bytes.span
        let expected = name.span
        for offset in expected.indices where text[start + offset] != expected[offset] { return false }
        return true
    }
}
