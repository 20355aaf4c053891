import JSON
import Testing

@Suite(.timeLimit(.minutes(10))) struct JSONWriterTests {
    private func write(_ escaping: JSONWriter.Escaping = .minimal, _ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter(escaping: escaping)
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func putsCommasAndColons() {
        let text = write { json in
            json.object { json in
                json.key("a")
                json.array { json in
                    json.value(1)
                    json.array { _ in }
                    json.object { _ in }
                    json.value("x")
                    json.null()
                }
                json.field("b", true)
                json.key("c")
                json.object { $0.field("d", -1) }
                json.key("e")
                json.raw("[1, 2]".utf8)
            }
        }
        #expect(text == #"{"a":[1,[],{},"x",null],"b":true,"c":{"d":-1},"e":[1, 2]}"#)
    }

    @Test func writesScalars() {
        #expect(write { $0.value(Int64.min) } == "-9223372036854775808")
        #expect(write { $0.value(UInt64.max) } == "18446744073709551615")
        #expect(write { $0.value(false) } == "false")
        #expect(write { $0.value(0.1) } == "0.1")
        #expect(write { $0.value(Double.nan) } == "null")
        #expect(write { $0.value(-Double.infinity) } == "null")
    }

    @Test func writesFields() {
        let text = write { json in
            json.object { json in
                json.field("s", "x")
                json.field("s0", String?.none)
                json.field("i", 5)
                json.field("i0", Int?.none)
                json.field("l", Int64?(7))
                json.field("b", false)
                json.field("b0", Bool?.none)
                json.field("d", 2.5)
                json.field("d0", Double?.none)
                json.field("r", raw: "{}".utf8)
                json.field("r0", raw: [UInt8]?.none)
            }
        }
        #expect(
            text == #"{"s":"x","s0":null,"i":5,"i0":null,"l":7,"b":false,"b0":null,"d":2.5,"d0":null,"r":{},"r0":null}"#
        )
    }

    @Test func escapesWhatItMust() {
        let text = "\"\\/\u{8}\t\n\u{C}\r\0\u{1F}\u{7F}é€😀\u{2028}"
        #expect(
            write { $0.value(text) } == #""\"\\/\b\t\n\f\r\u0000\u001f"# + "\u{7F}é€😀\u{2028}\"")
        #expect(
            write(.php) { $0.value(text) }
                == #""\"\\\/\b\t\n\f\r\u0000\u001f"# + "\u{7F}" + #"\u00e9\u20ac\ud83d\ude00\u2028""#)
        #expect(write { json in json.object { $0.field("a\"\n", 1) } } == #"{"a\"\n":1}"#)
    }

    @Test(arguments: [JSONWriter.Escaping.minimal, .php])
    func readsBackWhatItWrites(_ escaping: JSONWriter.Escaping) throws {
        for scalar in (0...0xFFF).map(UInt32.init) + [0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF] {
            let text = try "a" + String(#require(Unicode.Scalar(scalar))) + "z"
            var writer = JSONWriter(escaping: escaping)
            writer.array { $0.value(text) }
            #expect(try JSONDocument(parsing: writer.bytes).root.elements.map(\.string) == [text])
        }
        for value in [0, -0.0, 1e300, .leastNonzeroMagnitude, 0.1, -1.0 / 3, 1e16, 123_456_789_012.5] {
            var writer = JSONWriter()
            writer.value(value)
            #expect(try JSONDocument(parsing: writer.bytes).root.double == value)
        }
    }

    @Test func trapsOnMisuse() async {
        await #expect(processExitsWith: .failure) {
            var json = JSONWriter()
            json.object { $0.value(1) }
        }
        await #expect(processExitsWith: .failure) {
            var json = JSONWriter()
            json.object { $0.key("a") }
        }
        await #expect(processExitsWith: .failure) {
            var json = JSONWriter()
            json.array { $0.key("a") }
        }
        await #expect(processExitsWith: .failure) {
            var json = JSONWriter()
            json.value(1)
            json.value(2)
        }
    }
}
