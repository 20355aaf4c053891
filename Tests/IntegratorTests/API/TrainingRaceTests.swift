import MySQL
import Testing

@testable import Datasets
@testable import Integrator

/// Setting the training status is a compare-and-set on what the client was judged by (spec, section 2, Case 3).
@Suite(.timeLimit(.minutes(5))) struct TrainingRaceTests {
    /// Sends requests while the row of the history is locked, so that all are judged before the first is made.
    /// - Returns: the revision afterwards, and the answers.
    private func race(
        _ bodies: [String], training: TrainingStatus = .none
    ) async throws -> (revision: Int64?, answers: [HTTPAnswer]) {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let wishlist = try await service.wishlist(of: scene.wishlist.groupID, training: training)
            let history = try await service.history(of: wishlist, status: .completed)
            let other = try await MySQLConnection.connect(service.database)
            try await other.begin()
            _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(history.id) FOR UPDATE")
            let tasks = bodies.map { body in
                Task {
                    try await service.api(
                        "PATCH", "\(wishlist.path)/update-training-status", token: scene.token, body: body)
                }
            }
            try await Task.sleep(for: .seconds(1))
            await other.close()
            var answers: [HTTPAnswer] = []
            for task in tasks { answers.append(try await task.value) }
            return (try await service.stored(history.id)?.revision, answers)
        }
    }

    /// Both are judged by `none`; the second finds what it wants, and changes nothing.
    @Test func theSameWishTwiceIsOneChange() async throws {
        let wish = #"{"training_status": "requested"}"#
        let (revision, answers) = try await race([wish, wish])
        #expect(answers.map(\.status) == [200, 200])
        #expect(revision == 1)
    }

    /// All are judged by `requested` without a time: the status alone does not tell that another was faster.
    @Test func anotherTimeIsNotOverwritten() async throws {
        let wishes = (1...9).map { day in
            #"{"training_status": "requested", "scheduled_at": "2126-01-0\#(day)T00:00:00Z"}"#
        }
        let (revision, answers) = try await race(wishes, training: .requested)
        let refused = answers.filter { $0.status != 200 }
        #expect(!refused.isEmpty)
        #expect(refused.allSatisfy { $0.status == 400 && $0.code == "invalid_transition" })
        #expect(revision == Int64(answers.count - refused.count))
    }

    /// Judged by `none`; a webhook has the training at work meanwhile.
    @Test func whatAWebhookHasToldMeanwhileIsNotOverwritten() async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .completed)
            let other = try await MySQLConnection.connect(service.database)
            try await other.begin()
            _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(history.id) FOR UPDATE")
            let webhook = Task { try await service.post(TestWebhook(.trainingStarted, of: history, sequence: 1)) }
            let wish = Task {
                try await service.api(
                    "PATCH", "\(scene.wishlist.path)/update-training-status", token: scene.token,
                    body: #"{"training_status": "requested"}"#)
            }
            try await Task.sleep(for: .seconds(1))
            // `training` since before the wish is made.
            try await service.execute(
                "UPDATE wishlist_to_groups SET training_status = 2 WHERE id = \(history.wishlistID)")
            await other.close()
            #expect(try await webhook.value.outcome == "applied")
            #expect(try await wish.value.status == 400)
            let stored = try await service.number(
                "SELECT training_status FROM wishlist_to_groups WHERE id = \(history.wishlistID)")
            #expect(stored == 2)
        }
    }

    /// Judged by a completed dataset that is the latest; it is neither when the row is free.
    @Test(arguments: [true, false]) func aDatasetThatIsNoLongerReadyIsNotTrained(isOvertaken: Bool) async throws {
        try await ServiceUnderTest.with(registered: false) { service in
            let scene = try await service.scene()
            let history = try await service.history(of: scene.wishlist, status: .completed)
            let other = try await MySQLConnection.connect(service.database)
            try await other.begin()
            _ = try await other.query("SELECT id FROM wishlist_dataset_histories WHERE id = \(history.id) FOR UPDATE")
            let wish = Task {
                try await service.api(
                    "PATCH", "\(scene.wishlist.path)/update-training-status", token: scene.token,
                    body: #"{"training_status": "requested"}"#)
            }
            try await Task.sleep(for: .seconds(1))
            if isOvertaken {
                _ = try await service.history(of: scene.wishlist, status: .processing)
            } else {
                try await other.execute("UPDATE wishlist_dataset_histories SET status = 4 WHERE id = \(history.id)")
            }
            try await other.commit()
            await other.close()
            let answer = try await wish.value
            #expect(answer.status == 409 && answer.code == "dataset_not_ready")
            #expect(try await service.stored(history.id)?.revision == 0)
        }
    }
}
