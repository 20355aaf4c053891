import Testing
import Text

@Suite(.timeLimit(.minutes(10))) struct PercentCodingTests {
    @Test func encodesAllButTheUnreserved() {
        #expect(PercentCoding.encode("aZ09-._~") == "aZ09-._~")
        #expect(PercentCoding.encode("a b/ü,\u{1}") == "a%20b%2F%C3%BC%2C%01")
        #expect(PercentCoding.encode("a,b", keeping: ",") == "a,b")
    }

    @Test(
        arguments: [
            ("a%2Fb", "a/b"), ("%e6%97%A5", "日"), ("a+b", "a+b"), ("", ""), ("%", nil), ("%2", nil), ("%zz", nil),
            ("%00", nil), ("%FF", nil), ("%c3", nil),
        ] as [(String, String?)])
    func decodes(text: String, decoded: String?) {
        #expect(PercentCoding.decode(text[...].utf8) == decoded)
    }

    @Test func readsForms() {
        let items = PercentCoding.items("a=1&b=x+y&&c&=d&a=%3D=")
        #expect(items?.map(\.name) == ["a", "b", "c", "", "a"])
        #expect(items?.map(\.value) == ["1", "x y", "", "d", "=="])
        #expect(PercentCoding.items("a=%") == nil)
    }

    @Test func limitsByScalars() {
        #expect("héllo".limited(to: 2) == "hé")
        #expect("e\u{301}x".limited(to: 1) == "e")
        #expect("abc".limited(to: 3) == "abc")
    }
}
