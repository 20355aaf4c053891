import Testing

@testable import MySQL

@Suite(.timeLimit(.minutes(10))) struct SplitterTests {
    @Test(
        arguments: [
            ("", []),
            ("  \n-- nothing; here\n# nor; here\n/* nor; here */ ;;", []),
            ("a; b;", ["a", "b"]),
            ("a;\nb\n  c ;\n", ["a", "b\n  c "]),
            (
                "select ';', \";\", `;`, 'it''s;', 'a\\';', \"\\\";\"; b;",
                ["select ';', \";\", `;`, 'it''s;', 'a\\';', \"\\\";\"", "b"]
            ),
            ("`a\\`; b;", ["`a\\`", "b"]),
            ("-- one\na -- two;\n b; # three;\nc;--\n", ["a -- two;\n b", "c"]),
            ("a--1;b - -1;", ["a--1", "b - -1"]),
            ("a /* ; */ b; /* c; */", ["a /* ; */ b"]),
            ("/*!40101 set x = 1; */; /*M! y; */;", ["/*!40101 set x = 1; */", "/*M! y; */"]),
            ("/* it's */ a;", ["a"]),
            ("a; --", ["a"]),
            ("a/b;", ["a/b"]),
            ("é;", ["é"]),
        ] as [(String, [String])])
    func splits(text: String, statements: [String]) throws {
        #expect(try StatementSplitter.split(text).map { String(decoding: $0.bytes, as: UTF8.self) } == statements)
    }

    @Test(arguments: ["a", "a; b", "'a;", "\"a;", "`a;", "'a\\", "a /* b;", "/*", "/*/", "'\\';"])
    func refusesWhatIsIncomplete(text: String) {
        #expect(throws: MySQLError.self) { try StatementSplitter.split(text) }
    }
}
