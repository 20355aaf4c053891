import HTTPClient
import JSON
import Testing

@testable import Integrator

extension ServiceUnderTest {
    /// Asks the operator's listener.
    /// - Parameter token: nil: without one.
    func operate(
        _ method: String, _ path: String, token: String? = ServiceUnderTest.operatorToken, body: String? = nil,
        headers: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        var headers = headers
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if body != nil { headers.append(("Content-Type", "application/json")) }
        let response = try await client.send(
            HTTPClientRequest(
                method: method, url: "http://127.0.0.1:\(instance.operatorPort)\(path)", headers: headers,
                body: Array((body ?? "").utf8), timeout: .seconds(30)))
        return HTTPAnswer(response)
    }

    /// The rows of a list of the operator's API.
    func rows(_ path: String) async throws -> [JSONView] {
        let answer = try await operate("GET", "/operator/api/" + path)
        #expect(answer.status == 200)
        return answer.json?["data"]?.elements ?? []
    }
}
