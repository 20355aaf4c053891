import Foundation
import Synchronization

/// A child process that is killed when this process ends, however it ends.
final class ServerProcess: Sendable {
    private struct State {
        var id: pid_t = 0
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    private let state = Mutex(State())

    /// Starts a program found on PATH, with its output going to the file `log`.
    ///
    /// The kernel sends SIGKILL to the child when the *thread* that started it ends (`setpriv --pdeathsig`). So that
    /// is a thread which does nothing but wait for the child.
    static func start(_ arguments: [String], log: String) async throws -> ServerProcess {
        let process = ServerProcess()
        let arguments = ["setpriv", "--pdeathsig", "KILL"] + arguments
        let error = await withCheckedContinuation { started in
            Thread.detachNewThread { @Sendable in
                let error = process.spawn(arguments, log: log)
                started.resume(returning: error)
                if error == 0 { process.supervise() }
            }
        }
        guard error == 0 else { throw TestServer.StartError(description: "\(arguments): error \(error)") }
        TestFolder.killAtExit(process)
        return process
    }

    private init() {}

    /// True until the process has ended.
    var isRunning: Bool { state.withLock { $0.status == nil } }

    /// Its process number.
    var number: pid_t { state.withLock { $0.id } }

    /// Waits for the end and returns the exit code, or 128 plus the signal that ended it.
    func waitForEnd() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = state.withLock {
                if $0.status == nil { $0.waiters.append(continuation) }
                return $0.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Sends a signal, unless the process has ended.
    func send(_ signal: Int32) {
        state.withLock { if $0.status == nil { _ = kill($0.id, signal) } }
    }

    private func spawn(_ arguments: [String], log: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Sockets of other tests must not live on in the server.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            if let descriptor = Int32(name), descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        }

        // Threads of the concurrency pool block signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var id: pid_t = 0
        let error = posix_spawnp(&id, arguments[0], &actions, &attributes, &pointers, environ)
        state.withLock { $0.id = id }
        return error
    }

    private func supervise() {
        let id = state.withLock { $0.id }
        // The number stays taken until the second wait, which is under the lock: `send` never hits another process.
        var information = siginfo_t()
        while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let (status, waiters) = state.withLock { state in
            var raw: Int32 = 0
            waitpid(id, &raw, 0)
            let status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + raw & 0x7f
            state.status = status
            defer { state.waiters = [] }
            return (status, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }
}
