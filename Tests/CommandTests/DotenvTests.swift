import Foundation
import Testing

@testable import Integrator

/// `.env` as Laravel reads it.
@Suite(.timeLimit(.minutes(10))) struct DotenvTests {
    @Test func commentsQuotesAndBlanks() {
        let text = #"""
            # A comment
            PLAIN=value
            export EXPORTED = spaced out   # a comment
              INDENTED=x#y
            SINGLE='a "b" \n $c # d' # e
            DOUBLE="a\nb \"c\" # d \$e \\f"
            EMPTY=
            EQUALS=a=b==
            APOSTROPHE=it's
            NOTHING
            export NOTHING
            DOLLARS=$A${B}$
            """#
        for ending in ["\n", "\r\n", "\r"] {
            let file = Dotenv("\u{FEFF}" + text.replacing("\n", with: ending))
            #expect(
                file.variables == [
                    "PLAIN": "value", "EXPORTED": "spaced out", "INDENTED": "x", "SINGLE": #"a "b" \n $c # d"#,
                    "DOUBLE": "a\nb \"c\" # d $e \\f", "EMPTY": "", "EQUALS": "a=b==", "APOSTROPHE": "it's",
                    "DOLLARS": "$A${B}$",
                ])
            #expect(file.faults.isEmpty)
        }
    }

    @Test(arguments: ["\n", "\r\n"]) func doubleQuotesRunOverLines(ending: String) {
        let file = Dotenv("A=\"whsec_A\(ending)whsec_B\(ending)\" # both\(ending)B=2")
        #expect(file.variables == ["A": "whsec_A\nwhsec_B\n", "B": "2"] && file.faults.isEmpty)
    }

    @Test func otherVariables() {
        let text = #"""
            A=one
            B=${A}-${OUTER}-${LATER}
            C="${A} \${A} ${A"
            D='${A}'
            A=two
            E=${A}
            LATER=x
            """#
        let file = Dotenv(text, outer: ["OUTER": "out", "A": "process"])
        #expect(file.variables["B"] == "process-out-${LATER}")
        #expect(file.variables["C"] == "process ${A} ${A")
        #expect(file.variables["D"] == "${A}")
        #expect(Dotenv(text).variables["B"] == "one-${OUTER}-${LATER}")
        #expect(Dotenv(text).variables["E"] == "two")
    }

    @Test(arguments: [
        ("A=\"x", "line 1: A: the double quote is not closed"),
        ("\nB='x\n", "line 2: B: the single quote is not closed on its line"),
        ("A=\"x\" y", "line 1: A: something follows the closing quote"),
        ("A='x'y", "line 1: A: something follows the closing quote"),
        ("A=\"\\x\"", #"line 1: A: \ stands before something else than one of "\$fnrtv"#),
        ("=x", "line 1: has no name of letters, digits and _ before the ="),
        ("a-b=x", "line 1: has no name of letters, digits and _ before the ="),
        ("whsec_B", "line 1: is not NAME=value"),
        ("A=1\nwhsec+/=x", "line 2: has no name of letters, digits and _ before the ="),
    ])
    func whatCannotBeReadIsNamed(text: String, fault: String) {
        #expect(Dotenv(text).faults == [fault])
    }

    /// A quote that is not closed does not hide what is wrong after it.
    @Test func anOpenQuoteHidesNothing() {
        let file = Dotenv("A=\"x\nB='y\nC=3")
        #expect(file.faults.map { $0.prefix(9) } == ["line 1: A", "line 2: t"])
        #expect(file.variables == ["C": "3"])
        #expect(file.faultyNames == ["A", "B"])
    }

    /// Base64 ends with `=`: the rest of a value that is not read to its end looks like a name.
    @Test(arguments: ["A='x\n%='", "A=\"x\n%=\"\nB=\"", "A=\"x\\q\n%=\"", "A=\"x\" y\n%='"])
    func theRestOfASecretIsNotTold(text: String) {
        let secret = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"
        let file = Dotenv(text.replacing("%", with: secret))
        #expect(file.faults.count >= 1)
        #expect(!file.faults.contains { $0.contains(secret) })
    }
}

/// Values as `env()` of Laravel returns them: phpdotenv 5 reads the file, then words stand for values.
@Suite(.timeLimit(.minutes(10))) struct EnvTests {
    private func value(_ text: String, outer: [String: String] = [:]) throws -> String? {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        return try Environment(outer, dotenv: file.path).value("A")
    }

    @Test(
        arguments: [
            ("A=null", nil), ("A=(null)", nil), ("A=NULL", nil), ("A=\"null\"", nil), ("A=empty", ""),
            ("A=(empty)", ""),
            ("A=(Empty)", ""), ("A=", ""), ("A= # none", ""), ("A=#none", ""), ("A=true", "true"), ("A=(TRUE)", "true"),
            ("A=False", "false"), ("A=(false)", "false"), ("A=nullable", "nullable"), ("A=( null )", "( null )"),
            ("A", nil), ("export A=x", "x"), ("export\tA=x", "x"), ("exportA=x", nil), ("'A'=x", "x"), ("\"A\"=x", "x"),
            ("export 'A'=x", "x"), ("A='\"x\"'", "x"), ("A=\"'x'\"", "x"), ("A='\"'", "\""), ("A=x # y", "x"),
            ("A=x#y", "x"), ("A=\"x # y\" # z", "x # y"), ("A='x # y'#z", "x # y"), ("A=x=y", "x=y"),
            ("A = x ", "x"), ("B=b\nA=${B}c", "bc"), ("B=b\nC=${B}${B}\nA=\"<${C}>\"", "<bb>"),
            ("B=b\nA='${B}'", "${B}"), ("B=b\nA=\"\\${B}\"", "${B}"), ("A=${NONE}", "${NONE}"),
            ("B=b\nAb=nested\nA=${A${B}}", "nested"), ("B=null\nA=${B}", nil), ("A=${OUT}", "o"),
            ("OUT=i\nA=${OUT}", "o"),
            ("B=c\nA=\"${A${B}}\"", "${Ac}"), ("A=a\nA=b", "b"), ("A=${OUT} ${OUT}", "o o"),
        ] as [(String, String?)])
    func readsAsLaravelDoes(text: String, expected: String?) throws {
        #expect(try value(text, outer: ["OUT": "o"]) == expected)
    }

    @Test func whatIsSetOutsideWins() throws {
        #expect(try value("A=x", outer: ["A": "\"y\""]) == "y")
        #expect(try value("A=x", outer: ["A": ""]) == "")
        #expect(try value("A=x", outer: ["A": "null"]) == nil)
    }
}
