import Glibc

/// Clocks.
enum Clock {
    /// Nanoseconds of the monotonic clock.
    static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Seconds of CPU time of the calling thread.
    static func threadCPU() -> Double { Double(read(CLOCK_THREAD_CPUTIME_ID)) / 1e9 }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// How long things took.
struct Latencies: Sendable {
    private var microseconds: [UInt32] = []

    mutating func reserve(_ count: Int) { microseconds.reserveCapacity(count) }

    mutating func add(nanoseconds: UInt64) {
        microseconds.append(UInt32(truncatingIfNeeded: min(nanoseconds / 1000, UInt64(UInt32.max))))
    }

    mutating func add(_ other: Latencies) { microseconds += other.microseconds }

    /// Milliseconds below which this part of them is, for each part.
    func milliseconds(_ parts: [Double]) -> [Double] {
        let sorted = microseconds.sorted()
        guard let last = sorted.last else { return parts.map { _ in .nan } }
        return parts.map { part in
            let index = Int(Double(sorted.count) * part)
            return Double(index < sorted.count ? sorted[index] : last) / 1000
        }
    }
}

/// What a process has used, by `/proc`.
struct ProcessUsage: Sendable {
    var cpuSeconds = 0.0
    var residentMiB = 0.0

    init(of pid: Int32) {
        // After the name in parentheses, which may hold anything: fields 3, 4, ...; 14 and 15 are the times.
        if let stat = Self.text("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") {
            let fields = stat[end...].split(separator: " ")
            if fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) {
                cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
            }
        }
        let lines = Self.text("/proc/\(pid)/status")?.split(separator: "\n") ?? []
        if let line = lines.first(where: { $0.hasPrefix("VmRSS:") }) {
            residentMiB =
                Double(line.split(separator: " ").dropFirst().first.map(String.init) ?? "").map { $0 / 1024 } ?? 0
        }
    }

    private static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
