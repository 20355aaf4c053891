/// Describes why bytes are no JSON text. Nothing of this costs a text that is one.
extension JSONParser {
    /// The names and indices that lead to where the parser stands.
    func path(in bytes: [UInt8]) -> String {
        var parts: [String] = []
        let containers = openContainers
        for (depth, container) in containers.enumerated() {
            let isInnermost = depth + 1 == containers.count
            let end = isInnermost ? tape.count : containers[depth + 1]
            // All children before the one at fault are complete, so each leads to the next.
            var children: [Int] = []
            var child = container + 1
            while child < end {
                children.append(child)
                child = Int(tape[child].next)
            }
            let isComplete = isInnermost && isAfterValue
            if tape[container].kind == .array {
                parts.append(String(isComplete ? children.count - 1 : children.count))
            } else if let name = isComplete ? children.dropLast().last : children.last,
                isComplete || children.count % 2 == 1
            {
                let entry = tape[name]
                parts.append(Excerpt.text(bytes[Int(entry.start) + 1..<Int(entry.end) - 1]))
            }
        }
        return Excerpt.cut(parts.joined(separator: "."), to: 200)
    }

    /// What stands where the parser stands: a string up to its end, anything else up to where a value could end.
    func excerpt(of bytes: [UInt8]) -> String {
        let rest = bytes.dropFirst(position)
        if rest.first == UInt8(ascii: "\"") {
            var isEscaped = false
            let end = rest.dropFirst().firstIndex { byte in
                defer { isEscaped = byte == UInt8(ascii: "\\") && !isEscaped }
                return byte == UInt8(ascii: "\"") && !isEscaped
            }
            return Excerpt.text(rest[..<(end.map { $0 + 1 } ?? rest.endIndex)])
        }
        let end = rest.dropFirst().firstIndex { [0x20, 0x09, 0x0A, 0x0D, 0x2C, 0x3A, 0x5D, 0x7D].contains($0) }
        return Excerpt.text(rest[..<(end ?? rest.endIndex)])
    }

    /// Ends all that is open, as if the text had ended well before the fault.
    mutating func closeAll() {
        for container in openContainers.reversed() {
            // A name without a value is none. What follows it, a container, has been closed already.
            var last: Int?
            var count = 0
            var child = container + 1
            while child < tape.count {
                last = child
                count += 1
                child = Int(tape[child].next)
            }
            if tape[container].kind == .object, count % 2 == 1, let last { tape.removeSubrange(last...) }
            close(container)
        }
    }

    /// The open containers, the outermost first, as places on the tape.
    private var openContainers: [Int] {
        var containers: [Int] = []
        var next = open
        while next != Self.none {
            containers.append(Int(next))
            next = tape[Int(next)].next
        }
        return containers.reversed()
    }
}

/// Text from outside as it may stand in a reason: bounded, on one line, without control characters.
enum Excerpt {
    /// The longest, in bytes of UTF-8.
    private static let limit = 60

    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let isCut = bytes.count > 4 * limit
        let text = String(decoding: bytes.prefix(4 * limit), as: UTF8.self)
        let clean = String(String.UnicodeScalarView(text.unicodeScalars.filter(isPrintable)))
        return isCut && clean.utf8.count <= limit ? clean + "…" : cut(clean, to: limit)
    }

    /// At most so many bytes of a text, with a mark if there are more.
    static func cut(_ text: String, to limit: Int) -> String {
        if text.utf8.count <= limit { return text }
        var scalars = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { break }
            scalars.append(scalar)
        }
        return String(scalars) + "…"
    }

    /// Not a control, and nothing that turns the direction of text or ends a line.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: false
        default: true
        }
    }
}
