/// Exponential backoff with full jitter: a random delay between nothing and `base * 2^(attempt - 1)`, capped.
package struct Backoff: Sendable {
    package var base: Duration
    package var cap: Duration

    package init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The delay before another try.
    /// - Parameter attempt: how many have failed, from 1.
    package func delay(
        afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let ceiling = min(base * (1 << min(max(attempt, 1) - 1, 30)), cap)
        return ceiling * Double.random(in: 0...1, using: &generator)
    }

    /// The same, with the system's random numbers.
    package func delay(afterAttempt attempt: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterAttempt: attempt, using: &generator)
    }
}
