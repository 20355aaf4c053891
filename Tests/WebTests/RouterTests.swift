import HTTPServer
import Testing

@testable import Web

@Suite(.timeLimit(.minutes(10))) struct RouterTests {
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
