import HTTPServer
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Web

/// `PATCH .../update-tranning-status` (spec, section 2, Case 3, and the second table of section 3).
@Suite(.timeLimit(.minutes(10))) struct TrainingTests {
    /// A wishlist whose latest dataset is completed.
    private func ready(
        _ service: ServiceUnderTest, training: TrainingStatus = .none, role: String = "owner"
    ) async throws -> (scene: TestScene, history: TestHistory) {
        var scene = try await service.scene(role: role)
        let wishlist = try await service.wishlist(of: scene.wishlist.groupID, training: training)
        scene = TestScene(user: scene.user, token: scene.token, wishlist: wishlist)
        return (scene, try await service.history(of: wishlist, status: .completed))
    }

    private func set(
        _ service: ServiceUnderTest, _ scene: TestScene, _ body: String,
        path: String = "update-tranning-status", headers: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        try await service.api(
            "PATCH", "\(scene.wishlist.path)/\(path)", token: scene.token, body: body, headers: headers)
    }

    /// Each pair of statuses: what a client may set from where.
    @Test(arguments: TrainingStatus.allCases)
    func theTableOfTransitionsHolds(present: TrainingStatus) async throws {
        let allowed: [TrainingStatus: [TrainingStatus]] = [
            .none: [.requested], .requested: [.none, .canceled], .training: [.canceled], .trained: [.requested],
            .failed: [.requested], .canceled: [.requested],
        ]
        try await ServiceUnderTest.with { service in
            for next in TrainingStatus.allCases {
                let (scene, history) = try await ready(service, training: present)
                let answer = try await set(service, scene, #"{"training_status": "\#(next.label)"}"#)
                let stored = try await service.number(
                    "SELECT training_status FROM wishlist_to_groups WHERE id = \(scene.wishlist.id)")
                let revision = try await service.stored(history.id)?.revision
                if next == present {
                    #expect(answer.status == 200 && revision == 0, "\(present) again: \(answer.text)")
                } else if allowed[present]?.contains(next) == true {
                    #expect(answer.status == 200 && revision == 1, "\(present) to \(next): \(answer.text)")
                    #expect(answer.data?["revision"]?.int == 1)
                } else {
                    #expect(answer.status == 400 && answer.code == "invalid_transition", "\(present) to \(next)")
                    #expect(answer.json?["training_status"]?.int == Int64(present.rawValue))
                    #expect(answer.json?["training_status_label"]?.string == present.label)
                    let named = answer.json?["allowed"]?.elements.compactMap(\.string)
                    #expect(named == present.clientTransitions.map(\.label))
                    #expect(answer.faults == ["training_status"] && revision == 0)
                }
                #expect(stored == Int64(answer.status == 200 ? next.rawValue : present.rawValue))
            }
        }
    }

    @Test func aChangeIsToldAndStandsInTheTimeline() async throws {
        try await ServiceUnderTest.with { service in
            let (scene, history) = try await ready(service)
            let answer = try await set(
                service, scene, #"{"tranning_status": 1, "scheduled_at": "2126-12-01T10:00:00+02:00"}"#,
                path: "update-training-status", headers: [("X-Socket-ID", "12.34")])
            #expect(
                answer.text == """
                    {"data":{"slug":"\(scene.wishlist.slug)","training_status":1,"training_status_label":"requested",\
                    "training_scheduled_at":"2126-12-01T08:00:00.000000Z","history_id":\(history.id),\
                    "dataset_id":\(history.datasetID ?? 0),"revision":1}}
                    """)
            let event = try #require(try await service.waitForPushed(of: history.id, revision: 1).first)
            #expect(event.name == "training.updated" && event.socketID == "12.34")
            #expect(event.data["training_status"]?.int == 1)
            #expect(event.data["training_scheduled_at"]?.string == "2126-12-01T08:00:00.000000Z")

            // Set again: nothing. With another time: a change. Without a time: as it is. With none: as soon as possible.
            let same = try await set(
                service, scene, #"{"training_status": "1", "scheduled_at": "2126-12-01T08:00:00Z"}"#)
            #expect(same.status == 200 && same.body == answer.body)
            let kept = try await set(service, scene, #"{"training_status": "requested"}"#)
            #expect(kept.status == 200 && kept.body == answer.body)
            let later = try await set(
                service, scene, #"{"training_status": "requested", "scheduled_at": "2126-12-02T08:00:00Z"}"#)
            #expect(later.data?["revision"]?.int == 2)
            let soon = try await set(service, scene, #"{"training_status": "requested", "scheduled_at": null}"#)
            #expect(soon.data?["revision"]?.int == 3)
            #expect(soon.data?["training_scheduled_at"]?.kind == .null)
            _ = try await set(service, scene, #"{"training_status": "canceled"}"#)

            let timeline = try await service.get(
                "\(scene.wishlist.path)/histories/\(history.id)/events", token: scene.token)
            let events = timeline.data?.elements ?? []
            #expect(events.map { $0["type"]?.string } == Array(repeating: "training.updated", count: 4))
            #expect(events.map { $0["revision"]?.int } == [1, 2, 3, 4])
            #expect(
                events.map { $0["training_status_label"]?.string } == [
                    "requested", "requested", "requested", "canceled",
                ])
            #expect(events[1]["training_scheduled_at"]?.string == "2126-12-02T08:00:00.000000Z")
            #expect(events[3]["training_scheduled_at"]?.kind == .null)
        }
    }

    @Test func aWebhookMovesItOnAndClearsTheTime() async throws {
        try await ServiceUnderTest.with { service in
            let (scene, history) = try await ready(service)
            _ = try await set(
                service, scene, #"{"training_status": "requested", "scheduled_at": "2126-12-01T10:00:00Z"}"#)
            #expect(
                try await service.post(TestWebhook(.trainingStarted, of: history, sequence: 1)).outcome == "applied")
            #expect(
                try await service.number(
                    """
                    SELECT training_status FROM wishlist_to_groups \
                    WHERE id = \(scene.wishlist.id) AND training_scheduled_at IS NULL
                    """) == 2)
        }
    }

    @Test func onlyACompletedLatestDatasetIsReady() async throws {
        try await ServiceUnderTest.with { service in
            let (scene, _) = try await ready(service)
            let none = try await service.wishlist(of: scene.wishlist.groupID)
            let without = try await service.api(
                "PATCH", "\(none.path)/update-tranning-status", token: scene.token, body: #"{"training_status": 1}"#)
            #expect(without.status == 409 && without.code == "dataset_not_ready")
            for status in HistoryStatus.allCases where status != .completed {
                let wishlist = try await service.wishlist(of: scene.wishlist.groupID)
                _ = try await service.history(of: wishlist, status: .completed)
                _ = try await service.history(of: wishlist, status: status)
                let answer = try await service.api(
                    "PATCH", "\(wishlist.path)/update-tranning-status", token: scene.token,
                    body: #"{"training_status": 1}"#)
                #expect(answer.status == 409 && answer.code == "dataset_not_ready", "\(status)")
            }
        }
    }

    @Test func rolesDecide() async throws {
        try await ServiceUnderTest.with { service in
            for (role, status) in [("owner", 200), ("editor", 200), ("viewer", 403), ("guest", 403)] {
                let (scene, _) = try await ready(service, role: role)
                let answer = try await set(service, scene, #"{"training_status": 1}"#)
                #expect(answer.status == status, "\(role)")
                if status == 403 { #expect(answer.code == "training_not_permitted") }
            }
            let (scene, _) = try await ready(service)
            let stranger = try await service.token(of: try await service.user())
            let hidden = try await service.api(
                "PATCH", "\(scene.wishlist.path)/update-tranning-status", token: stranger, body: "{}")
            #expect(hidden.status == 404)
        }
    }

    @Test(arguments: [
        ("", ["training_status"]), ("{}", ["training_status"]), ("[]", ["body"]), ("{", ["body"]),
        (#"{"training_status": 6}"#, ["training_status"]), (#"{"training_status": "x"}"#, ["training_status"]),
        (#"{"tranning_status": true}"#, ["tranning_status"]), (#"{"training_status": null}"#, ["training_status"]),
        (#"{"training_status": 1, "tranning_status": 0}"#, ["tranning_status"]),
        (#"{"training_status": 1, "scheduled_at": "2020-01-01T00:00:00Z"}"#, ["scheduled_at"]),
        (#"{"training_status": 1, "scheduled_at": "tomorrow"}"#, ["scheduled_at"]),
        (#"{"training_status": 1, "scheduled_at": 5}"#, ["scheduled_at"]),
        (#"{"training_status": 5, "scheduled_at": "2126-01-01T00:00:00Z"}"#, ["scheduled_at"]),
        (#"{"training_status": 1, "when": 5, "why": 6}"#, ["when", "why"]),
    ])
    func whatIsWrongIsNamed(body: String, fields: [String]) throws {
        let request = APIRequest(http: HTTPRequest(method: "PATCH", path: "/", body: Array(body.utf8)), id: "1")
        let error = #expect(throws: APIError.self) { try TrainingRequest(members: request.members(orElse: 400)) }
        #expect(error?.status == 400 && error?.code == "invalid_body")
        #expect(error?.errors.map(\.field) == fields)
    }

    /// Many at once, each wanting something else: each change was allowed from the one before it, and who lost is told what
    /// is set.
    @Test func ofSeveralAtOnceOneWins() async throws {
        try await ServiceUnderTest.with { service in
            let (scene, history) = try await ready(service, training: .requested)
            let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                for index in 0..<12 {
                    let next = index % 2 == 0 ? "none" : "canceled"
                    group.addTask { try await set(service, scene, #"{"training_status": "\#(next)"}"#) }
                }
                return try await group.reduce(into: [HTTPAnswer]()) { $0.append($1) }
            }
            let stored = try await service.stored(history.id)
            #expect(stored?.revision == 1)
            let status = try await service.number(
                "SELECT training_status FROM wishlist_to_groups WHERE id = \(scene.wishlist.id)")
            let lost = answers.filter { $0.status == 400 }
            #expect(lost.count == 6)
            for answer in lost {
                #expect(answer.code == "invalid_transition" && answer.json?["training_status"]?.int == status)
            }
            for answer in answers where answer.status == 200 {
                #expect(answer.data?["training_status"]?.int == status && answer.data?["revision"]?.int == 1)
            }
        }
    }

    /// Two that would both be allowed from what they saw, as one sets a time the other has not seen.
    @Test func whatWasNotSeenIsNotOverwritten() async throws {
        try await ServiceUnderTest.with { service in
            let (scene, _) = try await ready(service)
            let answers = try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                for day in 1...9 {
                    group.addTask {
                        try await set(
                            service, scene,
                            #"{"training_status": "requested", "scheduled_at": "2126-01-0\#(day)T00:00:00Z"}"#)
                    }
                }
                return try await group.reduce(into: [HTTPAnswer]()) { $0.append($1) }
            }
            let revisions = answers.compactMap { $0.data?["revision"]?.int }.sorted()
            #expect(revisions == Array(1...Int64(max(1, revisions.count))))
            for answer in answers where answer.status != 200 {
                #expect(answer.status == 400 && answer.code == "invalid_transition")
                #expect(answer.json?["training_status_label"]?.string == "requested")
            }
        }
    }
}
