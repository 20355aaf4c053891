import Foundation

/// A look at the service while it runs.
struct SoakSample: Sendable {
    var seconds = 0.0
    var residentMiB = 0.0
    var descriptors = 0.0
    var threads = 0.0
    var cpuSeconds = 0.0
    var acknowledged = 0
    var milliseconds: [Double] = [.nan, .nan]
    var laneWaiting = 0.0
    var notificationsWaiting = 0.0
    var owing = 0.0
    var sent = 0.0
    var overtaken = 0.0
    var databaseMiB = 0.0
    var freeMiB = 0.0

    /// Of the process, by `/proc`; of the service, by its `/metrics`; of the folder of its database.
    init(pid: Int32, port: UInt16, folder: String) {
        let usage = ProcessUsage(of: pid)
        (residentMiB, cpuSeconds) = (usage.residentMiB, usage.cpuSeconds)
        descriptors = Double((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))?.count ?? 0)
        threads = Double((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task"))?.count ?? 0)
        if let caller = try? HTTPCaller(port: port), let answer = try? caller.get("/metrics"), answer.status == 200 {
            let metrics = Self.sums(answer.body)
            laneWaiting = metrics["integrator_lane_waiting_webhooks"] ?? .nan
            notificationsWaiting = metrics["integrator_notifications_waiting"] ?? .nan
            owing = metrics["integrator_histories_owing"] ?? .nan
            sent = metrics[#"integrator_notifications_total{outcome="sent"}"#] ?? .nan
            overtaken = metrics["integrator_notifications_overtaken_total"] ?? .nan
        }
        databaseMiB = Self.size(folder) / 1_048_576
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        freeMiB = ((attributes?[.systemFreeSize] as? NSNumber)?.doubleValue ?? .nan) / 1_048_576
    }

    /// Of each name, and of each name with its labels.
    private static func sums(_ text: String) -> [String: Double] {
        var sums: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let end = line.lastIndex(of: " "), let value = Double(line[end...].dropFirst()) else { continue }
            let whole = String(line[..<end])
            sums[whole, default: 0] += value
            if let brace = whole.firstIndex(of: "{") { sums[String(whole[..<brace]), default: 0] += value }
        }
        return sums
    }

    private static func size(_ folder: String) -> Double {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return .nan }
        var size = 0.0
        while files.nextObject() != nil { size += (files.fileAttributes?[.size] as? NSNumber)?.doubleValue ?? 0 }
        return size
    }

    static let widths = [7, 11, 9, 8, 8, 8, 8, 6, 8, 11, 10, 10, 8, 8]

    static func heading() {
        Report.row(
            [
                "minute", "webhooks", "a second", "p50 ms", "p99 ms", "RSS MiB", "descr.", "thr.", "CPU s", "sent",
                "overtaken", "in memory", "owing", "DB MiB",
            ], widths: Self.widths)
    }

    func row(since before: SoakSample?) {
        let span = seconds - (before?.seconds ?? 0)
        Report.row(
            [
                (seconds / 60).fixed(1), Double(acknowledged).whole,
                (Double(acknowledged - (before?.acknowledged ?? 0)) / span).whole, milliseconds[0].fixed(1),
                milliseconds[1].fixed(1), residentMiB.fixed(1), descriptors.whole, threads.whole,
                (cpuSeconds - (before?.cpuSeconds ?? 0)).fixed(1), sent.whole, overtaken.whole,
                (notificationsWaiting + laneWaiting).whole, owing.whole, databaseMiB.whole,
            ], widths: Self.widths)
    }

    /// For a file that other programs read.
    static let names =
        "seconds,acknowledged,p50_ms,p99_ms,rss_mib,descriptors,threads,cpu_seconds,lane_waiting,"
        + "notifications_waiting,histories_owing,sent,overtaken,database_mib,free_mib"

    var line: String {
        ([seconds, Double(acknowledged)] + milliseconds + [
            residentMiB, descriptors, threads, cpuSeconds, laneWaiting, notificationsWaiting, owing, sent, overtaken,
            databaseMiB, freeMiB,
        ]).map { $0.fixed(2) }.joined(separator: ",")
    }
}
