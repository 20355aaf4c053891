import CMicroHTTPD
import Synchronization

/// Where the event thread and the threads that answer meet: one for each connection, used by its requests in turn.
///
/// A request is handled (the handler has been called on the event thread), then either answered before the handler
/// returned, or suspended and answered later. libmicrohttpd keeps a suspended connection, whatever the client does,
/// until it is resumed: so the pointer in `suspended` is good as long as it stands there, and resuming is done under
/// the lock under which it is taken away.
final class Exchange: Sendable {
    fileprivate struct State: ~Copyable {
        /// Counts requests: an answer to an earlier request of the same connection comes to nothing.
        var request: UInt64 = 0
        var isPending = false
        var suspended: Suspended?
        var answer: PreparedResponse?
    }

    /// Proof of `@unchecked Sendable`: the event thread puts the pointer here and reads nothing through it. Another thread only
    /// gives it to MHD_resume_connection, which may be called from any thread, under the lock of `state`, and takes it away in
    /// the same step: so once, and while libmicrohttpd keeps the connection.
    fileprivate struct Suspended: @unchecked Sendable {
        let connection: OpaquePointer
    }

    enum Outcome: ~Copyable {
        case suspended
        case answer(PreparedResponse?)
    }

    private let state = Mutex(State())
    /// When the server began to wait for the client (`milliseconds()`); 0 while the client waits for the server.
    let waitingSince = Atomic(milliseconds())
    /// The connection's socket; another's once `ServerCore.closed` has been called.
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// A request goes to its handler. Returns its number.
    func begin() -> UInt64 {
        state.withLock { state in
            state.request &+= 1
            state.isPending = true
            return state.request
        }
    }

    /// Any thread: whether this request still wants an answer.
    func isPending(_ request: UInt64) -> Bool {
        state.withLock { $0.request == request && $0.isPending }
    }

    /// Any thread: the first answer to a request wins.
    func answer(_ request: UInt64, _ response: consuming PreparedResponse) {
        var response: PreparedResponse? = response
        state.withLock { state in
            if state.request == request, state.isPending {
                state.settle(with: response.take())
            }
        }
    }

    /// Any thread: answers whatever request is suspended.
    func answerIfSuspended(_ make: () -> PreparedResponse?) {
        state.withLock { state in
            if state.suspended != nil {
                state.settle(with: make())
            }
        }
    }

    /// Event thread, after the handler returned: its answer, or the connection is suspended until there is one.
    /// Nothing is suspended once `isClosing`, read under the lock, is true: then there is no answer.
    /// - Parameter timeout: in seconds, other than the daemon's: see `cmhd_suspend`.
    func take(orSuspend connection: OpaquePointer, timeout: UInt32, unless isClosing: () -> Bool) -> Outcome {
        let suspended = Suspended(connection: connection)
        return state.withLock { state in
            if state.isPending, !isClosing() {
                cmhd_suspend(suspended.connection, timeout)
                state.suspended = suspended
                return .suspended
            }
            state.isPending = false
            return .answer(state.answer.take())
        }
    }

    /// Event thread, after a resume: the answer.
    func take() -> PreparedResponse? {
        state.withLock { $0.answer.take() }
    }

    /// Event thread: the request is over, answered or not.
    func finish() {
        state.withLock { state in
            state.isPending = false
            state.answer = nil
        }
    }
}

extension Exchange.State {
    fileprivate mutating func settle(with response: consuming PreparedResponse?) {
        answer = response
        isPending = false
        if let suspended {
            self.suspended = nil
            MHD_resume_connection(suspended.connection)
        }
    }
}
