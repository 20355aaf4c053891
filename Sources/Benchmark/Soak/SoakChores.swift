import Foundation
import Glibc
import Synchronization

/// What happens beside the load: people who create datasets and read pages, clients that give up half-way, webhooks that are
/// too large, a Pusher server that fails. Each loop blocks its thread.
struct SoakChores: Sendable {
    let port: UInt16
    let sandboxPort: UInt16
    let isOver: @Sendable () -> Bool
    let note: @Sendable (_ what: String, _ status: Int) -> Void

    /// A dataset a second, each way that the TV Python API may answer.
    func create() {
        let faults = [
            "[]", "[]", #"["503"]"#, #"["429"]"#, #"["accept_then_504"]"#, #"["400"]"#, "[]", #"["503","503"]"#,
        ]
        let outcomes = ["completed", "completed", "completed", "failed", "canceled"]
        var index = 0
        while !isOver() {
            let body = """
                {"create_faults":\(faults[index % faults.count]),"outcome":"\(outcomes[index % outcomes.count])",\
                "webhook_before_create_returns":\(index % 7 == 0),"training":\(index % 3 == 0),"seed":\(index + 1)}
                """
            _ = call(sandboxPort, "POST", "/sandbox/tv/scenario", body)
            let path = "/api/v1/wishlist-to-group/\(SoakDatabase.createdSlug(index))"
            note("create", call(port, "POST", "\(path)/createAnalysis", "{}"))
            index += 1
            sleep(1)
        }
    }

    /// Several pages a second, and what nobody should send.
    func read() {
        var index = 0
        while !isOver() {
            let slug = index % 2 == 0 ? "soak-\(index % SoakDatabase.slots + 1)" : SoakDatabase.createdSlug(index)
            let list = "/api/v1/wishlist-to-group/\(slug)/histories"
            for query in ["?cursor=", "?per_page=50&sort=-updated_at", "?status=completed&page=2", "?nonsense=1"] {
                note("page", call(port, "GET", list + query))
            }
            note("page", call(port, "GET", "/health/ready"))
            giveUpHalfWay()
            if index % 5 == 0 {
                note("oversize", call(port, "POST", "/webhooks/tv-python", String(repeating: "x", count: 300_000)))
            }
            index += 1
            usleep(200_000)
        }
    }

    /// A fault of Pusher's every few seconds; none for good, so that all is delivered.
    func disturbPusher() {
        let faults = [
            #"{"count":3,"status":500}"#, #"{"count":1,"status":429,"retry_after":1}"#, #"{"count":100,"delay":0.7}"#,
            #"{"count":4,"status":503}"#, #"{"count":2,"hang":true}"#, #"{"count":1,"status":401}"#,
        ]
        var index = 0
        while !isOver() {
            _ = call(sandboxPort, "POST", "/sandbox/pusher/faults", faults[index % faults.count])
            index += 1
            for _ in 0..<15 where !isOver() { sleep(1) }
        }
        _ = call(sandboxPort, "POST", "/sandbox/pusher/faults", #"{"count":0}"#)
    }

    private func giveUpHalfWay() {
        guard let descriptor = try? Sockets.connect(port: port) else { return }
        Sockets.send("POST /webhooks/tv-python HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", descriptor)
        close(descriptor)
    }

    /// The status; 0: no answer.
    private func call(_ port: UInt16, _ method: String, _ target: String, _ body: String = "") -> Int {
        let request = """
            \(method) \(target) HTTP/1.1\r\nHost: integrator\r\nAuthorization: Bearer \(SoakDatabase.token)\r\n\
            Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
            """
        guard let caller = try? HTTPCaller(port: port) else { return 0 }
        return (try? caller.call(Array(request.utf8)))?.status ?? 0
    }
}
