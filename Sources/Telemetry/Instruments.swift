import Synchronization

/// A count of events. Incrementing is one atomic addition.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    /// Adds to the count, from any thread.
    public func increment(by amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The count so far.
    public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(Double(0).bitPattern)

    /// Replaces the number, from any thread.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Adds to the number, from any thread.
    public func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }

    /// The number now.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// A distribution over fixed buckets.
public final class Histogram: Sendable {
    let bounds: [Double]
    /// How many values fell into each bucket alone; the last is that without bound.
    let buckets: [Counter]
    let sum = Gauge()

    /// Bounds in seconds for what takes from under a millisecond to ten seconds.
    public static let latencies = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<) && bounds.allSatisfy(\.isFinite))
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    /// Counts a value, from any thread.
    public func observe(_ value: Double) {
        buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].increment()
        sum.add(value)
    }

    /// Counts a time, in seconds.
    public func observe(_ duration: Duration) {
        observe(duration / .seconds(1))
    }

    /// The value that such a share of all values does not exceed, estimated within its bucket as Prometheus does; of the
    /// bucket without bound the lower one. nil: there is no value yet.
    public func quantile(_ share: Double) -> Double? {
        let counts = buckets.map { Double($0.value) }
        let total = counts.reduce(0, +)
        guard total > 0, let last = bounds.last else { return nil }
        var below = 0.0
        for (index, bound) in bounds.enumerated() {
            if counts[index] > 0, below + counts[index] >= share * total {
                let start = index == 0 ? 0 : bounds[index - 1]
                return start + (bound - start) * max(0, share * total - below) / counts[index]
            }
            below += counts[index]
        }
        return last
    }
}
