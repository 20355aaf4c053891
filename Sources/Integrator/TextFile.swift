import Foundation
import Glibc

/// Small text files that an operator names.
enum TextFile {
    /// Why a file cannot be read.
    struct Fault: Error {
        /// Such as `permission denied`.
        var reason: String
        var isMissing = false
    }

    /// How long a pipe may be silent, in milliseconds.
    private static let patience: Int32 = 5000

    /// The text of a file, which may be a pipe.
    /// - Parameter limit: in bytes; a longer file is a fault.
    static func read(_ path: String, limit: Int) throws(Fault) -> String {
        // Without O_NONBLOCK a pipe that nobody writes to would hold the caller for good.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw fault(errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= limit {
            let count = Glibc.read(file, &part, part.count)
            if count == 0 { break }
            if count > 0 {
                bytes += part[..<count]
                continue
            }
            let error = errno
            if error == EINTR { continue }
            var poller = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            guard error == EAGAIN, poll(&poller, 1, patience) > 0 else { throw fault(error) }
        }
        guard bytes.count <= limit else { throw Fault(reason: "is larger than \(limit) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Fault(reason: "is not UTF-8 text") }
        return text
    }

    private static func fault(_ error: Int32) -> Fault {
        let text = String(cString: strerror(error))
        return Fault(reason: text.prefix(1).lowercased() + text.dropFirst(), isMissing: error == ENOENT)
    }
}
