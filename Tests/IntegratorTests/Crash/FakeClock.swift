import Foundation

@testable import TestSupport

/// A wall clock for one process, which can be put forwards and backwards while it runs (Tests/Scripts/fake-clock.c).
struct FakeClock: Sendable {
    /// What is preloaded; `Tests/Scripts/test` makes it. Nil: the tests were started in another way, or under a sanitizer, which has to
    /// be the first in a process itself.
    static let library = ProcessInfo.processInfo.environment["TEST_FAKE_CLOCK"]

    private let file: String

    /// A clock that is right.
    init() throws {
        file = try TestFolder.make() + "/clock"
        guard FileManager.default.createFile(atPath: file, contents: Data(count: 8)) else {
            throw TestServer.StartError(description: "no clock at \(file)")
        }
    }

    /// For the process's environment.
    var variables: [String: String] { ["LD_PRELOAD": Self.library ?? "", "FAKE_CLOCK": file] }

    /// Puts the clock so many seconds ahead of the right time; below zero: behind.
    func set(_ seconds: Int64) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        defer { try? handle.close() }
        try handle.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) })
        if seconds != 0 { Chaos.count(.clockJumps) }
    }
}
