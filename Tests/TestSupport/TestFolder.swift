import Foundation
import Synchronization

/// Folders for the data of test servers: in memory if the machine lets us, gone when the process ends.
enum TestFolder {
    /// Where they are; each user has a place of their own.
    static let root: String = {
        let memory = "/dev/shm"
        let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        return parent + "/dataset-integrator-tests-\(getuid()).local"
    }()

    private struct Registry {
        var folders: [String] = []
        var processes: [ServerProcess] = []
    }

    private static let registry = Mutex(Registry())

    /// Removed once before the first folder is made: what test processes left behind that were killed.
    private static let cleanUp: Void = {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] {
            guard let owner = pid_t(name.prefix { $0 != "-" }), kill(owner, 0) != 0, errno == ESRCH else { continue }
            try? FileManager.default.removeItem(atPath: "\(root)/\(name)")
        }
        atexit {
            let registry = TestFolder.registry.withLock { $0 }
            for process in registry.processes { process.send(SIGKILL) }
            for folder in registry.folders { try? FileManager.default.removeItem(atPath: folder) }
        }
    }()

    /// Makes a new, empty folder.
    static func make() throws -> String {
        cleanUp
        let folder = "\(root)/\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        registry.withLock { $0.folders.append(folder) }
        return folder
    }

    /// Has a process killed before the folders are removed.
    static func killAtExit(_ process: ServerProcess) {
        registry.withLock { $0.processes.append(process) }
    }
}
