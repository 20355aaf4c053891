import JSON
import Testing

/// Where a text fails, and what can be read of it all the same.
@Suite(.timeLimit(.minutes(5))) struct JSONFaultTests {
    private func error(_ text: String) -> JSONError? {
        do throws(JSONError) {
            _ = try JSONDocument(parsing: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("x", "", "x"), (#"{"a":NaN}"#, "a", "NaN"), (#"{"a":{"b":[1,[2],NaN]}}"#, "a.b.2", "NaN"),
        ("[[],{},x]", "2", "x"), ("[1 2]", "0", "2"), ("[1,2;3]", "1", ";3"), (#"{"a":1,"b":{}x}"#, "b", "x"),
        (#"{"a":1,b:2}"#, "", "b"), (#"{"a" 1}"#, "a", "1"), (#"{"a":1 "b":2}"#, "a", #""b""#),
        ("[[[-x]]]", "0.0.0", "-x"),
        (#"{"a":{"b":1},"c":[{"d":tru}]}"#, "c.0.d", "tru"), (#"{"a\n":{"é":'x'}}"#, #"a\n.é"#, "'x'"),
        (#"{"a":"\x","b":1}"#, "a", #""\x""#), (#"{"a":"say \"\ud800\"","b":1}"#, "a", #""say \"\ud800\"""#),
        (#"{"a":1}}"#, "", "}"), (#"{"a":"#, "a", ""), ("[1,", "1", ""), (#"{"a":[1"#, "a.0", ""),
        ("{\"a\":\"\u{1B}[2Jx\"}", "a", "\"[2Jx\""),
    ])
    func namesThePlace(_ text: String, _ path: String, _ excerpt: String) {
        #expect(error(text)?.path == path)
        #expect(error(text)?.excerpt == excerpt)
    }

    @Test func boundsWhatItTells() throws {
        let name = String(repeating: "é", count: 5000)
        let deep = try #require(error(String(repeating: #"{"\#(name)":"#, count: 600)))
        #expect(
            deep.reason == .tooDeep && deep.path.utf8.count <= 203 && deep.path.hasPrefix("éé")
                && deep.path.hasSuffix("…"))
        for value in ["x" + name, "\"" + name, "\"\\u12" + name + "\"", String(repeating: "\u{7}", count: 5000) + "x"] {
            let fault = try #require(error("[\(value)]"))
            #expect(fault.excerpt.utf8.count <= 63)
            #expect(fault.explanation.utf8.count < 120)
        }
        // Half a character is none.
        let bytes = Array("[x".utf8) + [0xF0, 0x9F, 0x98]
        #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes) }
    }

    @Test(arguments: [
        (#"{"a":1,"b":NaN,"c":[Infinity,-Infinity],"d":2}"#, #"a=1 b=null c=[] d=2"#), (#"{"a":1,"b":x}"#, "a=1"),
        (#"{"a":{"b":2,"c""#, "a={b=2}"), (#"{"a":{"b":2,"c":[1,{"d":"\ud800"#, "a={b=2 c=[]}"), (#"{"a":1"#, "a=1"),
        (#"{"a":1}x"#, "a=1"), (#"{"a":1,"b"#, "a=1"), (#"{"#, ""), (#"{"a":[1,2"#, "a=[]"),
    ])
    func salvagesWhatWasBeforeTheFault(_ text: String, _ expected: String) throws {
        let document = try #require(JSONDocument(salvaging: Array(text.utf8)))
        #expect(describe(document.root) == expected)
    }

    private func describe(_ object: JSONView) -> String {
        object.members.map { name, value in
            switch value.kind {
            case .null: "\(name)=null"
            case .object: "\(name)={\(describe(value))}"
            case .array: "\(name)=[]"
            default: "\(name)=\(String(decoding: value.raw, as: UTF8.self))"
            }
        }.joined(separator: " ")
    }

    @Test func salvagesNothingFromNothing() {
        for text in ["", " ", "x", "nul"] { #expect(JSONDocument(salvaging: Array(text.utf8)) == nil) }
    }

    /// However a text is damaged, telling where and salvaging it end, and what is salvaged can be read.
    @Test func anyCutOrChangedTextIsSalvaged() {
        let text = Array(
            #"{"type":"x","data":{"id":12,"list":[1,{"a":null},[true,"s\u00e9"]],"n":-1.5e3},"t":"é"}"#.utf8)
        for length in 0...text.count { read(JSONDocument(salvaging: Array(text[..<length]))?.root) }
        for index in text.indices {
            for byte: UInt8 in [0, 0x22, 0x2C, 0x3A, 0x4E, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0xC3, 0xFF] {
                var changed = text
                changed[index] = byte
                _ = try? JSONDocument(parsing: changed)
                read(JSONDocument(salvaging: changed)?.root)
            }
        }
    }

    private func read(_ value: JSONView?) {
        guard let value else { return }
        _ = (value.string, value.int, value.double, value.excerpt, value["data"]?["id"]?.int)
        for element in value.elements { read(element) }
        for member in value.members { read(member.value) }
    }
}
