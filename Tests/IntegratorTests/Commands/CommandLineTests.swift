import Foundation
import JSON
import MySQL
import Testing

@testable import Datasets
@testable import Integrator
@testable import Operations
@testable import Store
@testable import TestSupport
@testable import Web

/// What holds for all commands.
@Suite(.timeLimit(.minutes(5))) struct CommandLineTests {
    private func run(_ arguments: String...) async -> CommandRun { await CommandRun([:], arguments) }

    @Test func versionAndHelp() async {
        #expect(await run("--version").output == "integrator \(Build.version) (Swift \(Build.swift))\n")
        #expect(await run("help").status == 0)
        #expect(await run("help", "events").output.contains("--until TIME"))
        let bogus = await run("help", "bogus")
        #expect(bogus.status == 2)
        #expect(bogus.complaints.contains("there is no command `bogus`"))
        #expect(await run("bogus").status == 2)
    }

    @Test func abilitiesThatAreNotKnownAreRefused() async {
        let run = await run("token", "create", "--user", "1", "--abilities", "datasets:read,datasets:admin")
        #expect(run.status == 2)
        #expect(run.complaints.contains("`datasets:admin` is none of *, datasets:read, datasets:write"))
    }

    @Test func tablesFitTheTerminal() {
        var table = Table("id", "type", "reason")
        table.add(.number(12_345), .text("dataset.progress"), .text(String(repeating: "long ", count: 40)))
        table.add(.number(1), .text("training.completed"), .text(nil))
        let wide = table.text
        #expect(wide.split(separator: "\n").map(\.count).max() ?? 0 > 200)
        for width in [40, 60, 120] {
            let lines = table.text(fitting: width).split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= width }, "\(width)")
            #expect(lines.count == 3)
            #expect(lines[1].hasPrefix("12345  "))
        }
        // Where nothing can be cut any more it is as wide as it has to be.
        #expect(table.text(fitting: 5).split(separator: "\n").count == 3)
    }

    /// A shell takes the script, and gets its words from it.
    @Test(arguments: [
        ("ev", "events"), ("events l", "list"), ("events list --outcome par", "parked"),
        ("callbacks rot", "rotate-secret"),
    ])
    func bashCompletes(_ line: String, _ word: String) async throws {
        let script = await run("completion", "bash")
        #expect(script.status == 0)
        let words = ["integrator"] + line.split(separator: " ").map(String.init)
        let bash = Process()
        bash.executableURL = URL(fileURLWithPath: "/bin/bash")
        let list = words.map { "'\($0)'" }.joined(separator: " ")
        bash.arguments = [
            "-c",
            script.output
                + "\nCOMP_WORDS=(\(list)); COMP_CWORD=\(words.count - 1); _integrator; echo \"${COMPREPLY[*]}\"",
        ]
        let pipe = Pipe()
        bash.standardOutput = pipe
        try bash.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        bash.waitUntilExit()
        #expect(String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init) == [word])
    }

    @Test func otherShellsAreRefused() async {
        #expect(await run("completion", "fish").status == 2)
        #expect(await run("completion", "zsh").output.hasPrefix("#compdef integrator\n"))
    }

    /// The packages' manual page is made of the program's own help (Tests/Scripts/man).
    @Test func theManualPageHasEachCommand() async throws {
        let log = try TestFolder.make() + "/page"
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Scripts/man")
        let page = try await ServerProcess.start([script.path, IntegratorProcess.program, "1", "2026-01-01"], log: log)
        #expect(await page.waitForEnd() == 0)
        let text = try String(contentsOfFile: log, encoding: .utf8)
        for command in Help.commands.keys { #expect(text.contains(".SS \(command)\n")) }
    }

    /// `integrator --version >/dev/full`.
    @Test func aFullDiskIsNoticed() throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: IntegratorProcess.program)
        tool.arguments = ["help"]
        tool.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
        let pipe = Pipe()
        tool.standardError = pipe
        try tool.run()
        let complaint = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        tool.waitUntilExit()
        #expect(tool.terminationStatus == 1)
        #expect(complaint.contains("standard output cannot be written"))
    }

    @Test func aConfigurationIsCheckedWithoutServing() async {
        let check = await run("serve", "--check")
        #expect(check.status == 2)
        #expect(check.complaints.contains("TV_API_TOKEN: is required"))
    }

    @Test func actionsOfACommandLineAreListed() async throws {
        try await ServiceUnderTest.with { service in
            _ = await service.command("notifications", "drop", "--all")
            _ = await service.command("callbacks", "sync")
            _ = await service.command("prune", "--days", "30")
            let run = await service.command("actions", "list", "--json")
            #expect(
                run.json?.elements.map { $0["action"]?.string } == ["prune", "callbacks sync", "notifications drop"])
            #expect(run.json?.elements.allSatisfy { $0["actor"]?.string?.contains("@") == true } == true)
            let paged = await service.command("actions", "list", "--limit", "2")
            let more = paged.lines.last ?? ""
            #expect(more.hasPrefix("more: --page "))
            let page = more.split(separator: " ").last.map(String.init) ?? ""
            let rest = await service.command("actions", "list", "--page", page, "--json")
            #expect(rest.json?.elements.map { $0["action"]?.string } == ["notifications drop"])
        }
    }

    @Test func webhooksAreDropped() async throws {
        try await ServiceUnderTest.with { service in
            let webhook = TestWebhook(.datasetStarted, dataset: Fresh.number(), sequence: 1)
            let posted = try await service.post(webhook)
            #expect(posted.outcome == "parked")
            #expect(await service.command("events", "drop").status == 2)
            #expect(await service.command("events", "drop", "987654321").status == 1)
            let dry = await service.command("events", "drop", "--outcome", "parked", "--dry-run")
            #expect(dry.output == "1 would be dropped\n")
            #expect(try await service.logRow(webhook)?.outcome == .parked)
            let run = await service.command("events", "drop", "--outcome", "parked", "--json")
            #expect(run.json?["dropped"]?.int == 1)
            #expect(try await service.logRow(webhook)?.outcome == .ignored)
        }
    }
}
