import Glibc
import Telemetry

/// The process itself, under the names that Prometheus' client libraries give these figures; read from `/proc/self`.
enum ProcessFigures {
    static func add(to metrics: Metrics) {
        metrics.gauge("process_resident_memory_bytes", help: "Resident memory size in bytes.") {
            memory(field: 1)
        }
        metrics.gauge("process_virtual_memory_bytes", help: "Virtual memory size in bytes.") {
            memory(field: 0)
        }
        metrics.gauge("process_open_fds", help: "Number of open file descriptors.", read: openDescriptors)
        metrics.gauge("process_max_fds", help: "Maximum number of open file descriptors.") {
            Double(OpenFiles.limit)
        }
        metrics.gauge("process_threads", help: "Number of threads.") { statistic(17) }
        metrics.counter("process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds.") {
            (statistic(11) + statistic(12)) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
        let start = startTime()
        metrics.gauge(
            "process_start_time_seconds", help: "Start time of the process since the Unix epoch in seconds."
        ) { start }
    }

    /// A field of `/proc/self/statm`, in bytes.
    private static func memory(field: Int) -> Double {
        let fields = text("/proc/self/statm").split(separator: " ")
        return field < fields.count ? (Double(fields[field]) ?? .nan) * Double(sysconf(Int32(_SC_PAGESIZE))) : .nan
    }

    /// A field of `/proc/self/stat`, counted from the one after the program's name and parentheses, which is 0.
    private static func statistic(_ field: Int) -> Double {
        let text = text("/proc/self/stat")
        guard let end = text.lastIndex(of: ")") else { return .nan }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return field < fields.count ? Double(fields[field]) ?? .nan : .nan
    }

    private static func openDescriptors() -> Double {
        guard let folder = opendir("/proc/self/fd") else { return .nan }
        defer { closedir(folder) }
        // Not `.`, not `..`, not the one that reads.
        var count = -3
        while readdir(folder) != nil { count += 1 }
        return Double(count)
    }

    /// From what the kernel notes of the process, in ticks since the machine was started.
    private static func startTime() -> Double {
        let age = seconds(CLOCK_BOOTTIME) - statistic(19) / Double(sysconf(Int32(_SC_CLK_TCK)))
        return seconds(CLOCK_REALTIME) - age
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func text(_ path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The limit of open descriptors (RLIMIT_NOFILE).
enum OpenFiles {
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    static var limit: UInt64 {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? UInt64(limit.rlim_cur) : 0
    }

    /// Raises it to what the process may have: a connection each takes one, and the usual limit is 1,024.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }
}
