import JSON
import Time

@testable import Integrator

/// Checks values against schemas of an OpenAPI 3.1 document: those parts of JSON Schema that our documents use. A keyword
/// that it does not know is a fault, so that nothing goes unchecked.
struct SchemaChecker {
    private static let annotations: Set = ["description", "default", "examples", "title", "x-enum-varnames"]

    let document: JSONView

    /// What a `$ref` names; any other value is itself.
    func resolve(_ value: JSONView) -> JSONView {
        guard let reference = value["$ref"]?.string else { return value }
        var found: JSONView? = document
        for name in reference.dropFirst(2).split(separator: "/") { found = found?[String(name)] }
        return found ?? value
    }

    /// What is wrong, with the place of each fault; empty: nothing.
    func faults(_ value: JSONView, _ schema: JSONView, at place: String = "$") -> [String] {
        let schema = resolve(schema)
        var faults: [String] = []
        for (keyword, rule) in schema.members where !Self.annotations.contains(keyword) {
            faults += self.faults(value, schema, keyword, rule, place)
        }
        return faults
    }

    private func faults(
        _ value: JSONView, _ schema: JSONView, _ keyword: String, _ rule: JSONView, _ place: String
    ) -> [String] {
        func fault(unless isFine: Bool) -> [String] {
            isFine ? [] : ["\(place): \(keyword) \(String(decoding: rule.raw, as: UTF8.self).prefix(80))"]
        }
        let alternatives = { rule.elements.filter { faults(value, $0, at: place).isEmpty }.count }
        switch keyword {
        case "type":
            let types = rule.string.map { [$0] } ?? rule.elements.compactMap(\.string)
            return fault(unless: types.contains { isOfType(value, $0) })
        case "const": return fault(unless: value.raw == rule.raw)
        case "enum": return fault(unless: rule.elements.contains { $0.raw == value.raw })
        case "properties":
            return rule.members.flatMap { name, schema in
                value[name].map { faults($0, schema, at: "\(place).\(name)") } ?? []
            }
        case "required":
            guard value.kind == .object else { return [] }
            return fault(unless: rule.elements.allSatisfy { value[$0.string ?? ""] != nil })
        case "additionalProperties":
            let known = Set((schema["properties"]?.members ?? []).map(\.name))
            let others = value.members.filter { !known.contains($0.name) }
            if rule.kind == .object { return others.flatMap { faults($0.value, rule, at: "\(place).\($0.name)") } }
            return rule.bool == false ? fault(unless: others.isEmpty) : []
        case "items":
            return value.elements.enumerated().flatMap { faults($1, rule, at: "\(place)[\($0)]") }
        case "minItems": return fault(unless: value.kind != .array || value.elements.count >= rule.int ?? 0)
        case "minimum": return fault(unless: value.double.map { $0 >= rule.double ?? 0 } ?? true)
        case "maximum": return fault(unless: value.double.map { $0 <= rule.double ?? 0 } ?? true)
        case "minLength":
            return fault(unless: value.string.map { $0.unicodeScalars.count >= rule.int ?? 0 } ?? true)
        case "maxLength":
            return fault(unless: value.string.map { $0.unicodeScalars.count <= rule.int ?? 0 } ?? true)
        case "pattern":
            guard let text = value.string, let pattern = try? Regex(rule.string ?? "") else {
                return fault(unless: value.string == nil)
            }
            return fault(unless: text.contains(pattern))
        case "format": return fault(unless: value.string.map { isOfFormat($0, rule.string ?? "") } ?? true)
        case "allOf": return rule.elements.flatMap { faults(value, $0, at: place) }
        case "anyOf": return fault(unless: alternatives() >= 1)
        case "oneOf": return fault(unless: alternatives() == 1)
        default: return ["\(place): the keyword \(keyword) is not known"]
        }
    }

    private func isOfType(_ value: JSONView, _ type: String) -> Bool {
        switch (type, value.kind) {
        case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string), ("array", .array),
            ("object", .object):
            true
        case ("integer", .number): value.int != nil
        default: false
        }
    }

    private func isOfFormat(_ text: String, _ format: String) -> Bool {
        switch format {
        case "date-time": ISO8601.parse(text) != nil
        case "date": ISO8601.parse(text + "T00:00:00Z") != nil
        case "uuid": text.utf8.count == 36 && text.split(separator: "-").map(\.utf8.count) == [8, 4, 4, 4, 12]
        case "uri": text.contains("://") && !text.contains(" ")
        default: false
        }
    }
}
