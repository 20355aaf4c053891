import JSON

/// Why a request was refused, read from whatever form the answer has: `message`, a nested `error`, FastAPI's `detail`, RFC
/// 9457, a field map (Django REST framework, Laravel), a list of texts, plain text. It is meant for people: at most 500
/// characters, no control characters, no markup.
package struct RefusalReason: Sendable, Equatable {
    /// Longest text, in Unicode scalars.
    static let maximumLength = 500
    /// Most single reasons that the text names.
    private static let maximumParts = 10
    private static let maximumDepth = 8

    package let text: String
    /// Whether it speaks of the callback: it may have to be registered again.
    package let namesCallback: Bool

    package init(status: Int, body: [UInt8]) {
        var reader = Reader()
        if let document = try? JSONDocument(parsing: body) {
            reader.read(document.root, at: "", depth: 0)
        } else {
            reader.add(Self.plain(body), at: "")
        }
        let parts = reader.parts.prefix(Self.maximumParts).joined(separator: "; ")
        let more = reader.parts.count - Self.maximumParts
        let whole = more > 0 ? "\(parts); and \(more) more" : parts
        text = whole.isEmpty ? "status \(status)" : Self.limited(whole)
        let spoken = (reader.parts + reader.codes).joined(separator: " ").lowercased()
        namesCallback = ["callback", "webhook", TVPythonAPI.callbackName].contains { spoken.contains($0) }
    }

    /// Text of a body that is no JSON; none of a page or of bytes that are no text.
    private static func plain(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(4 * maximumLength), as: UTF8.self)
        let start = text.unicodeScalars.first { !$0.properties.isWhitespace && $0 != "\u{FEFF}" }
        let cut = body.count > 4 * maximumLength ? text.unicodeScalars.dropLast(4) : text.unicodeScalars[...]
        return start == "<" || cut.contains("\0") || cut.contains("\u{FFFD}") ? "" : text
    }

    private static func limited(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > maximumLength else { return text }
        return String(String.UnicodeScalarView(scalars.prefix(maximumLength - 1))) + "…"
    }

    /// One line: what is no character to be seen becomes a blank, and blanks become one.
    static func clean(_ text: String) -> String {
        let words = text.unicodeScalars.prefix(8 * maximumLength).split { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .unassigned: true
            default: false
            }
        }
        return words.map { String($0) }.joined(separator: " ")
    }

    /// Gathers the single reasons, each with the place that it is about.
    private struct Reader {
        /// Members that say what is wrong, the first one that does; where they are no texts they are looked into.
        private static let words = ["message", "msg", "detail", "error_description", "reason", "description", "error"]
        /// Members that hold single faults.
        private static let lists = [
            "errors", "invalid-params", "invalid_params", "violations", "issues", "details", "fields", "messages",
        ]
        /// Members of a word for programs.
        private static let codes = ["code", "type", "error_code", "slug"]
        /// What else belongs to an error and is about no field.
        private static let others: Set = [
            "title", "status", "status_code", "statusCode", "instance", "timestamp", "path", "trace", "trace_id",
            "traceId", "request_id", "requestId", "success", "ok", "url", "documentation_url",
        ]
        /// What was sent, given back.
        private static let echoes: Set = ["input", "ctx", "value"]

        var parts: [String] = []
        var codes: [String] = []

        mutating func add(_ text: String, at place: String) {
            let words = RefusalReason.clean(text)
            let text = place.isEmpty ? words : "\(RefusalReason.clean(place)): \(words)"
            // Laravel's `message` is the first of its `errors`.
            let isTold = parts.contains { $0 == text || !$0.contains(": ") && $0.contains(words) }
            if !words.isEmpty && !isTold { parts.append(text) }
        }

        mutating func read(_ value: JSONView, at place: String, depth: Int) {
            guard depth < RefusalReason.maximumDepth, parts.count < 100 else { return }
            switch value.kind {
            case .string: add(value.string ?? "", at: place)
            case .array:
                for (index, element) in value.elements.prefix(100).enumerated() {
                    // A field's texts are about the field; what has fields itself is one of several.
                    let isPlaced = element.kind != .object || place.isEmpty || Self.place(of: element) != nil
                    read(element, at: isPlaced ? place : "\(place).\(index)", depth: depth + 1)
                }
            case .object: readObject(value, at: place, depth: depth)
            case .null, .bool, .number: break
            }
        }

        private mutating func readObject(_ object: JSONView, at outer: String, depth: Int) {
            let place = Self.place(of: object) ?? outer
            for name in Self.codes { if let code = object[name]?.string { codes.append(String(code.prefix(200))) } }
            let before = parts.count
            for name in Self.words where parts.count == before {
                guard let value = object[name] else { continue }
                if let title = object["title"]?.string, let detail = value.string, name == "detail",
                    !detail.hasPrefix(title)
                {
                    add("\(title): \(detail)", at: place)
                } else {
                    read(value, at: place, depth: depth + 1)
                }
            }
            if parts.count == before, let title = object["title"]?.string { add(title, at: place) }
            for name in Self.lists { if let list = object[name] { read(list, at: place, depth: depth + 1) } }
            guard parts.count == before else { return }
            let known = Self.others.union(Self.codes)
            for (name, value) in object.members.prefix(100) where !Self.echoes.contains(name) {
                // A field may have such a name too: then it has a list of texts.
                if value.kind == .string && known.contains(name) { continue }
                let isAboutAll = name == "non_field_errors" || name == "__all__"
                read(value, at: isAboutAll ? place : place.isEmpty ? name : "\(place).\(name)", depth: depth + 1)
            }
        }

        /// Where a fault is, if it says so: FastAPI's `loc`, a JSON pointer, a field's name.
        private static func place(of fault: JSONView) -> String? {
            for name in ["loc", "path"] {
                let steps = (fault[name]?.elements ?? []).compactMap { $0.string ?? $0.int.map(String.init) }
                if !steps.isEmpty { return steps.joined(separator: ".") }
            }
            let pointers = [fault["pointer"], fault["instancePath"], fault["source"]?["pointer"]]
            if let pointer = pointers.lazy.compactMap({ $0?.string }).first(where: { !$0.isEmpty }) {
                return String(pointer.drop { $0 == "#" || $0 == "/" }).split(separator: "/").joined(separator: ".")
            }
            if fault["reason"]?.string != nil, let name = fault["name"]?.string { return name }
            return ["field", "param", "property", "propertyPath"].lazy.compactMap { fault[$0]?.string }.first
        }
    }
}
