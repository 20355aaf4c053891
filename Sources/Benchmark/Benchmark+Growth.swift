import Signatures

extension Benchmark {
    /// The cost of a webhook and of a page of histories as the tables grow.
    mutating func measureGrowth() async throws {
        let sizes =
            options.isFull
            ? [(1_000, 0), (100_000, 0), (1_000_000, 0), (1_000_000, 5_000_000)] : [(1_000, 0), (100_000, 300_000)]
        for (histories, events) in sizes {
            Report.heading("Growth: \(Double(histories).whole) histories, \(Double(events).whole) events in the log")
            Progress.show("filling the tables")
            let datasets = try await database.fill(histories: histories, active: Self.active, events: events)
            try await database.settle()
            parties.pusher.answer(after: .milliseconds(50))
            var source = WebhookSource(datasets: datasets, secret: secret)
            try await withIntegrator { integrator in
                if options.parts.contains(.growth) {
                    Self.loadHeading()
                    try await measure("256", connections: 256, integrator, &source)
                }
                if options.parts.contains(.pages) { try measurePages() }
            }
        }
    }

    /// One page of histories: the first, and one deep inside.
    private func measurePages() throws {
        let path = "/api/v1/wishlist-to-group/\(BenchmarkDatabase.slug)/histories"
        let caller = try HTTPCaller(port: port)
        let first = try caller.get("\(path)?cursor=", token: BenchmarkDatabase.token)
        guard first.status == 200 else { return Report.line("pages of histories: status \(first.status)") }
        var pages = [("first page by cursor", "?cursor="), ("first page by number", "")]
        // Sorted by id, descending: what comes before a low id is as deep as it gets.
        let deep = Digest.base64(Array(#"{"id":200,"_pointsToNextItems":true}"#.utf8)).filter { $0 != "=" }
        pages.append(("deep page by cursor", "?cursor=\(deep)"))
        for (name, query) in pages {
            var latencies = Latencies()
            for _ in 0..<100 {
                let start = Clock.now()
                let answer = try caller.get(path + query, token: BenchmarkDatabase.token)
                guard answer.status == 200 else { throw BenchmarkError("\(name): status \(answer.status)") }
                latencies.add(nanoseconds: Clock.now() - start)
            }
            let milliseconds = latencies.milliseconds([0.5, 0.99])
            Report.line("\(name): p50 \(milliseconds[0].fixed(2)) ms, p99 \(milliseconds[1].fixed(2)) ms")
        }
    }
}
