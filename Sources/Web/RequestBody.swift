import HTTPServer
import JSON

extension APIRequest {
    /// The members of the body: of a JSON object, or the fields of an HTML form in either encoding, whose empty ones are
    /// null, as Laravel's middleware makes them. Laravel's own fields are left out. Empty without a body. Throws `APIError`
    /// 415, or `status` if it is anything else.
    func members(orElse status: Int) throws(APIError) -> [(name: String, value: JSONView)] {
        let all: [(name: String, value: JSONView)]
        if let items = try formItems(orElse: status) {
            all = FormFields.json(items)?.members ?? []
        } else {
            all = try jsonObject(orElse: status)?.members ?? []
        }
        return all.filter { !FormFields.laravels.contains($0.name) }
    }

    private func formItems(orElse status: Int) throws(APIError) -> [(name: String, value: String)]? {
        // `curl -d` says of JSON that it is a form.
        if http.body.isEmpty || http.body.first == UInt8(ascii: "{") { return nil }
        do throws(HTTPFormError) {
            return try http.formItems()
        } catch {
            throw .invalid(status, "invalid_body", [("body", [error.reason])])
        }
    }

    /// The body as a JSON object; nil if it is empty. Throws `APIError` 415, or `status` if it is anything else.
    func jsonObject(orElse status: Int) throws(APIError) -> JSONView? {
        if http.body.isEmpty { return nil }
        guard http.mediaType.map(HTTPRequest.isJSON) ?? true else {
            throw APIError(415, "unsupported_media_type", "The body must be application/json.")
        }
        guard let root = (try? JSONDocument(parsing: http.body))?.root, root.kind == .object else {
            throw .invalid(status, "invalid_body", [("body", ["The body must be a JSON object."])])
        }
        return root
    }
}

extension HTTPRequest {
    static func isJSON(_ mediaType: String) -> Bool {
        mediaType == "application/json" || mediaType.hasSuffix("+json")
    }
}

extension HTTPFormError {
    var reason: String {
        switch self {
        case .malformed: "The body is not a form in its own encoding."
        case .tooManyFields: "The form has too many fields."
        case .file: "The form must not hold files."
        }
    }
}

/// HTML forms as PHP reads them.
enum FormFields {
    /// What Laravel's forms carry for Laravel: the token against forgery, and the method (`MethodOverride`).
    static let laravels: Set<String> = ["_method", "_token"]

    /// The fields as a JSON object of strings. Of a repeated name the last counts; `name[...]` becomes an
    /// empty array, whatever is in it.
    static func json(_ items: [(name: String, value: String)]) -> JSONView? {
        var places: [String: Int] = [:]
        var fields: [(name: String, value: String?)] = []
        for item in items {
            let name = String(item.name.prefix { $0 != "[" })
            let field = (name, name == item.name ? item.value : nil)
            if let place = places[name] {
                fields[place] = field
            } else {
                places[name] = fields.count
                fields.append(field)
            }
        }
        var json = JSONWriter()
        json.object { json in
            for (name, value) in fields {
                json.key(name)
                switch value {
                case nil: json.array { _ in }
                case "": json.null()
                case let text?: json.value(text)
                }
            }
        }
        return (try? JSONDocument(parsing: json.bytes))?.root
    }
}
