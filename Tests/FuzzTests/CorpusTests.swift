import Foundation
import Fuzz
import Testing

/// Everything in `fixtures/fuzz`, where `make fuzz` starts from and where what it finds is kept.
@Suite(.timeLimit(.minutes(10))) struct CorpusTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures/fuzz")

    @Test(arguments: FuzzTarget.all.map(\.name))
    func holdsForEachInput(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.corpus.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 3)
        // Not by Data(contentsOf:), which loses a page for an empty file.
        for file in files { target.check(Array(try FileHandle(forReadingFrom: file).readToEnd() ?? Data())) }
        target.check([])
    }

    @Test func eachFolderHasATarget() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path)
        #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
    }
}
