import Testing

@testable import Datasets

@Suite(.timeLimit(.minutes(10))) struct UUIDTextTests {
    @Test func uuids() {
        let uuid = "0190a1b2-0000-7000-8000-00000000000f"
        #expect(UUIDText.normalized(uuid.uppercased()) == uuid)
        for wrong in [
            "", String(uuid.dropLast()), uuid + "0", uuid.replacing("-", with: "0"), uuid.replacing("f", with: "é"),
        ] {
            #expect(UUIDText.normalized(wrong) == nil)
        }
    }
}
