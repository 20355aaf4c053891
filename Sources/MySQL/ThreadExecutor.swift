import CMariaDB
import Glibc

/// A serial executor on one thread of its own, for an actor that makes blocking calls.
///
/// The thread is detached, keeps the executor alive while it runs, and ends once `stop` was called and the queue is
/// empty.
final class ThreadExecutor: SerialExecutor {
    private struct State {
        var mutex = pthread_mutex_t()
        var wakeUp = pthread_cond_t()
        var jobs: [UnownedJob] = []
        var isStopping = false
        var thread: pthread_t?
    }

    // Proof of safety: the pointer never changes; what it points to is touched only with `mutex` held, but for `init`, before
    // another thread knows of it, and `deinit`, when none does any longer.
    private nonisolated(unsafe) let state: UnsafeMutablePointer<State>

    /// Starts the thread. Throws the error number of `pthread_create`, for example `EAGAIN`.
    init() throws(ThreadStartError) {
        state = .allocate(capacity: 1)
        state.initialize(to: State())
        pthread_mutex_init(&state.pointee.mutex, nil)
        pthread_cond_init(&state.pointee.wakeUp, nil)

        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(&thread, nil, threadMain, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw ThreadStartError(number: result)
        }
        pthread_detach(thread)
    }

    deinit {
        pthread_cond_destroy(&state.pointee.wakeUp)
        pthread_mutex_destroy(&state.pointee.mutex)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(&state.pointee.mutex)
        state.pointee.jobs.append(job)
        pthread_cond_signal(&state.pointee.wakeUp)
        pthread_mutex_unlock(&state.pointee.mutex)
    }

    /// Lets the thread end after the jobs that are queued; none may come later.
    func stop() {
        pthread_mutex_lock(&state.pointee.mutex)
        state.pointee.isStopping = true
        pthread_cond_signal(&state.pointee.wakeUp)
        pthread_mutex_unlock(&state.pointee.mutex)
    }

    func isIsolatingCurrentContext() -> Bool? {
        pthread_mutex_lock(&state.pointee.mutex)
        defer { pthread_mutex_unlock(&state.pointee.mutex) }
        guard let thread = state.pointee.thread else { return false }
        return pthread_equal(thread, pthread_self()) != 0
    }

    func checkIsolated() {
        precondition(isIsolatingCurrentContext() == true, "not on the connection's thread")
    }

    fileprivate func run() {
        pthread_mutex_lock(&state.pointee.mutex)
        state.pointee.thread = pthread_self()
        while true {
            if !state.pointee.jobs.isEmpty {
                let jobs = state.pointee.jobs
                state.pointee.jobs = []
                pthread_mutex_unlock(&state.pointee.mutex)
                for job in jobs {
                    job.runSynchronously(on: asUnownedSerialExecutor())
                }
                pthread_mutex_lock(&state.pointee.mutex)
            } else if state.pointee.isStopping {
                break
            } else {
                pthread_cond_wait(&state.pointee.wakeUp, &state.pointee.mutex)
            }
        }
        pthread_mutex_unlock(&state.pointee.mutex)
    }
}

/// The system gave no thread.
struct ThreadStartError: Error {
    let number: Int32
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let executor = Unmanaged<ThreadExecutor>.fromOpaque(context).takeRetainedValue()
    executor.run()
    mysql_thread_end()
    return nil
}
