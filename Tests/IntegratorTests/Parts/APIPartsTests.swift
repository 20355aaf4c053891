@testable import Datasets
@testable import Web
import Time
import HTTPServer
import MySQL
import Testing

@testable import Integrator

@Suite struct ISO8601Tests {
    @Test(arguments: [
        ("2026-11-23T16:00:00Z", "2026-11-23T16:00:00.000000Z"),
        ("2026-11-23t16:00:00.5z", "2026-11-23T16:00:00.500000Z"),
        ("2026-11-23 16:00:00.123456789Z", "2026-11-23T16:00:00.123456Z"),
        ("2026-11-23T16:00:00+02:30", "2026-11-23T13:30:00.000000Z"),
        ("2026-11-23T23:30:00.25-01:00", "2026-11-24T00:30:00.250000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ])
    func times(text: String, expected: String) {
        #expect(ISO8601.parse(text)?.iso8601 == expected)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T16:00:00", "2026-11-23T16:00Z", "2026-13-23T16:00:00Z", "2026-02-30T16:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T16:60:00Z", "2026-11-23T16:00:00+2:00", "2026-11-23T16:00:00+25:00",
        "2026-11-23T16:00:00+02:61", "2026-11-23T16:00:00.Z", "2026-11-23T16:00:00.1234567xZ", "1732377600",
        "2026-11-23T16:00:00ZZ", "２026-11-23T16:00:00Z", "2026-11-23T16:00:00+-1:00",
        "2026-11-23T16:00:00.000000000000000000000000000000000000Z",
    ])
    func notTimes(text: String) {
        #expect(ISO8601.parse(text) == nil)
    }
}

@Suite struct RouterTests {
    private let router = {
        var router = Router()
        router.on("GET", "/a/{slug}/b") { _ in HTTPResponse(status: 200) }
        router.on("PATCH", "/a/{slug}/b") { _ in HTTPResponse(status: 200) }
        router.on("GET", "/a/{slug}/b/{id}") { _ in HTTPResponse(status: 200) }
        return router
    }()

    @Test func parameters() {
        guard case .found(_, let parameters) = router.match("GET", ["a", "x/y", "b", "7"]) else {
            return #expect(Bool(false))
        }
        #expect(parameters == ["slug": "x/y", "id": "7"])
        guard case .found = router.match("HEAD", ["a", "x", "b"]) else { return #expect(Bool(false)) }
    }

    @Test func methodsOrNothing() {
        guard case .methods(let methods) = router.match("POST", ["a", "x", "b"]) else { return #expect(Bool(false)) }
        #expect(methods == ["GET", "HEAD", "OPTIONS", "PATCH"])
        guard case .methods = router.match("HEAD2", ["a", "x", "b"]) else { return #expect(Bool(false)) }
        for path in [["a", "", "b"], ["a", "x"], ["a", "x", "c"], [], ["a", "x", "b", "7", ""]] {
            guard case .nothing = router.match("GET", path) else { return #expect(Bool(false), "\(path)") }
        }
    }
}

@Suite struct IdentifierTests {
    @Test func socketIDs() {
        for valid in ["1.2", "123456.7890"] { #expect(SocketID.valid(valid) == valid) }
        for wrong in [
            nil, "", "1", "1.", ".1", "1.2.3", "a.1", "1.2 ", "1,2", "１.2", String(repeating: "1", count: 50) + ".1",
        ] {
            #expect(SocketID.valid(wrong) == nil)
        }
    }

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
