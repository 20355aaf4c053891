import JSON
import MySQL
import TestSupport
import Testing
import Time

@testable import Datasets
@testable import Integrator
@testable import Sandbox
@testable import Store

/// Text in tables whose character set has not all that UTF-8 has.
@Suite(.timeLimit(.minutes(5))) struct ConsoleTextTests {
    private static let absent = ["%E6%97%A5%E6%9C%AC", "%F0%9F%98%80", "%3F%3F", "%C3%A9t%C3%A9%20"]

    @Test(arguments: [
        ("latin1", "été", "%C3%A9t%C3%A9"), ("latin1 COLLATE latin1_german1_ci", "été", "%C3%A9t%C3%A9"),
        ("utf8mb3", "日本 é", "%E6%97%A5%E6%9C%AC%20%C3%A9"), ("ascii", "plain", "plain"),
        ("utf8mb4", "日😀", "%E6%97%A5%F0%9F%98%80"),
    ])
    func slugsAreFoundOrNot(characterSet: String, slug: String, coded: String) async throws {
        try await ConsoleTables.with(ConsoleTables.inCharacterSet(characterSet)) { service in
            let scene = try await service.scene()
            _ = try await service.wishlist(of: scene.wishlist.groupID, slug: slug)
            let base = "/api/v1/wishlist-to-group"
            func statuses(_ slug: String) async throws -> [Int] {
                [
                    try await service.get("\(base)/\(slug)/histories", token: scene.token).status,
                    try await service.get("\(base)/\(slug)/histories/1", token: scene.token).status,
                    try await service.api(
                        "PATCH", "\(base)/\(slug)/update-tranning-status", token: scene.token,
                        body: #"{"training_status": "requested"}"#
                    ).status,
                    try await service.api(
                        "POST", "/broadcasting/auth", token: scene.token,
                        body: "socket_id=1.2&channel_name=private-wishlist-to-group.\(slug)",
                        headers: [("Content-Type", "application/x-www-form-urlencoded")]
                    ).status,
                    try await service.api("POST", "\(base)/\(slug)/createAnalysis", token: scene.token).status,
                ]
            }
            #expect(try await service.get("\(base)/\(coded)/histories", token: scene.token).status == 200)
            for slug in Self.absent {
                let answers = try await statuses(slug)
                #expect(answers == [404, 404, 404, 403, 404], "\(slug)")
                for filter in ["slug", "search"] {
                    let list = try await service.get("\(base)?\(filter)=\(slug)", token: scene.token)
                    #expect(list.status < 500 && list.ids.isEmpty, "\(filter) \(slug)")
                }
                for path in ["datasets?slug", "events?slug", "datasets?reference", "events?reference"] {
                    let found = try await service.operate("GET", "/operator/api/\(path)=\(slug)")
                    #expect(found.status < 500, "\(path) \(slug)")
                }
            }
            let listed = try await service.get("\(base)?slug=\(coded)", token: scene.token)
            #expect(listed.data?.elements.count == 1)
            // A slug that the histories cannot hold, a name, a message: cut or replaced, not refused.
            let name = "Größe 日本 😀 \(String(repeating: "x", count: 90))"
            let made = try await service.api(
                "POST", "\(base)/\(coded)/createAnalysis", token: scene.token, body: #"{"name": "\#(name)"}"#)
            #expect(made.status == 201, "\(made.text)")
            let history = try await service.history(of: scene.wishlist)
            for (sequence, type, more) in [
                (1, DatasetEventType.datasetStarted, #""stage": "日本語のとても長い段階の名前", "message": "😀é Grüße 日本 and more""#),
                (2, .datasetProgress, #""progress": 100, "stage": null, "message": null"#),
                (3, .datasetProgress, #""progress": 7, "message": "\u0000ok""#),
                (4, .datasetFailed, #""error": {"code": "日本", "message": "\#(String(repeating: "😀", count: 300))"}"#),
            ] {
                let answer = try await service.post(.init(type, of: history, sequence: Int64(sequence), more: more))
                #expect(answer.status == 200 && answer.text.contains("applied"), "\(sequence) \(answer.text)")
            }
            let stored = try #require(try await service.stored(history.id))
            #expect(stored.status == .failed && stored.sequence == 4 && stored.progress == 7)
            #expect(try await service.get("\(scene.wishlist.path)/histories", token: scene.token).status == 200)
            let doctor = await service.command("doctor")
            #expect(doctor.output.contains("wishlist_dataset_histories.message is varchar(12)"))
            #expect(doctor.output.contains("MODIFY COLUMN message VARCHAR(1000) CHARACTER SET utf8mb4"))
        }
    }

    @Test(arguments: ["latin1 COLLATE latin1_german1_ci", "utf8mb3", "utf8mb4"])
    func theIndexIsUsed(characterSet: String) async throws {
        try await ConsoleTables.with(ConsoleTables.inCharacterSet(characterSet)) { service in
            try await service.execute(
                "INSERT INTO wishlist_to_groups (id, slug) SELECT seq, CONCAT('s', seq) FROM \(Self.numbers) AS t")
            try await service.execute("ANALYZE TABLE wishlist_to_groups")
            for slug in ["s1017", "日本😀"] {
                let isMeant = try await service.connection.equality(of: "slug", in: "wishlist_to_groups", to: slug)
                let found = try await service.query("SELECT id FROM wishlist_to_groups WHERE \(isMeant)")
                #expect(found.count == (slug == "s1017" ? 1 : 0))
                try await service.execute("FLUSH STATUS")
                _ = try await service.query("SELECT id FROM wishlist_to_groups WHERE \(isMeant)")
                let read = try await service.query("SHOW SESSION STATUS LIKE 'Handler_read%'")
                let rows = try read.reduce(0) { try $0 + $1.int64(1) }
                #expect(rows < 5, "\(slug)")
            }
        }
    }

    /// A hundred rows, on both servers.
    private static let numbers: SQL = """
        (SELECT 1000 + 10 * a.n + b.n AS seq FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 \
        UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a, (SELECT 0 n UNION SELECT 1 \
        UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 \
        UNION SELECT 9) b)
        """
}
