import CCurl
import Glibc

/// The transfers under way and those that wait for their turn. Used by the driver's thread alone.
///
/// libcurl says which sockets it waits for, and gets those that are ready: what a response costs does not grow with the
/// number of transfers, as it would with `curl_multi_perform`.
///
/// The limit for each host is kept here: libcurl's own leaves waiting transfers without their timeout.
final class TransferTable {
    private struct Origin {
        var active = 0
        var waiting: [TransferJob] = []
    }

    private let multi: UnsafeMutableRawPointer
    private let sockets: SocketWatch
    private let limits: TransferLimits
    /// When libcurl wants to be called even if no socket is ready.
    private var timer: ContinuousClock.Instant?
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private var handles: [UInt64: UnsafeMutableRawPointer] = [:]
    /// Easy handles to use again.
    private var free: [UnsafeMutableRawPointer] = []
    private var origins: [String: Origin] = [:]
    /// No waiting job's time is up before this.
    private var nextDeadline: ContinuousClock.Instant?

    /// nil if the system has no memory or descriptors.
    /// - Parameter wake: an eventfd that ends the wait of `perform`.
    init?(limits: TransferLimits, wake: Int32) {
        guard isCurlReady, let sockets = SocketWatch(wake: wake), let multi = curl_multi_init() else { return nil }
        self.multi = multi
        self.sockets = sockets
        self.limits = limits
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(16, 2 * limits.connectionsPerHost))
        ccurl_multi_on_socket(multi, socketCallback, context)
        ccurl_multi_on_timer(multi, timerCallback, context)
    }

    deinit {
        free.forEach { curl_easy_cleanup($0) }
        // What it closes now needs no watch.
        ccurl_multi_on_socket(multi, nil, nil)
        ccurl_multi_on_timer(multi, nil, nil)
        curl_multi_cleanup(multi)
    }

    func start(_ job: TransferJob) {
        // The process may have been stopped meanwhile: what is too late is not sent.
        guard job.deadline > .now else { return job.continuation.resume(returning: .failure(.outOfTime)) }
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

    /// Waits for a socket, a timeout or a wake-up, and moves on what is ready.
    func perform() {
        var running: Int32 = 0
        for (socket, events) in sockets.wait(milliseconds: millisecondsToWait()) {
            curl_multi_socket_action(multi, socket, events, &running)
        }
        if let timer, timer <= .now {
            self.timer = nil
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        }
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            if message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle {
                let code = ccurl_message_result(message)
                finish(handle) { transfer, _ in transfer.result(code, handle) }
            }
        }
    }

    /// libcurl waits for other events of a socket now, or for none any longer.
    fileprivate func watch(_ socket: Int32, for events: Int32) { sockets.watch(socket, for: events) }

    /// libcurl wants to be called after so many milliseconds; less than 0: not at all.
    fileprivate func setTimer(_ milliseconds: Int) {
        timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
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
    private func millisecondsToWait() -> Int {
        let now = ContinuousClock.now
        if let deadline = nextDeadline, deadline <= now {
            failWaiting(.outOfTime) { $0.deadline <= now }
            nextDeadline = origins.values.lazy.flatMap(\.waiting).map(\.deadline).min()
        }
        let next = [timer, nextDeadline].compactMap(\.self).min()
        return next.map { min(60_000, ($0 - now).milliseconds) } ?? 60_000
    }
}

/// libcurl's once-only start, on the first use.
private let isCurlReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

extension HTTPClientError {
    fileprivate static let outOfMemory = HTTPClientError(
        kind: .connection, detail: "out of memory", mayHaveBeenSent: false)
    fileprivate static let outOfTime = HTTPClientError(
        kind: .timeout, detail: "no connection became free in time", mayHaveBeenSent: false)

    fileprivate func sent(_ mayHaveBeenSent: Bool) -> HTTPClientError {
        HTTPClientError(kind: kind, detail: detail, mayHaveBeenSent: mayHaveBeenSent)
    }
}

private func table(_ context: UnsafeMutableRawPointer?) -> TransferTable {
    Unmanaged<TransferTable>.fromOpaque(context!).takeUnretainedValue()
}

private let socketCallback: curl_socket_callback = { _, socket, events, context, _ in
    table(context).watch(socket, for: events)
    return 0
}

private let timerCallback: curl_multi_timer_callback = { _, milliseconds, context in
    table(context).setTimer(milliseconds)
    return 0
}
