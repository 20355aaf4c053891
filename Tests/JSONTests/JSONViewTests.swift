import JSON
import Testing

@Suite(.timeLimit(.minutes(10))) struct JSONViewTests {
    private func parse(_ text: String) throws -> JSONView {
        try JSONDocument(parsing: Array(text.utf8)).root
    }

    @Test func tellsKindsApart() throws {
        let kinds = try parse(#"[null,true,1,"",[],{}]"#).elements.map(\.kind)
        #expect(kinds == [.null, .bool, .number, .string, .array, .object])
    }

    @Test func answersNilForAnotherKind() throws {
        for text in ["null", "true", "5", #""5""#, "[1]", #"{"a":1}"#] {
            let view = try parse(text)
            #expect((view.bool != nil) == (view.kind == .bool))
            #expect((view.int != nil) == (view.kind == .number))
            #expect((view.double != nil) == (view.kind == .number))
            #expect((view.string != nil) == (view.kind == .string))
            #expect(view.elements.isEmpty == (view.kind != .array))
            #expect(view.members.isEmpty == (view.kind != .object))
            #expect((view["a"] != nil) == (view.kind == .object))
        }
        #expect(try parse("true").bool == true)
        #expect(try parse("false").bool == false)
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("99999999999999999999", nil), ("2.0", 2),
            ("1e3", 1000), ("1E+3", 1000), ("1.5e1", 15), ("1.50e1", 15), ("100e-2", 1), ("1230e-1", 123), ("0.1e1", 1),
            ("1.5", nil), ("1e-1", nil), ("15e-1", nil), ("1e18", 1_000_000_000_000_000_000), ("1e19", nil),
            ("9e18", 9 * 1_000_000_000_000_000_000),
            ("-1e18", -1_000_000_000_000_000_000), ("1e400", nil), ("0e400", 0), ("0e99999999999999999999", 0),
            ("0.000e-99999999999999999999", 0), ("1e99999999999999999999", nil), ("1e-99999999999999999999", nil),
            ("9223372036854775807.0", .max), ("92233720368547758070e-1", .max), ("-92233720368547758.08e2", .min),
            ("1000000000000000000000e-21", 1), ("1000000000000000000000e-22", nil), ("0.00000000000000000000001e23", 1),
            ("1.0000000000000000000000001", nil), ("10", 10), ("100200", 100_200), ("-0.0", 0),
        ] as [(String, Int64?)])
    func readsIntegersExactly(_ text: String, _ expected: Int64?) throws {
        #expect(try parse(text).int == expected)
        #expect(try parse("[\(text)]").elements.first?.int == expected)
    }

    @Test(
        arguments: [
            ("0", 0), ("1.5", 1.5), ("-2.5e-3", -0.0025), ("1e308", 1e308), ("1e400", nil), ("-1e400", nil),
            ("1e-400", 0),
            ("0.1", 0.1), ("5e-324", .leastNonzeroMagnitude), ("9007199254740993", 9_007_199_254_740_992),
            ("1e99999999999999999999", nil),
        ] as [(String, Double?)])
    func readsDoubles(_ text: String, _ expected: Double?) throws {
        #expect(try parse(text).double == expected)
    }

    @Test(arguments: [
        (#""""#, ""), (#""plain""#, "plain"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0000""#, "\0"),
        (#""a\u00e9b""#, "aéb"), (#""\u20AC\u20ac""#, "€€"), (#""\uD83D\uDE00!""#, "😀!"),
        (#""\uDBFF\uDFFF""#, "\u{10FFFF}"),
        (#""é\n€\n😀""#, "é\n€\n😀"), (#""é€😀""#, "é€😀"), (#""\\u0041""#, #"\u0041"#), (#""\uFFFF""#, "\u{FFFF}"),
        (#""\uaBcD""#, "\u{ABCD}"),
    ])
    func readsStrings(_ text: String, _ expected: String) throws {
        #expect(try parse(text).string.map { Array($0.utf8) } == Array(expected.utf8))
        #expect(try parse(#"{"a":[0,"# + text + "]}")["a"]?.elements.last?.string == expected)
        #expect(try parse("{" + text + ":1}").members.first?.name == expected)
        #expect(try parse("{" + text + ":1}")[expected]?.int == 1)
    }

    @Test func findsMembers() throws {
        let root = try parse(#"{"a":{"b":[1,{"c":"x"}],"n":null},"ab":2,"a":3,"":4,"é":5,"\u0061b\u0063":6}"#)
        #expect(root["a"]?.int == 3)
        #expect(root["ab"]?.int == 2)
        #expect(root[""]?.int == 4)
        #expect(root["é"]?.int == 5)
        #expect(root["e\u{301}"] == nil)
        #expect(root["abc"]?.int == 6)
        #expect(root["b"] == nil)
        #expect(root["x"] == nil)
        #expect(root.members.map(\.name) == ["a", "ab", "a", "", "é", "abc"])
        #expect(root.members.map { String(decoding: $0.value.raw, as: UTF8.self) }.last == "6")
        let first = root.members[0].value
        #expect(first["b"]?.elements[1]["c"]?.string == "x")
        #expect(first["n"]?.kind == .null)
        #expect(first["ab"] == nil)
    }

    @Test func keepsTheRawBytes() throws {
        let root = try parse(#" { "a" : [ 1.50 , "\u0041" ] , "b" : {  } } "#)
        func text(_ view: JSONView?) -> String { String(decoding: view?.raw ?? [], as: UTF8.self) }
        #expect(text(root) == #"{ "a" : [ 1.50 , "\u0041" ] , "b" : {  } }"#)
        #expect(text(root["a"]) == #"[ 1.50 , "\u0041" ]"#)
        #expect(root["a"]?.elements.map(text) == ["1.50", #""\u0041""#])
        #expect(text(root["b"]) == "{  }")
    }
}
