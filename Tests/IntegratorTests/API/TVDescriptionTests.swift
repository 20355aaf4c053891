import Foundation
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Sandbox

/// `fixtures/tv-python-api.openapi.json` is what both sides do: the service, and the sandbox in the TV team's place.
@Suite(.timeLimit(.minutes(10))) struct TVDescriptionTests {
    private static func document() throws -> JSONView {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../fixtures/tv-python-api.openapi.json")
        return try JSONDocument(parsing: Array(Data(contentsOf: path))).root
    }

    private func schema(_ operation: JSONView?, status: Int? = nil) -> JSONView? {
        let part = status.map { operation?["responses"]?["\($0)"] } ?? operation?["requestBody"]
        return part?["content"]?["application/json"]?["schema"]
    }

    /// Each type of webhook that is described is taken, and without what is required it is not; and there are no others.
    @Test func theWebhooksAreThoseThatAreTaken() async throws {
        let document = try Self.document()
        let checker = SchemaChecker(document: document)
        let webhooks = try #require(document["webhooks"])
        #expect(Set(webhooks.members.map(\.name)) == Set(DatasetEventType.webhooks.map(\.rawValue)))
        for type in DatasetEventType.webhooks {
            let rules = try #require(schema(webhooks[type.rawValue]?["post"]))
            let samples = [
                nil, "", #""progress": 12.5, "stage": null, "message": "m""#, #""progress": 101"#, #""progress": null"#,
                #""stage": 5"#, #""result": []"#, #""result": {}"#, #""error": {"code": "", "message": ""}"#,
                #""error": {"code": "c", "message": "", "retryable": true}"#, #""error": {"code": "c"}"#,
                #""error": {"code": "c", "message": "m", "retryable": 1}"#, #""reference": null"#, #""reference": "x""#,
                #""more": [1]"#,
            ]
            for sample in samples {
                let more = sample == "" ? #""more": 1"# : sample
                let webhook = TestWebhook(type, dataset: 5, sequence: 1, more: more)
                let value = try JSONDocument(parsing: webhook.body).root
                let content = IncomingWebhook(id: "1", body: webhook.body).content
                var isTaken = false
                if case .event = content { isTaken = true }
                let faults = checker.faults(value, rules)
                #expect(faults.isEmpty == isTaken, "\(type.rawValue) \(more ?? "-"): \(faults) \(content)")
            }
            for (dataset, sequence) in [(0, 1), (1, 0)] as [(Int64, Int64)] {
                let value = try JSONDocument(parsing: TestWebhook(type, dataset: dataset, sequence: sequence).body).root
                #expect(!checker.faults(value, rules).isEmpty)
            }
        }
    }

    /// The answers to webhooks, and the calls of both sides in a dataset's course.
    @Test func bothSidesKeepToIt() async throws {
        let document = try Self.document()
        let checker = SchemaChecker(document: document)
        try await ServiceUnderTest.with { service in
            let scene = try await service.scene()
            let created = try await service.create(scene.wishlist, token: scene.token)
            let id = try #require(created.data?["id"]?.int)
            try await service.waitForPushed(of: id) { $0.contains { $0.name == "dataset.completed" } }
            var described: Set<String> = []
            for request in service.sandbox.tv.requests.all where !request.body.isEmpty {
                let template = request.path.replacing("/gb-console", with: "/{name}")
                let operation = document["paths"]?[template]?[request.method.lowercased()]
                let rules = try #require(schema(operation), "\(request.method) \(template)")
                let faults = checker.faults(try JSONDocument(parsing: request.body).root, rules)
                #expect(faults.isEmpty, "\(template): \(faults)")
                described.insert("\(request.method) \(template)")
            }
            #expect(described.isSuperset(of: ["POST /dataset/create", "PUT /callbacks/{name}"]))

            let history = try await service.history(of: scene.wishlist, status: .processing)
            let webhook = TestWebhook(.datasetProgress, of: history, sequence: 5)
            let operation = document["webhooks"]?["dataset.progress"]?["post"]
            for (webhook, status) in [
                (webhook, 200), (webhook, 200), (TestWebhook(.datasetProgress, of: history, sequence: 4), 200),
                (TestWebhook(.datasetProgress, dataset: 77, sequence: 1), 202), (TestWebhook(body: "{"), 422),
            ] {
                let answer = try await service.post(webhook)
                #expect(answer.status == status)
                let rules = try #require(schema(operation, status: status))
                #expect(checker.faults(try #require(answer.json), rules).isEmpty, "\(answer.text)")
            }
            for answer in [
                try await service.post(webhook, at: 0), try await service.send([], headers: [], method: "PUT"),
            ] {
                let rules = try #require(schema(operation, status: answer.status))
                #expect(checker.faults(try #require(answer.json), rules).isEmpty, "\(answer.text)")
            }
        }
    }
}
