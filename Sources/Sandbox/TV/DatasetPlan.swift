import JSON

/// The course of a dataset: what happens at each step, and which webhooks are delivered then.
///
/// A pure function of the scenario, faults included.
struct DatasetPlan: Sendable, Equatable {
    /// A webhook to be, without its times and ids.
    struct Event: Sendable, Equatable {
        let type: String
        var progress: Int?
        var stage: String?
        var message: String?
    }

    /// Happenings in order; their sequence numbers are 1, 2, 3, ...
    let events: [Event]
    /// `deliveries[i]`: indices into `events`, delivered in this order when event `i` has happened.
    let deliveries: [[Int]]

    init(_ scenario: Scenario) {
        let events = Self.events(scenario)
        var random = SplitMix64(state: scenario.seed)
        var deliveries = Array(repeating: [Int](), count: events.count)
        var postponed = Array(repeating: [Int](), count: events.count)
        for index in events.indices {
            // All are drawn for each webhook, so that one probability does not shift the choices of the others.
            let lost = random.chance(scenario.lose)
            let late = random.chance(scenario.late)
            let reordered = random.chance(scenario.reorder)
            let copies = random.chance(scenario.duplicate) ? 2 : 1
            if lost { continue }
            let at = min(index + (late ? 3 : reordered ? 1 : 0), events.count - 1)
            let webhooks = Array(repeating: index, count: copies)
            if at == index { deliveries[at] += webhooks } else { postponed[at] += webhooks }
        }
        for index in events.indices { deliveries[index] += postponed[index] }
        self.events = events
        self.deliveries = deliveries
    }

    private static let stages = [
        ("fetching", "Fetching products"), ("cleaning", "Cleaning product data"), ("embedding", "Embedding products"),
        ("training", "Training the model"), ("evaluating", "Evaluating the model"),
    ]

    private static func events(_ scenario: Scenario) -> [Event] {
        let steps = scenario.steps
        let done = scenario.outcome == .completed ? steps : steps / 2
        var events = [
            Event(type: "dataset.queued", message: "Waiting for a worker"),
            Event(type: "dataset.started", progress: 0, message: "Started"),
        ]
        for step in 0..<done {
            let (stage, message) = stages[step * stages.count / steps]
            events.append(
                Event(
                    type: "dataset.progress", progress: (step + 1) * 100 / (steps + 1), stage: stage, message: message))
        }
        switch scenario.outcome {
        case .completed: events.append(Event(type: "dataset.completed", progress: 100, message: "Completed"))
        case .failed: events.append(Event(type: "dataset.failed"))
        case .canceled: events.append(Event(type: "dataset.canceled", message: "Canceled by an operator"))
        case .silent: return events
        }
        if scenario.outcome == .completed, scenario.training {
            events.append(Event(type: "training.started"))
            events.append(Event(type: "training.completed"))
        }
        return events
    }
}
