import CCurl

/// The transfers under way. Used by the driver's thread alone.
final class TransferTable {
    private let multi: UnsafeMutableRawPointer
    private let limits: TransferLimits
    private var active: [UnsafeMutableRawPointer: Transfer] = [:]
    private var handles: [UInt64: UnsafeMutableRawPointer] = [:]
    /// Easy handles to use again.
    private var free: [UnsafeMutableRawPointer] = []

    init(multi: UnsafeMutableRawPointer, limits: TransferLimits) {
        self.multi = multi
        self.limits = limits
        ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connectionsPerHost)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(16, 2 * limits.connectionsPerHost))
    }

    func start(_ job: TransferJob) {
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
    }

    func cancel(_ id: UInt64) {
        if let handle = handles[id] {
            finish(handle) { transfer, mayHaveBeenSent in
                var error = HTTPClientError.cancelled
                error.mayHaveBeenSent = mayHaveBeenSent
                return .failure(error)
            }
        }
    }

    func failAll(_ error: HTTPClientError) {
        for handle in Array(active.keys) {
            finish(handle) { transfer, mayHaveBeenSent in
                var error = error
                error.mayHaveBeenSent = mayHaveBeenSent
                return .failure(error)
            }
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
        curl_multi_poll(multi, nil, 0, 60_000, nil)
    }

    private func finish(
        _ handle: UnsafeMutableRawPointer,
        _ result: (Transfer, _ mayHaveBeenSent: Bool) -> Result<HTTPClientResponse, HTTPClientError>
    ) {
        guard let transfer = active.removeValue(forKey: handle) else { return }
        handles[transfer.job.id] = nil
        let outcome = result(transfer, transfer.mayHaveBeenSent(handle))
        curl_multi_remove_handle(multi, handle)
        recycle(handle)
        transfer.job.continuation.resume(returning: outcome)
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        if free.count < 32 {
            curl_easy_reset(handle)
            free.append(handle)
        } else {
            curl_easy_cleanup(handle)
        }
    }

    deinit {
        free.forEach { curl_easy_cleanup($0) }
    }
}

extension HTTPClientError {
    fileprivate static let outOfMemory = HTTPClientError(
        kind: .connection, detail: "out of memory", mayHaveBeenSent: false)
}
