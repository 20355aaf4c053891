import HTTPServer
import JSON
import Synchronization

extension SandboxTV {
    private enum Decision {
        case answer(HTTPResponse)
        case hang
        /// The dataset's life begins and will answer.
        case begin(Dataset, answer: Scenario.CreateFault?)
        /// The first request with this key is still being worked on, and will answer this one too.
        case wait
    }

    /// `POST /dataset/create`.
    func create(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let key = request.headers["Idempotency-Key"], (1...255).contains(key.utf8.count) else {
            return responder.respond(.message(400, "Idempotency-Key is required."))
        }
        let decision = state.withLock { decide(key, request.body, responder, &$0) }
        switch decision {
        case .answer(let response): responder.respond(response)
        case .hang: state.withLock { $0.hanging.append(responder) }
        case .begin(let dataset, .acceptThenStatus(let status)):
            responder.respond(Self.failure(status))
            spawn { await self.live(dataset, key: key) }
        case .begin(let dataset, .acceptThenHang):
            state.withLock { $0.hanging.append(responder) }
            spawn { await self.live(dataset, key: key) }
        case .begin(let dataset, _):
            state.withLock { $0.creates[key]?.waiting.append(responder) }
            spawn { await self.live(dataset, key: key) }
        case .wait: break
        }
    }

    private func decide(
        _ key: String, _ body: [UInt8], _ responder: HTTPResponder, _ state: inout State
    ) -> Decision {
        state.createRequests += 1
        if let create = state.creates[key] {
            guard create.body == body else {
                return .answer(.message(422, "Idempotency-Key was used with another body."))
            }
            if let response = create.response { return .answer(response) }
            state.creates[key]?.waiting.append(responder)
            return .wait
        }
        let fault = state.createFaults.isEmpty ? nil : state.createFaults.removeFirst()
        switch fault {
        case .status(let status): return .answer(Self.failure(status))
        case .hang: return .hang
        default: break
        }
        do throws(SandboxError) {
            let request = try CreateRequest(body)
            guard state.callbacks[request.callback] != nil else {
                throw SandboxError("The callback \(request.callback) is not registered.")
            }
            let dataset = Dataset(
                id: state.nextDatasetID, request: request, scenario: state.oneOff ?? state.scenario)
            state.oneOff = nil
            state.nextDatasetID += 1
            state.datasets[dataset.id] = dataset
            state.creates[key] = Create(body: body)
            return .begin(dataset, answer: fault)
        } catch {
            return .answer(.message(422, error.description))
        }
    }

    private static func failure(_ status: Int) -> HTTPResponse {
        var response = HTTPResponse.message(status, "A fault of the scenario.")
        if status == 429 || status == 503 { response.headers.append(("Retry-After", "1")) }
        return response
    }

    // MARK: A dataset's life

    private func live(_ dataset: Dataset, key: String) async {
        let scenario = dataset.scenario
        let plan = DatasetPlan(scenario)
        var first: [WebhookSender.Result?] = []
        if scenario.webhookBeforeCreateReturns {
            happen(plan.events[0], dataset)
            for webhook in webhooks(plan.deliveries[0], of: dataset) {
                first.append(await send(webhook, number: 1, of: dataset))
            }
        }
        await pause(scenario.createDelay)
        answerCreate(key, dataset)
        for (index, event) in plan.events.enumerated() where !Task.isCancelled {
            let hasHappened = index == 0 && scenario.webhookBeforeCreateReturns
            if !hasHappened {
                await pause(scenario.stepDelay)
                happen(event, dataset)
            }
            for (position, webhook) in webhooks(plan.deliveries[index], of: dataset).enumerated() {
                let attempt = hasHappened ? first[position] : nil
                if scenario.concurrent {
                    spawn { await self.deliver(webhook, of: dataset, first: attempt) }
                } else {
                    await deliver(webhook, of: dataset, first: attempt)
                }
            }
        }
        state.withLock { $0.datasets[dataset.id]?.isOver = true }
        log("dataset  \(dataset.id) is over: \(scenario.outcome.rawValue)")
        finished.append(dataset.id)
    }

    private func happen(_ event: DatasetPlan.Event, _ dataset: Dataset) {
        state.withLock { state in
            let sequence = (state.datasets[dataset.id]?.webhooks.count ?? 0) + 1
            state.datasets[dataset.id]?.webhooks.append(Webhook(event, sequence: sequence, dataset: dataset))
        }
    }

    private func webhooks(_ indices: [Int], of dataset: Dataset) -> [Webhook] {
        let webhooks = state.withLock { $0.datasets[dataset.id]?.webhooks ?? [] }
        return indices.map { webhooks[$0] }
    }

    private func answerCreate(_ key: String, _ dataset: Dataset) {
        let response = HTTPResponse.json(201) {
            $0.field("dataset_id", dataset.id)
            $0.field("status", "queued")
        }
        let waiting = state.withLock { state in
            state.creates[key]?.response = response
            defer { state.creates[key]?.waiting = [] }
            return state.creates[key]?.waiting ?? []
        }
        log("create   \(dataset.request.name.debugDescription) accepted as dataset \(dataset.id)")
        for responder in waiting { responder.respond(response) }
    }

    private func pause(_ seconds: Double) async {
        if seconds > 0 { try? await Task.sleep(for: .seconds(seconds)) }
    }
}
