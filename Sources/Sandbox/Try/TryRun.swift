import HTTPClient
import JSON

/// Creates a dataset as a web client would, watches it to its end, and compares what all parties say of it.
struct TryRun: Sendable {
    struct Options: Sendable {
        var url: String
        var token: String
        var wishlist: String
        var pusherHost: String
        var pusherPort: UInt16
        var pusherKey: String
        var sandboxURL: String?
        var timeLimit: Duration = .seconds(120)
        /// Counters follow what they count: how long they get to agree.
        var settlingTime: Duration = .seconds(5)
        /// Ignores one event, to prove that the comparison notices.
        var dropsOne = false
    }

    let options: Options
    let print: @Sendable (String) -> Void
    private static let finals: Set = ["dataset.completed", "dataset.failed", "dataset.canceled", "dataset.stalled"]

    /// Throws what went wrong; returns when the dataset is complete and all agree.
    func run() async throws(SandboxError) {
        let http = HTTPClient(maximumConnectionsPerHost: 4, maximumResponseBytes: 16 << 20, caFile: nil)
        do throws(SandboxError) {
            try await run(http)
            await http.shutdown()
        } catch {
            await http.shutdown()
            throw error
        }
    }

    private func run(_ http: HTTPClient) async throws(SandboxError) {
        let integrator = IntegratorClient(url: options.url, token: options.token, http: http)
        let before = try await integrator.metrics()
        let subscriber = try await ChannelSubscriber(
            host: options.pusherHost, port: options.pusherPort, key: options.pusherKey,
            channel: "private-wishlist-to-group.\(options.wishlist)"
        ) { socketID, channel throws(SandboxError) in
            try await integrator.authorize(socketID: socketID, channel: channel)
        }
        print("subscribed to \(subscriber.channel) as socket \(subscriber.socketID)")
        let limit = Task {
            try await Task.sleep(for: options.timeLimit)
            await subscriber.close()
        }
        defer { limit.cancel() }
        do throws(SandboxError) {
            let history = try await integrator.create(wishlist: options.wishlist)
            guard let id = history["id"]?.int else { throw SandboxError("the new history has no id") }
            print("created history \(id)")
            let (revisions, last) = try await watch(subscriber, history: id)
            await subscriber.close()
            let document = try await integrator.history(wishlist: options.wishlist, id: id)
            print(String(decoding: document.root.raw, as: UTF8.self))
            try await compare(
                integrator, since: before, received: revisions, endsFinal: Self.finals.contains(last),
                datasetID: document.root["data"]?["dataset_id"]?.int)
            if last != "dataset.completed" { throw SandboxError("the dataset ended with \(last)") }
        } catch {
            await subscriber.close()
            throw error
        }
    }

    /// Prints events until a final one; their revisions, and the name of the last.
    private func watch(
        _ subscriber: ChannelSubscriber, history id: Int64
    ) async throws(SandboxError) -> ([Int64], String) {
        let start = ContinuousClock.now
        var revisions: [Int64] = []
        var toDrop = options.dropsOne ? 1 : 0
        while true {
            let event = try await subscriber.next()
            guard event.data["id"]?.int == id, let revision = event.data["revision"]?.int else { continue }
            print(line(event, after: ContinuousClock.now - start))
            if toDrop > 0 {
                toDrop -= 1
                print("(that one is dropped on purpose)")
            } else {
                revisions.append(revision)
            }
            if Self.finals.contains(event.name) { return (revisions, event.name) }
        }
    }

    private func line(_ event: ChannelSubscriber.Event, after duration: Duration) -> String {
        func text(_ name: String) -> String {
            guard let value = event.data[name], value.kind != .null else { return "-" }
            return value.string ?? String(decoding: value.raw, as: UTF8.self)
        }
        let seconds = Double(Int(duration / .milliseconds(10))) / 100
        return "\(seconds) s  \(event.name)  revision \(text("revision"))  \(text("status_label"))  "
            + "\(text("progress"))%  \(text("message"))"
    }

    /// Prints the numbers; throws if they do not agree in time.
    private func compare(
        _ integrator: IntegratorClient, since before: PrometheusText, received: [Int64], endsFinal: Bool,
        datasetID: Int64?
    ) async throws(SandboxError) {
        let deadline = ContinuousClock.now + options.settlingTime
        while true {
            let metrics = try await integrator.metrics()
            func difference(_ name: String, _ outcome: String) -> Int {
                metrics.sum(name, ["outcome": outcome]) - before.sum(name, ["outcome": outcome])
            }
            let tally = Tally(
                applied: difference("integrator_webhooks_total", "applied"),
                sent: difference("integrator_notifications_total", "sent"), received: received,
                endsFinal: endsFinal, delivered: try await delivered(integrator.http, datasetID: datasetID))
            if tally.disagreements.isEmpty || ContinuousClock.now > deadline {
                for line in tally.lines { print(line) }
                guard tally.disagreements.isEmpty else {
                    throw SandboxError(tally.disagreements.joined(separator: "; "))
                }
                return
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Webhooks of this dataset that the integrator answered with `applied` or `parked`, by the sandbox's account.
    private func delivered(_ http: HTTPClient, datasetID: Int64?) async throws(SandboxError) -> Int? {
        guard let url = options.sandboxURL else { return nil }
        let bytes = try await http.fetch("GET", "\(url)/sandbox/state", expecting: 200)
        let datasets = (try? JSONDocument(parsing: bytes))?.root["tv"]?["datasets"]?.elements ?? []
        guard let dataset = datasets.first(where: { $0["dataset_id"]?.int == datasetID }) else {
            throw SandboxError("the sandbox does not know dataset \(datasetID.map { "\($0)" } ?? "null")")
        }
        let outcomes = dataset["outcomes"]
        return Int((outcomes?["applied"]?.int ?? 0) + (outcomes?["parked"]?.int ?? 0))
    }
}
