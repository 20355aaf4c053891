import Testing

@testable import MySQL

@Suite struct ErrorTests {
    private func error(
        _ number: Int, _ message: String = "m", _ state: String = "HY000", commit: Bool = false
    ) -> MySQLError {
        MySQLError(number: number, sqlState: state, message: message, phase: commit ? .commit : .statement)
    }

    @Test(arguments: [1020, 1047, 1180, 1205, 1213, 3100, 3101])
    func conflictsAreRetried(number: Int) {
        #expect(error(number).kind == .conflict)
        #expect(error(number, commit: true).isRetryable)
        #expect(!error(number).isOutcomeUnknown)
        // A node that loses its cluster does not know what became of it.
        #expect(error(number, commit: true).isOutcomeUnknown == [1047, 1180, 3100, 3101].contains(number))
    }

    @Test func anyError40001IsAConflict() {
        #expect(error(9999, "m", "40001").kind == .conflict)
        #expect(error(9999, "m", "42000").kind == .other)
    }

    @Test(arguments: [1053, 1927, 2006, 2013, 4031])
    func lostConnectionsAreRetried(number: Int) {
        #expect(error(number).kind == .connectionLost)
        #expect(error(number).isRetryable)
        #expect(!error(number).isOutcomeUnknown)
        #expect(error(number, commit: true).isOutcomeUnknown)
        #expect(MySQLError(number: number, sqlState: "HY000", message: "", phase: .connect).kind == .unreachable)
    }

    @Test(arguments: [
        ("Duplicate entry 'a' for key 'one'", "one"), ("Duplicate entry 'a' for key 'table.one'", "one"),
        ("Duplicate entry 'it's for key 'x'' for key 'PRIMARY'", "PRIMARY"), ("nonsense", ""), ("", ""), ("'", ""),
    ])
    func namesTheDuplicateKey(message: String, name: String) {
        #expect(error(1062, message).kind == .duplicateKey(name: name))
    }

    @Test func describesWithoutValues() {
        #expect(
            error(1366, "Incorrect string value: 'it's secret' for column 'c' at row 1").description
                == "1366 (HY000) Incorrect string value: '?' at row 1")
        #expect(error(1146, "Table 'a.b' doesn't exist").description == "1146 (HY000) Table 'a.b' doesn't exist")
        #expect(error(2013, "Lost '1'").description == "2013 (HY000) Lost '1'")
        #expect(error(2013, "Lost", commit: true).description == "2013 (HY000) Lost [at commit]")
        #expect(error(1064, "near '").description == "1064 (HY000) near '")
        var placed = MySQLError(kind: .other, message: "m")
        placed.place = "1.sql, statement 2"
        #expect(placed.description == "1.sql, statement 2: m")
    }

    @Test func secondsAreRoundedUpAndBounded() {
        #expect(Duration.milliseconds(1).timeoutSeconds == 1)
        #expect(Duration.zero.timeoutSeconds == 1)
        #expect(Duration.seconds(-5).timeoutSeconds == 1)
        #expect(Duration.milliseconds(1001).timeoutSeconds == 2)
        #expect(Duration.seconds(2).timeoutSeconds == 2)
        #expect(Duration.seconds(Int64.max).timeoutSeconds == 86_400)
    }
}
