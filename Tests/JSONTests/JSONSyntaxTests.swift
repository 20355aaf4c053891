import JSON
import Testing

/// What RFC 8259 allows and forbids, by the exact error where it forbids.
@Suite(.timeLimit(.minutes(10))) struct JSONSyntaxTests {
    @Test(arguments: accepted)
    func accepts(_ text: String) throws {
        let root = try JSONDocument(parsing: Array(text.utf8)).root
        let trimmed = text.utf8.drop { [0x20, 0x0A, 0x0D, 0x09].contains($0) }.reversed()
        #expect(Array(root.raw) == trimmed.drop { [0x20, 0x0A, 0x0D, 0x09].contains($0) }.reversed())
    }

    @Test(arguments: rejected)
    func rejects(_ text: String, _ offset: Int, _ reason: JSONError.Reason) {
        expectError(Array(text.utf8), offset, reason)
    }

    @Test(arguments: rejectedBytes)
    func rejectsBytes(_ bytes: [UInt8], _ offset: Int, _ reason: JSONError.Reason) {
        expectError(bytes, offset, reason)
    }

    private func expectError(_ bytes: [UInt8], _ offset: Int, _ reason: JSONError.Reason) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes) }
        #expect(error?.offset == offset)
        #expect(error?.reason == reason)
    }

    @Test func boundsTheDepth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(String(repeating: "[", count: depth).utf8) + Array(String(repeating: "]", count: depth).utf8)
        }
        _ = try JSONDocument(parsing: nested(512))
        expectError(nested(513), 512, .tooDeep)
        _ = try JSONDocument(parsing: nested(200_000), maximumDepth: 200_000)
        expectError(Array(String(repeating: #"{"a":"#, count: 100_000).utf8), 512 * 5, .tooDeep)
        #expect(throws: JSONError.self) { try JSONDocument(parsing: Array("[]".utf8), maximumDepth: 0) }
        _ = try JSONDocument(parsing: Array("[[],[],{}]".utf8), maximumDepth: 2)
    }

    @Test func describesAnErrorWithoutTheText() {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(#"{"secret" "x"}"#.utf8)) }
        #expect(error?.description == "unexpected byte at byte 10")
    }

    private static let accepted = [
        // Structure and white space.
        "[]", "{}", "[ ]", "{ }", " [] ", "\t\r\n {\n} \r\n", "[[]]", "[{}]", "[[],[]]", #"{"a":{}}"#, #"{"a":[]}"#,
        "[1,2]", "[1 , 2]", "[ 1,2 ]", #"{"a":1,"b":2}"#, #"{ "a" : 1 , "b" : 2 }"#, #"{"a":1,"a":2}"#, #"{"":0}"#,
        "[null,true,false]", "null", "true", "false", " true", "false ", "[[[[[[[[[[]]]]]]]]]]",
        #"[{"a":[{"b":[1]}]}]"#,
        // Numbers.
        "0", "-0", "1", "-1", "10", "123456789", "0.0", "-0.0", "0.5", "1.25", "-12.75", "1e1", "1E1", "1e+1", "1e-1",
        "0e0", "0e+1", "0.0e-0", "1.5E+10", "1e400", "-1e400", "1e-400", "123456789012345678901234567890",
        "0.12345678901234567890123456789", "1e99999999999999999999", "[0,-0.1]", "1e007", " 7 ",
        // Strings.
        #""""#, #""a""#, #"" ""#, #""\"""#, #""\\""#, #""\/""#, #""/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\u0041""#,
        #""\u00e9""#, #""\u00E9""#, #""\u20ac""#, #""\uD83D\uDE00""#, #""\ud83d\ude00""#, #""\uDBFF\uDFFF""#,
        #""\uFFFF""#,
        #""\uE000""#, #""\uD7FF""#, #""\u005C""#, #""\u0022""#, "\"\u{7F}\"", "\"é\"", "\"€\"", "\"😀\"",
        "\"\u{10FFFF}\"",
        "\"\u{FFFF}\"", "\"\u{FEFF}\"", "\"\u{2028}\"", "\"e\u{301}\"", #""\\u0041""#, #""[1,2]""#, #""a'b""#,
        #"["","" ]"#,
        #"{"\u0061":1}"#, #"{"é":1}"#, #""\\\\""#, #""x\\\"""#,
    ]

    private static let rejected: [(String, Int, JSONError.Reason)] = [
        // Nothing, or more than one value.
        ("", 0, .unexpectedEnd), (" ", 1, .unexpectedEnd), ("1 2", 2, .trailingData), ("[]]", 2, .trailingData),
        ("{}}", 2, .trailingData), ("[] []", 3, .trailingData), ("null null", 5, .trailingData),
        (#""a" "b""#, 4, .trailingData), ("[]x", 2, .trailingData), ("1,", 1, .trailingData), ("[],", 2, .trailingData),
        ("\u{FEFF}[]", 0, .unexpectedByte), ("[]\u{0}", 2, .trailingData), ("\u{0}", 0, .unexpectedByte),
        ("\u{C}[]", 0, .unexpectedByte), ("\u{A0}[]", 0, .unexpectedByte), ("[]\u{2060}", 2, .trailingData),
        // Arrays.
        ("[", 1, .unexpectedEnd), ("]", 0, .unexpectedByte), ("[1", 2, .unexpectedEnd), ("[1,", 3, .unexpectedEnd),
        ("[1,]", 3, .unexpectedByte), ("[,1]", 1, .unexpectedByte), ("[1,,2]", 3, .unexpectedByte),
        ("[,]", 1, .unexpectedByte),
        ("[1 2]", 3, .unexpectedByte), ("[1;2]", 2, .unexpectedByte), ("[1:2]", 2, .unexpectedByte),
        ("[1}", 2, .unexpectedByte),
        ("[[]", 3, .unexpectedEnd), ("[a]", 1, .unexpectedByte), ("[1,2,3", 6, .unexpectedEnd),
        ("[*]", 1, .unexpectedByte),
        ("[\u{B}1]", 1, .unexpectedByte), ("[é]", 1, .unexpectedByte), ("[}", 1, .unexpectedByte),
        ("[\"a\"", 4, .unexpectedEnd),
        // Objects.
        ("{", 1, .unexpectedEnd), ("}", 0, .unexpectedByte), ("{]", 1, .unexpectedByte), (#"{"a""#, 4, .unexpectedEnd),
        (#"{"a":"#, 5, .unexpectedEnd), (#"{"a":1"#, 6, .unexpectedEnd), (#"{"a":1,"#, 7, .unexpectedEnd),
        (#"{"a":1,}"#, 7, .unexpectedByte), (#"{"a"}"#, 4, .unexpectedByte), (#"{"a":}"#, 5, .unexpectedByte),
        (#"{"a",1}"#, 4, .unexpectedByte), (#"{"a" 1}"#, 5, .unexpectedByte), (#"{"a"::1}"#, 5, .unexpectedByte),
        ("{a:1}", 1, .unexpectedByte), ("{1:1}", 1, .unexpectedByte), ("{'a':1}", 1, .unexpectedByte),
        ("{,}", 1, .unexpectedByte), (#"{"a":1,,"b":2}"#, 7, .unexpectedByte), (#"{"a":1 "b":2}"#, 7, .unexpectedByte),
        ("{null:1}", 1, .unexpectedByte), ("{[]:1}", 1, .unexpectedByte), (#"{"a":1]"#, 6, .unexpectedByte),
        (#"{"a":1}/**/"#, 7, .trailingData), (#"{/**/"a":1}"#, 1, .unexpectedByte), ("{}#", 2, .trailingData),
        (#"{"a":1,"b"}"#, 10, .unexpectedByte), ("{\"a\":1, ", 8, .unexpectedEnd), ("{ ", 2, .unexpectedEnd),
        // Literals.
        ("nul", 0, .invalidLiteral), ("tru", 0, .invalidLiteral), ("fals", 0, .invalidLiteral),
        ("True", 0, .unexpectedByte),
        ("NULL", 0, .unexpectedByte), ("[nulL]", 1, .invalidLiteral), ("truee", 4, .trailingData),
        ("[truth]", 1, .invalidLiteral), ("undefined", 0, .unexpectedByte), ("NaN", 0, .unexpectedByte),
        ("Infinity", 0, .unexpectedByte), ("-Infinity", 1, .invalidNumber), ("nan", 0, .invalidLiteral),
        // Numbers.
        ("-", 1, .unexpectedEnd), ("+1", 0, .unexpectedByte), ("01", 1, .invalidNumber), ("-01", 2, .invalidNumber),
        ("00", 1, .invalidNumber), ("1.", 2, .unexpectedEnd), ("[1.]", 3, .invalidNumber), (".5", 0, .unexpectedByte),
        ("-.5", 1, .invalidNumber), ("1.e1", 2, .invalidNumber), ("1e", 2, .unexpectedEnd), ("[1e]", 3, .invalidNumber),
        ("1e+", 3, .unexpectedEnd), ("[1e-]", 4, .invalidNumber), ("1e1.5", 3, .trailingData),
        ("1.2.3", 3, .trailingData),
        ("0x10", 1, .trailingData), ("1_000", 1, .trailingData), ("--1", 1, .invalidNumber), ("1-", 1, .trailingData),
        ("1a", 1, .trailingData), ("[1ee1]", 3, .invalidNumber), ("- 1", 1, .invalidNumber), ("１", 0, .unexpectedByte),
        // Strings.
        ("\"", 1, .unexpectedEnd), ("\"a", 2, .unexpectedEnd), ("'a'", 0, .unexpectedByte), (#""\"#, 2, .unexpectedEnd),
        (#""\""#, 3, .unexpectedEnd), (#""\x41""#, 1, .invalidEscape), (#""\a""#, 1, .invalidEscape),
        (#""\'""#, 1, .invalidEscape),
        (#""\0""#, 1, .invalidEscape), (#""\U0041""#, 1, .invalidEscape), (#""\u""#, 1, .invalidEscape),
        (#""\u004""#, 1, .invalidEscape), (#""\u00G0""#, 1, .invalidEscape), (#""\u 041""#, 1, .invalidEscape),
        (#""ab\u-041""#, 3, .invalidEscape), (#""\u00"#, 1, .invalidEscape), ("\"\\\u{0}\"", 1, .invalidEscape),
        ("\"\\é\"", 1, .invalidEscape),
        ("\"\n\"", 1, .controlCharacter), ("\"a\t\"", 2, .controlCharacter), ("\"\u{0}\"", 1, .controlCharacter),
        ("\"\u{1F}\"", 1, .controlCharacter), (#""\uD800""#, 1, .loneSurrogate), (#""\uDC00""#, 1, .loneSurrogate),
        (#""\uD800\uD800""#, 1, .loneSurrogate), (#""\uD83D\n""#, 1, .loneSurrogate),
        (#""\uD83Dx""#, 1, .loneSurrogate),
        (#""\uDE00\uD83D""#, 1, .loneSurrogate), (#""\uD83D\u0041""#, 1, .loneSurrogate),
        (#""\uD83D"#, 1, .loneSurrogate),
        (#""\uD83D\"#, 1, .loneSurrogate), (#""\uD83D\u"#, 1, .loneSurrogate), (#""\uD83D\uDE0"#, 1, .loneSurrogate),
        (#"{"\uD800":1}"#, 2, .loneSurrogate),
    ]

    /// Bytes that are not UTF-8, each alone within a string and one outside.
    private static let rejectedBytes: [([UInt8], Int, JSONError.Reason)] =
        [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEE, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x28, 0x80],
            [0xF0, 0x9F, 0x98, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFE], [0xFF], [0xE9],
        ].map { ([0x22, 0x61] + $0 + [0x22], 2, .invalidUTF8) } + [
            ([0x22, 0xC3], 1, .invalidUTF8), ([0x22, 0xF0, 0x9F, 0x98], 1, .invalidUTF8), ([0xFF], 0, .unexpectedByte),
            ([0xFF, 0xFE, 0x5B, 0x00, 0x5D, 0x00], 0, .unexpectedByte), ([0x5B, 0xC3, 0xA9, 0x5D], 1, .unexpectedByte),
        ]
}
