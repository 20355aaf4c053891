import Testing

@testable import MySQL

@Suite(.timeLimit(.minutes(10))) struct ErrorTests {
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

    @Test(arguments: [
        (1175, MySQLError.Kind.busy), (1665, .busy), (1040, .busy), (1203, .busy), (1226, .busy), (1021, .busy),
        (1114, .busy), (1637, .busy), (3032, .busy), (3168, .busy), (1836, .readOnly), (1792, .readOnly),
        (1874, .readOnly), (1317, .interrupted), (1969, .interrupted), (3024, .interrupted), (1044, .refused),
        (1045, .refused), (1049, .refused), (1142, .refused), (1227, .refused), (2026, .tls), (3159, .tls),
    ])
    func theServersStateIsNotOurFault(number: Int, kind: MySQLError.Kind) {
        #expect(error(number).kind == kind)
        #expect(error(number).passes)
        #expect(!error(number).isRetryable)
    }

    @Test func aCommitThatWasEndedMayHaveSucceeded() {
        #expect(error(1317, commit: true).isOutcomeUnknown)
        #expect(!error(1317).isOutcomeUnknown)
        #expect(!error(1021, commit: true).isOutcomeUnknown)
    }

    @Test(arguments: [
        (1153, MySQLError.Kind.tooLarge), (1197, .tooLarge), (1048, .invalidValue), (1264, .invalidValue),
        (1366, .invalidValue), (1406, .invalidValue), (1452, .invalidValue), (3140, .invalidValue),
        (3819, .invalidValue), (4025, .invalidValue), (1054, .other), (1064, .other), (1146, .other), (1267, .other),
        (1364, .other),
    ])
    func valuesAndStatementsAreOurs(number: Int, kind: MySQLError.Kind) {
        #expect(error(number).kind == kind)
        #expect(!error(number).passes)
        #expect(!error(number).isRetryable)
    }

    @Test func readOnlyIsToldFromOtherOptions() {
        let message = "The MariaDB server is running with the --read-only option so it cannot execute this statement"
        #expect(error(1290, message).kind == .readOnly)
        #expect(error(1290, message.replacing("read-only", with: "super-read-only")).kind == .readOnly)
        #expect(error(1290, message.replacing("read-only", with: "innodb_read_only")).kind == .readOnly)
        #expect(error(1290, message.replacing("read-only", with: "skip-grant-tables")).kind == .busy)
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
                == "1366 (HY000) Incorrect string value: '?' for column 'c' at row 1")
        #expect(
            error(1067, "Invalid default value for 'created_at'").description
                == "1067 (HY000) Invalid default value for 'created_at'")
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
