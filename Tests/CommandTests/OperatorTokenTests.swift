import Testing

@testable import Integrator
@testable import Web

/// `OPERATOR_TOKEN`.
@Suite(.timeLimit(.minutes(5))) struct OperatorTokenTests {
    @Test func namesPermissionsAndTokensAreRead() {
        let (tokens, reasons) = OperatorTokens.parse(
            "ada:act:0123456789abcdef, eve:read:with:colons:in:it:1\nbob:read:fedcba9876543210")
        #expect(reasons.isEmpty)
        #expect(tokens.count == 3)
        #expect(tokens.holder(of: "0123456789abcdef") == .init(name: "ada", permission: .act))
        #expect(tokens.holder(of: "with:colons:in:it:1") == .init(name: "eve", permission: .read))
        #expect(tokens.holder(of: "0123456789abcdeF") == nil)
        #expect(tokens.holder(of: "") == nil)
        #expect(OperatorTokens.parse(" ,\n").tokens.isEmpty)
        #expect(OperatorTokens().holder(of: "") == nil)
    }

    @Test(
        arguments: [
            "0123456789abcdef", "ada:0123456789abcdef", "ada:write:0123456789abcdef", ":read:0123456789abcdef",
            "a/b:read:0123456789abcdef", "ada:read:0123456789abcde", "ada:read:0123456789abcdé",
            "ada:read:0123456789abcdef ada:act:fedcba9876543210", "ada:read:0123456789abcdef eve:act:0123456789abcdef",
        ])
    func whatIsWrongIsSaidWithoutTheToken(_ text: String) {
        let (_, reasons) = OperatorTokens.parse(text)
        #expect(reasons.count == 1)
        #expect(!reasons.joined().contains("0123456789"))
        #expect(!reasons.joined().contains("fedcba"))
    }

    @Test func theyAreNotShown() {
        let (tokens, _) = OperatorTokens.parse("ada:act:0123456789abcdef")
        #expect(!"\(tokens)".contains("0123456789abcdef"))
        var text = ""
        dump(tokens, to: &text)
        #expect(!text.contains("0123456789abcdef"))
    }

    @Test func aWrongOneStopsTheStart() {
        let faults = #expect(throws: ConfigurationFaults.self) {
            try Configuration.operatorTokensOnly(Environment(["OPERATOR_TOKEN": "ada:act:short"]))
        }
        #expect(faults?.faults == ["OPERATOR_TOKEN: token 1: must have 16 characters of ASCII at least"])
    }
}
