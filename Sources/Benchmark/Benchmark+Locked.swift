import MySQL

extension Benchmark {
    /// The neighbours of a row that somebody else has locked.
    func measureLocked() async throws {
        Report.heading("Over HTTP, while another session holds the row of one dataset, whose webhook waits meanwhile")
        Self.loadHeading()
        parties.pusher.answer(after: .milliseconds(50))
        let datasets = try await database.fill(histories: Self.active, active: Self.active)
        var held = WebhookSource(datasets: [datasets[0]], secret: secret)
        var source = WebhookSource(datasets: Array(datasets.dropFirst()), secret: secret)
        try await withIntegrator { integrator in
            try await measure("64, free", connections: 64, integrator, &source)
            let webhook = held.make(1, now: Self.seconds())
            let session = try await database.connect()
            try await session.begin()
            _ = try await session.query(
                "SELECT id FROM wishlist_dataset_histories WHERE id = \(datasets[0].historyID) FOR UPDATE")
            let answer = Task { [port] in
                try await Self.onThread { try HTTPCaller(port: port).call(webhook.bytes).status }
            }
            try await measure("64, held", connections: 64, integrator, &source)
            await session.close()
            Report.line("the webhook of the locked row, once it was free: status \(try await answer.value)")
        }
    }
}
