import Text

/// Why a form cannot be read.
public enum HTTPFormError: Error {
    /// An escape is broken, the text is not UTF-8, or a part has no end or no name.
    case malformed
    /// There are more fields than the limit.
    case tooManyFields
    /// A field is a file.
    case file
}

extension HTTPRequest {
    /// The media type of the body: what stands before the parameters of `Content-Type`, in lower case; nil without one.
    public var mediaType: String? {
        headers["content-type"]?.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    }

    /// The fields of the body if it is an HTML form, `application/x-www-form-urlencoded` (WHATWG URL, section 5.1) or
    /// `multipart/form-data` (RFC 7578), in their order; nil for all other types. No field may be a file.
    public func formItems(limit: Int = 100) throws(HTTPFormError) -> [(name: String, value: String)]? {
        let items: [(name: String, value: String)]
        switch mediaType {
        case "application/x-www-form-urlencoded":
            guard let text = String(validating: body, as: UTF8.self), let found = PercentCoding.items(text) else {
                throw .malformed
            }
            items = found
        case "multipart/form-data":
            guard let boundary = Parameters.value("boundary", of: headers["content-type"] ?? ""),
                (1...70).contains(boundary.utf8.count)
            else { throw .malformed }
            items = try MultipartReader(body[...], boundary: boundary).items(limit: limit)
        default: return nil
        }
        guard items.count <= limit else { throw .tooManyFields }
        return items
    }
}

/// Reads the parts of a multipart body (RFC 2046, section 5.1.1).
private struct MultipartReader {
    private let delimiter: [UInt8]
    private var rest: ArraySlice<UInt8>

    init(_ body: ArraySlice<UInt8>, boundary: String) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        rest = body
    }

    consuming func items(limit: Int) throws(HTTPFormError) -> [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        if rest.starts(with: delimiter.dropFirst(2)) {
            rest = rest.dropFirst(delimiter.count - 2)
        } else {
            _ = try take(upTo: delimiter)
        }
        while !rest.starts(with: "--".utf8) {
            guard items.count < limit else { throw .tooManyFields }
            // Blanks may follow a boundary on its line.
            guard try take(upTo: [0x0D, 0x0A]).allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { throw .malformed }
            let header = rest.starts(with: [0x0D, 0x0A]) ? [] : try take(upTo: Array("\r\n\r\n".utf8))
            let (head, content) = (String(decoding: header, as: UTF8.self), try take(upTo: delimiter))
            items.append((try Self.name(head), try Self.text(content)))
        }
        return items
    }

    /// What stands before a mark; goes on after it.
    private mutating func take(upTo mark: [UInt8]) throws(HTTPFormError) -> ArraySlice<UInt8> {
        let place = rest.withUnsafeBytes { ByteSearch.place(of: mark, in: $0) }
        guard let place else { throw .malformed }
        let taken = rest.prefix(place)
        rest = rest.dropFirst(place + mark.count)
        return taken
    }

    /// The `name` of `Content-Disposition`; browsers write a quote in it as `%22` (RFC 7578, section 4.2).
    private static func name(_ head: String) throws(HTTPFormError) -> String {
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
            let value = String(line.dropFirst("content-disposition:".count))
            if Parameters.value("filename", of: value) ?? Parameters.value("filename*", of: value) != nil {
                throw .file
            }
            if let name = Parameters.value("name", of: value) { return name.replacing("%22", with: "\"") }
        }
        throw .malformed
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(HTTPFormError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else { throw .malformed }
        return text
    }
}

/// Parameters of a header field's value: `form-data; name="a;b"; x=y` (RFC 9110, section 5.6.6).
private enum Parameters {
    /// The value of a parameter, without its quotes; nil if it is not there.
    static func value(_ name: String, of field: String) -> String? {
        var parts: [[Character]] = [[]]
        var (isQuoted, isEscaped) = (false, false)
        for character in field {
            if isEscaped {
                parts[parts.count - 1].append(character)
                isEscaped = false
            } else if isQuoted, character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == ";", !isQuoted {
                parts.append([])
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let found = String(part[..<equals]).filter { $0 != " " && $0 != "\t" }.lowercased()
            if found == name { return String(part[(equals + 1)...]) }
        }
        return nil
    }
}
