import CCurl

/// The transfers under way and those that wait for their turn. Used by the driver's thread alone.
///
/// The limit for each host is kept here: libcurl's own leaves waiting transfers without their timeout.
final class TransferTable {
    private struct Origin {
        var active = 0
        var waiting: [TransferJob] = []
    }

    private let multi: UnsafeMutableRawPointer
    private let limits: TransferLimits
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private var handles: [UInt64: UnsafeMutableRawPointer] = [:]
    /// Easy handles to use again.
    private var free: [UnsafeMutableRawPointer] = []
    private var origins: [String: Origin] = [:]
    /// No waiting job's time is up before this.
    private var nextDeadline: ContinuousClock.Instant?

    init(multi: UnsafeMutableRawPointer, limits: TransferLimits) {
        self.multi = multi
        self.limits = limits
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(16, 2 * limits.connectionsPerHost))
    }

    func start(_ job: TransferJob) {
        let origin = origins[job.origin, default: Origin()]
        if origin.active < limits.connectionsPerHost {
            begin(job)
        } else {
            origins[job.origin]?.waiting.append(job)
            nextDeadline = min(nextDeadline ?? job.deadline, job.deadline)
        }
    }

    func cancel(_ id: UInt64) {
        if let handle = handles[id] {
            finish(handle) { _, mayHaveBeenSent in .failure(.cancelled.sent(mayHaveBeenSent)) }
        } else {
            failWaiting(.cancelled) { $0.id == id }
        }
    }

    func failAll(_ error: HTTPClientError) {
        failWaiting(error) { _ in true }
        for handle in Array(active.keys) {
            finish(handle) { _, mayHaveBeenSent in .failure(error.sent(mayHaveBeenSent)) }
        }
    }

    /// Moves all transfers on, then waits for a socket, a timeout or a wake-up.
    func perform() {
        var running: Int32 = 0
        curl_multi_perform(multi, &running)
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            if message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle {
                let code = ccurl_message_result(message)
                finish(handle) { transfer, _ in transfer.result(code, handle) }
            }
        }
        curl_multi_poll(multi, nil, 0, Int32(millisecondsToDeadline()), nil)
    }

    private func begin(_ job: TransferJob) {
        guard let handle = free.popLast() ?? curl_easy_init() else {
            return job.continuation.resume(returning: .failure(.outOfMemory))
        }
        let transfer = Transfer(job: job, limits: limits)
        let code = transfer.configure(handle)
        guard code == CURLE_OK, curl_multi_add_handle(multi, handle) == CURLM_OK else {
            job.continuation.resume(returning: .failure(transfer.failure(code, handle)))
            return recycle(handle)
        }
        active[handle] = transfer
        handles[job.id] = handle
        origins[job.origin, default: Origin()].active += 1
    }

    private func finish(
        _ handle: UnsafeMutableRawPointer,
        _ result: (Transfer, _ mayHaveBeenSent: Bool) -> Result<HTTPClientResponse, HTTPClientError>
    ) {
        guard let transfer = active.removeValue(forKey: handle) else { return }
        let job = transfer.job
        handles[job.id] = nil
        let outcome = result(transfer, transfer.mayHaveBeenSent(handle))
        curl_multi_remove_handle(multi, handle)
        recycle(handle)
        job.continuation.resume(returning: outcome)
        beginNext(of: job.origin)
    }

    /// One transfer of this origin has ended: its place goes to those that wait.
    private func beginNext(of name: String) {
        origins[name]?.active -= 1
        while let origin = origins[name], origin.active < limits.connectionsPerHost, !origin.waiting.isEmpty {
            if let job = origins[name]?.waiting.removeFirst() { begin(job) }
        }
        if let origin = origins[name], origin.active == 0, origin.waiting.isEmpty {
            origins[name] = nil
        }
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        if free.count < 32 {
            curl_easy_reset(handle)
            free.append(handle)
        } else {
            curl_easy_cleanup(handle)
        }
    }

    private func failWaiting(_ error: HTTPClientError, where isMeant: (TransferJob) -> Bool) {
        for (name, origin) in origins where !origin.waiting.isEmpty {
            for job in origin.waiting where isMeant(job) {
                job.continuation.resume(returning: .failure(error))
            }
            origins[name]?.waiting.removeAll(where: isMeant)
        }
    }

    /// Fails what has waited for too long. Returns how long to sleep at most.
    private func millisecondsToDeadline() -> Int {
        guard let deadline = nextDeadline else { return 60_000 }
        let now = ContinuousClock.now
        if now < deadline { return min(60_000, (deadline - now).milliseconds) }
        failWaiting(.outOfTime) { $0.deadline <= now }
        nextDeadline = origins.values.lazy.flatMap(\.waiting).map(\.deadline).min()
        return 0
    }

    deinit {
        free.forEach { curl_easy_cleanup($0) }
    }
}

extension HTTPClientError {
    fileprivate static let outOfMemory = HTTPClientError(
        kind: .connection, detail: "out of memory", mayHaveBeenSent: false)
    fileprivate static let outOfTime = HTTPClientError(
        kind: .timeout, detail: "no connection became free in time", mayHaveBeenSent: false)

    fileprivate func sent(_ mayHaveBeenSent: Bool) -> HTTPClientError {
        HTTPClientError(kind: kind, detail: detail, mayHaveBeenSent: mayHaveBeenSent)
    }
}
