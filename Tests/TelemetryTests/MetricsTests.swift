import Telemetry
import Testing

@Suite(.timeLimit(.minutes(10))) struct MetricsTests {
    @Test func rendersTheTextFormat() {
        let metrics = Metrics()
        metrics.counter("webhooks_total", help: "Webhooks by outcome.", labels: ["outcome": "stale"]).increment()
        metrics.counter("webhooks_total", help: "Webhooks by outcome.", labels: ["outcome": "applied"]).increment(
            by: 41)
        metrics.gauge("pool_connections", help: "Open connections.").set(2.5)
        metrics.gauge("up", help: "Whether it runs.") { 1 }
        let histogram = metrics.histogram(
            "wait_seconds", help: "Time waited.", buckets: [0.1, 1], labels: ["for": "lock"])
        for value in [0.0625, 0.1, 0.5, 5] { histogram.observe(value) }
        histogram.observe(.milliseconds(500))
        #expect(
            metrics.render() == """
                # HELP pool_connections Open connections.
                # TYPE pool_connections gauge
                pool_connections 2.5
                # HELP up Whether it runs.
                # TYPE up gauge
                up 1
                # HELP wait_seconds Time waited.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{for="lock",le="0.1"} 2
                wait_seconds_bucket{for="lock",le="1"} 4
                wait_seconds_bucket{for="lock",le="+Inf"} 5
                wait_seconds_sum{for="lock"} 6.1625
                wait_seconds_count{for="lock"} 5
                # HELP webhooks_total Webhooks by outcome.
                # TYPE webhooks_total counter
                webhooks_total{outcome="applied"} 41
                webhooks_total{outcome="stale"} 1

                """)
    }

    @Test func escapesHelpAndLabels() {
        let metrics = Metrics()
        metrics.gauge("g", help: "a\\b\n\"c\"", labels: ["a": "\\\"\n", "b": "é"]).set(1)
        #expect(metrics.render() == #"# HELP g a\\b\n"c""# + "\n# TYPE g gauge\n" + #"g{a="\\\"\n",b="é"} 1"# + "\n")
    }

    @Test(
        arguments: [
            (0, "0"), (-1, "-1"), (0.1, "0.1"), (1e18, "1000000000000000000"), (1e300, "1e+300"), (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"),
        ] as [(Double, String)])
    func writesNumbers(_ value: Double, _ text: String) {
        let metrics = Metrics()
        metrics.gauge("g", help: "h") { value }
        #expect(metrics.render().hasSuffix("\ng \(text)\n"))
    }

    @Test func givesTheSameHandleAgain() {
        let metrics = Metrics()
        let labels: KeyValuePairs = ["a": "1", "b": "2"]
        #expect(
            metrics.counter("c", help: "h", labels: labels) === metrics.counter("c", help: "h", labels: labels))
        #expect(
            metrics.counter("c", help: "h", labels: labels)
                !== metrics.counter("c", help: "h", labels: ["a": "1", "b": "3"]))
        #expect(metrics.gauge("g", help: "h") === metrics.gauge("g", help: "h"))
        #expect(metrics.histogram("h", help: "h") === metrics.histogram("h", help: "h"))
    }

    @Test func countsFromManyThreads() async {
        let metrics = Metrics()
        let counter = metrics.counter("c", help: "h")
        let gauge = metrics.gauge("g", help: "h")
        let histogram = metrics.histogram("h", help: "h", buckets: [1])
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.increment()
                        gauge.add(0.5)
                        gauge.add(-0.25)
                        histogram.observe(1)
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(gauge.value == 10_000)
        #expect(metrics.render().contains("h_bucket{le=\"1\"} 40000\nh_bucket{le=\"+Inf\"} 40000\nh_sum 40000\n"))
    }

    @Test func trapsOnWhatCannotBe() async {
        await #expect(processExitsWith: .failure) { _ = Metrics().counter("a-b", help: "h") }
        await #expect(processExitsWith: .failure) { _ = Metrics().counter("a", help: "h", labels: ["1": ""]) }
        await #expect(processExitsWith: .failure) { _ = Metrics().histogram("a", help: "h", labels: ["le": ""]) }
        await #expect(processExitsWith: .failure) {
            let metrics = Metrics()
            _ = metrics.counter("a", help: "h")
            _ = metrics.gauge("a", help: "h")
        }
        await #expect(processExitsWith: .failure) {
            let metrics = Metrics()
            metrics.gauge("a", help: "h") { 1 }
            metrics.gauge("a", help: "h") { 2 }
        }
    }
}
