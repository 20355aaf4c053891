import Testing

@testable import Web

@Suite(.timeLimit(.minutes(10))) struct SocketIDTests {
    @Test func socketIDs() {
        for valid in ["1.2", "123456.7890"] { #expect(SocketID.valid(valid) == valid) }
        for wrong in [
            nil, "", "1", "1.", ".1", "1.2.3", "a.1", "1.2 ", "1,2", "１.2", String(repeating: "1", count: 63) + ".1",
        ] {
            #expect(SocketID.valid(wrong) == nil)
        }
    }
}
