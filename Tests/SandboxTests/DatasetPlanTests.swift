import JSON
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct DatasetPlanTests {
    func scenario(_ change: (inout Scenario) -> Void = { _ in }) -> Scenario {
        var scenario = Scenario()
        change(&scenario)
        return scenario
    }

    @Test func aLifeToCompletion() {
        let plan = DatasetPlan(
            scenario {
                $0.steps = 5; $0.training = true
            })
        #expect(
            plan.events.map(\.type) == ["dataset.queued", "dataset.started"]
                + Array(repeating: "dataset.progress", count: 5)
                + ["dataset.completed", "training.started", "training.completed"])
        #expect(
            plan.events.filter { $0.type == "dataset.progress" }.map(\.stage)
                == ["fetching", "cleaning", "embedding", "training", "evaluating"])
        #expect(plan.events.compactMap(\.progress) == [0, 16, 33, 50, 66, 83, 100])
        #expect(plan.deliveries == plan.events.indices.map { [$0] }, "everything once, in order")
    }

    @Test(arguments: [
        (Scenario.Outcome.failed, "dataset.failed"), (.canceled, "dataset.canceled"), (.silent, "dataset.progress"),
    ])
    func lifesThatEndHalfWay(outcome: Scenario.Outcome, last: String) {
        let plan = DatasetPlan(
            scenario {
                $0.steps = 4; $0.outcome = outcome; $0.training = true
            })
        #expect(plan.events.count { $0.type == "dataset.progress" } == 2)
        #expect(plan.events.last?.type == last)
    }

    @Test func noSteps() {
        #expect(DatasetPlan(scenario { $0.steps = 0 }).events.count == 3)
    }

    @Test func allDuplicated() {
        #expect(
            DatasetPlan(
                scenario {
                    $0.steps = 1; $0.duplicate = 1
                }
            ).deliveries == [[0, 0], [1, 1], [2, 2], [3, 3]])
    }

    @Test func allLost() {
        #expect(
            DatasetPlan(
                scenario {
                    $0.steps = 1; $0.lose = 1
                }
            ).deliveries == [[], [], [], []])
    }

    @Test func allReordered() {
        #expect(
            DatasetPlan(
                scenario {
                    $0.steps = 1; $0.reorder = 1
                }
            ).deliveries == [[], [0], [1], [3, 2]])
    }

    @Test func allLate() {
        #expect(
            DatasetPlan(
                scenario {
                    $0.steps = 2; $0.late = 1
                }
            ).deliveries == [[], [], [], [0], [4, 1, 2, 3]])
    }

    @Test func theSameSeedMakesTheSameFaults() {
        let faulty = scenario {
            $0.steps = 100; $0.duplicate = 0.3; $0.lose = 0.2; $0.late = 0.1; $0.reorder = 0.1
        }
        #expect(DatasetPlan(faulty) == DatasetPlan(faulty))
        var other = faulty
        other.seed = 2
        #expect(DatasetPlan(faulty) != DatasetPlan(other))
        let sent = Set(DatasetPlan(faulty).deliveries.joined()).count
        #expect((65...95).contains(sent), "about 80 of 103: \(sent)")
    }

    /// The first outputs of the reference implementation for seed 1234567.
    @Test func splitMixVector() {
        var random = SplitMix64(state: 1_234_567)
        #expect([random.next(), random.next()] == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973])
    }
}

@Suite(.timeLimit(.minutes(10))) struct ScenarioTests {
    @Test func theJSONIsTakenBack() throws {
        var scenario = Scenario()
        scenario.seed = 3
        scenario.stepDelay = 0.5
        scenario.steps = 2
        scenario.outcome = .failed
        scenario.training = true
        scenario.duplicate = 0.1
        scenario.reorder = 0.2
        scenario.lose = 0.3
        scenario.late = 0.4
        scenario.concurrent = true
        scenario.retryScale = 0.01
        scenario.webhookBeforeCreateReturns = true
        scenario.referenceMissing = true
        scenario.createDelay = 1.5
        scenario.createFaults = [.status(503), .hang, .acceptThenHang, .acceptThenStatus(504)]
        var read = Scenario()
        try read.apply(JSONDocument(parsing: scenario.json).root)
        #expect(read == scenario)
    }

    @Test(arguments: [
        #"{"stepps":1}"#, #"{"steps":-1}"#, #"{"steps":1.5}"#, #"{"outcome":"done"}"#, #"{"duplicate":1.1}"#,
        #"{"training":"yes"}"#, #"{"create_faults":["200"]}"#, #"{"create_faults":"503"}"#, #"{"seed":-1}"#, "[]",
    ])
    func nonsenseIsRefused(json: String) throws {
        let document = try JSONDocument(parsing: Array(json.utf8))
        #expect(throws: SandboxError.self) {
            var scenario = Scenario()
            try scenario.apply(document.root)
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct RetryScheduleTests {
    @Test(arguments: [200, 202, 299]) func successes(status: Int) {
        #expect(RetrySchedule().decide(attempt: 1, status: status, retryAfter: nil) == .delivered)
    }

    @Test(arguments: [nil, 301, 400, 401, 404, 422, 429, 500, 503]) func failures(status: Int?) {
        #expect(RetrySchedule().decide(attempt: 1, status: status, retryAfter: nil) == .retry(after: .seconds(5)))
    }

    @Test func goneDisables() {
        #expect(RetrySchedule().decide(attempt: 1, status: 410, retryAfter: nil) == .disable)
    }

    @Test func waitsGrowAndEnd() {
        let schedule = RetrySchedule(scale: 0.001)
        #expect(schedule.decide(attempt: 2, status: 500, retryAfter: nil) == .retry(after: .milliseconds(300)))
        #expect(schedule.decide(attempt: 9, status: 500, retryAfter: nil) == .retry(after: .milliseconds(86_400)))
        #expect(schedule.decide(attempt: 10, status: 500, retryAfter: nil) == .giveUp)
    }

    @Test func retryAfterIsHonoured() {
        let schedule = RetrySchedule(scale: 0)
        #expect(schedule.decide(attempt: 1, status: 503, retryAfter: 7) == .retry(after: .seconds(7)))
        #expect(RetrySchedule().decide(attempt: 1, status: 503, retryAfter: 2) == .retry(after: .seconds(5)))
    }
}
