import Foundation
import MySQL
import Signatures
import TestSupport
import Testing
import Web

@testable import Delivery
@testable import Integrator

/// The variables of spec, section 7.
@Suite(.timeLimit(.minutes(10))) struct ConfigurationTests {
    private static let secret = WebhookSecret.generate().text
    private static let needed = [
        "PUBLIC_URL": "https://integrator.example.com/", "DB_USERNAME": "laravel",
        "TV_API_URL": "http://tv.example.com",
        "TV_API_TOKEN": "tv-token", "TV_WEBHOOK_SECRETS": secret, "PUSHER_APP_ID": "1", "PUSHER_APP_KEY": "key",
        "PUSHER_APP_SECRET": "pusher-secret",
    ]

    private func read(_ variables: [String: String]) throws(ConfigurationFaults) -> Configuration {
        try Configuration(Environment(Self.needed.merging(variables) { _, given in given }))
    }

    private func faults(_ variables: [String: String]) -> [String] {
        do throws(ConfigurationFaults) {
            _ = try read(variables)
            return []
        } catch {
            return error.faults
        }
    }

    @Test func defaults() throws {
        let configuration = try read([:])
        #expect(configuration.httpHost == "127.0.0.1")
        #expect(configuration.httpPort == 8080)
        #expect(configuration.publicURL == "https://integrator.example.com")
        #expect(configuration.database.host == "127.0.0.1")
        #expect(configuration.database.port == 3306)
        #expect(configuration.database.socket == nil)
        #expect(configuration.database.database == "gb_console")
        #expect(configuration.tvAPIDeadlineSeconds == 10)
        #expect(configuration.pusher.host == "api-mt1.pusher.com")
        #expect(configuration.pusher.port == 443)
        #expect(configuration.pusher.channels == [.wishlist, .group])
        #expect(configuration.pusher.batchEvents == 10)
        #expect(configuration.pusher.requestBytes == 100_000)
        #expect(configuration.corsAllowedOrigins.isEmpty)
        #expect(configuration.rateLimitPerMinute == 60)
        #expect(configuration.webhookMaxBytes == 262_144)
        #expect(configuration.datasetDeadlineSeconds == 1800)
        #expect(configuration.drainDelaySeconds == 0)
        #expect(configuration.operatorHost == "127.0.0.1")
        #expect(configuration.operatorPort == 8081)
        #expect(configuration.operatorTokens.isEmpty)
        #expect(configuration.operatorAllowedHosts.isEmpty)
        #expect(!configuration.hasPublicHealth)
        #expect(configuration.trustedProxies.isEmpty)
    }

    @Test func theOperatorsSide() throws {
        let configuration = try read([
            "OPERATOR_HTTP_HOST": "::1", "OPERATOR_HTTP_PORT": "0", "OPERATOR_TOKEN": "ada:act:0123456789abcdef",
            "OPERATOR_ALLOWED_HOSTS": "Ops.example.com", "PUBLIC_HEALTH": "true", "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        ])
        #expect(configuration.operatorHost == "::1")
        #expect(configuration.operatorPort == 0)
        #expect(configuration.operatorTokens.count == 1)
        #expect(configuration.operatorAllowedHosts == ["ops.example.com"])
        #expect(configuration.hasPublicHealth)
        #expect(configuration.trustedProxies.count == 2)
        for (name, value) in [
            ("OPERATOR_TOKEN", "ada:act:short"), ("PUBLIC_HEALTH", "maybe"), ("TRUSTED_PROXIES", "10.0.0.0/40"),
            ("OPERATOR_HTTP_PORT", "x"),
        ] {
            #expect(throws: ConfigurationFaults.self) { try read([name: value]) }
        }
    }

    @Test func otherValues() throws {
        let configuration = try read([
            "DB_SOCKET": "/run/db.sock", "PUSHER_HOST": "pusher.local", "PUSHER_SCHEME": "http",
            "PUSHER_CHANNELS": "group presence", "TV_WEBHOOK_SECRETS": "\(Self.secret)  \(Self.secret)",
            "CORS_ALLOWED_ORIGINS": "https://a.example.com, https://b.example.com",
        ])
        #expect(configuration.database.socket == "/run/db.sock")
        #expect(configuration.pusher.host == "pusher.local")
        #expect(configuration.pusher.port == 80)
        #expect(configuration.pusher.channels == [.presence, .group])
        #expect(configuration.webhookSecrets.count == 2)
        #expect(configuration.corsAllowedOrigins == ["https://a.example.com", "https://b.example.com"])
        #expect(try read(["PUSHER_APP_CLUSTER": "eu"]).pusher.host == "api-eu.pusher.com")
    }

    @Test func allThatIsMissingIsNamed() {
        do throws(ConfigurationFaults) {
            _ = try Configuration(Environment([:]))
            Issue.record("nothing is missing")
        } catch {
            #expect(Set(error.faults) == Set(Self.needed.keys.map { "\($0): is required" }))
            #expect(error.description.split(separator: "\n").count == Self.needed.count)
        }
    }

    @Test(arguments: [
        ["HTTP_PORT": "65536"], ["HTTP_PORT": "x"], ["DB_PORT": "0"], ["PUBLIC_URL": "integrator.example.com"],
        ["PUBLIC_URL": "https://"], ["TV_API_URL": "http://a?b"], ["TV_WEBHOOK_SECRETS": "whsec_short"],
        ["TV_API_DEADLINE_SECONDS": "0"], ["PUSHER_SCHEME": "ws"], ["PUSHER_APP_CLUSTER": "eu.example.com/"],
        ["PUSHER_CHANNELS": "wishlist,all"], ["PUSHER_BATCH_EVENTS": "11"], ["PUSHER_REQUEST_BYTES": "999"],
        ["RATE_LIMIT_PER_MINUTE": "-1"], ["WEBHOOK_MAX_BYTES": "1e6"], ["DATASET_DEADLINE_SECONDS": "604801"],
        ["DRAIN_DELAY_SECONDS": "16"],
        ["LOG_LEVEL": "loud"], ["LOG_FORMAT": "xml"], ["DB_PASSWORD_FILE": "/nowhere/password"],
    ])
    func aWrongValueIsNamed(variables: [String: String]) throws {
        let faults = faults(variables)
        #expect(faults.count == 1, "\(faults)")
        #expect(faults.first?.hasPrefix("\(try #require(variables.keys.first)): ") == true)
    }

    @Test func allFaultsAtOnceAndNoSecrets() {
        let variables = [
            "HTTP_PORT": "x", "TV_WEBHOOK_SECRETS": "whsec_c2VjcmV0 \(Self.secret) hush!", "LOG_LEVEL": "loud",
            "DB_PORT": "y",
        ]
        let faults = faults(variables)
        #expect(faults.count == 5, "\(faults)")
        for fault in faults {
            #expect(!fault.contains("c2VjcmV0") && !fault.contains("hush") && !fault.contains(Self.secret))
        }
    }

    @Test func secretsAreNotPrinted() throws {
        let configuration = try read(["DB_PASSWORD": "db-password"])
        var dumped = ""
        dump(configuration, to: &dumped)
        for secret in [Self.secret, "pusher-secret", "tv-token", "db-password"] {
            #expect(!dumped.contains(secret))
            #expect(!"\(configuration)".contains(secret))
        }
    }

    @Test func valuesFromFiles() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(Fresh.number())").path
        try "from-a-file \n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let environment = Environment(["TV_API_TOKEN_FILE": path, "A": "own", "A_FILE": path, "B": "", "B_FILE": path])
        #expect(try environment.value("TV_API_TOKEN") == "from-a-file")
        #expect(try environment.value("A") == "own")
        #expect(try environment.value("B") == "from-a-file")
        #expect(try environment.value("C") == nil)
    }

    // MARK: Secrets and lists

    private static let second = WebhookSecret.generate().text

    @Test(arguments: [" ", "\n", "\r\n", "\t", ",", ", ", " , \n", "\u{A0}"])
    func secretsHaveWhiteSpaceAndCommasBetweenThem(separator: String) throws {
        let secrets = try read(["TV_WEBHOOK_SECRETS": " \(Self.secret)\(separator)\(Self.second)\(separator)"])
            .webhookSecrets
        #expect(secrets.map(\.text) == [Self.secret, Self.second])
    }

    @Test(arguments: ["", "  ", "\n", " , ", "\t\r\n", "null", "(empty)"])
    func blankIsNotThere(blank: String) {
        #expect(faults(["TV_WEBHOOK_SECRETS": blank]) == ["TV_WEBHOOK_SECRETS: is required"])
        #expect(throws: ConfigurationFaults.self) {
            try Configuration.secretsOnly(Environment(["TV_WEBHOOK_SECRETS": blank]))
        }
        if blank != " , " { #expect(faults(["TV_API_TOKEN": blank]) == ["TV_API_TOKEN: is required"]) }
    }

    /// No value of any variable traps.
    @Test func noValueTraps() {
        let hostile = [
            "", " ", ",", "\n", "\0", "-", "-1", "0", "99999999999999999999", "null", "true", "whsec_", "whsec_ whsec_",
            "http://",
            "\u{FEFF}", "e\u{301}", "=", "\"", String(repeating: "x", count: 100_000),
        ]
        let names = [
            "HTTP_HOST", "HTTP_PORT", "PUBLIC_URL", "DB_HOST", "DB_PORT", "DB_SOCKET", "DB_DATABASE", "DB_USERNAME",
            "DB_PASSWORD", "DB_SSL_CA", "TV_API_URL", "TV_API_TOKEN", "TV_WEBHOOK_SECRETS", "TV_API_DEADLINE_SECONDS",
            "PUSHER_APP_ID", "PUSHER_APP_KEY", "PUSHER_APP_SECRET", "PUSHER_APP_CLUSTER", "PUSHER_HOST", "PUSHER_PORT",
            "PUSHER_SCHEME", "PUSHER_CHANNELS", "PUSHER_BATCH_EVENTS", "PUSHER_REQUEST_BYTES", "CORS_ALLOWED_ORIGINS",
            "RATE_LIMIT_PER_MINUTE", "WEBHOOK_MAX_BYTES", "DATASET_DEADLINE_SECONDS", "LOG_LEVEL", "LOG_FORMAT",
        ]
        for name in names {
            for value in hostile {
                guard let configuration = try? read([name: value]) else { continue }
                #expect(!configuration.webhookSecrets.isEmpty && !configuration.pusher.channels.isEmpty)
                _ = Service(configuration: configuration)
            }
        }
    }

    @Test(arguments: ["TV_API_TOKEN", "PUSHER_APP_SECRET", "DB_PASSWORD", "HTTP_HOST"])
    func aTextStandsOnOneLine(name: String) {
        #expect(faults([name: "a\nb"]) == ["\(name): holds a control character or several lines"])
        #expect(faults([name: "a\u{7F}b"]).count == 1)
        #expect(faults([name: "ab\r\n"]) == [])
    }

    @Test func blanksOfAPasswordAreItsOwn() throws {
        let configuration = try read(["DB_PASSWORD": " a b \n", "DB_USERNAME": " laravel "])
        #expect(configuration.database.password == " a b " && configuration.database.username == "laravel")
    }

    @Test func wordsOfLaravel() throws {
        let configuration = try read([
            "HTTP_PORT": "null", "DB_PASSWORD": "(null)", "PUSHER_HOST": "empty", "DB_SOCKET": "(empty)",
        ])
        #expect(configuration.httpPort == 8080 && configuration.database.password.isEmpty)
        #expect(configuration.pusher.host == "api-mt1.pusher.com" && configuration.database.socket == nil)
        #expect(try Environment(["A": "(true)", "B": "False", "C": "nullable"]).value("A") == "true")
        #expect(try Environment(["A": "(true)", "B": "False", "C": "nullable"]).value("B") == "false")
        #expect(try Environment(["A": "(true)", "B": "False", "C": "nullable"]).value("C") == "nullable")
    }
}

/// Files that the configuration is read from.
@Suite(.timeLimit(.minutes(10))) struct ConfigurationFileTests {
    private static let secrets = [WebhookSecret.generate().text, WebhookSecret.generate().text]
    private let folder = FileManager.default.temporaryDirectory.appending(path: "configuration-\(Fresh.number())")

    private func with(_ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body()
    }

    private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = folder.appending(path: name)
        try Data(bytes).write(to: url)
        return url.path
    }

    private func secretsFaults(_ environment: Environment) -> [String] {
        do throws(ConfigurationFaults) {
            _ = try Configuration.secretsOnly(environment)
            return []
        } catch {
            return error.faults
        }
    }

    @Test(arguments: ["\n", "\r\n", "\t", ", ", "\n\n  "])
    func secretsOfAFileStandOneALineOrOtherwise(separator: String) throws {
        try with {
            let path = try file("secrets", Array((Self.secrets.joined(separator: separator) + "\n").utf8))
            let environment = Environment(["TV_WEBHOOK_SECRETS_FILE": path])
            #expect(try Configuration.secretsOnly(environment).map(\.text) == Self.secrets)
        }
    }

    @Test func anUnreadableFileSaysWhy() throws {
        try with {
            for (path, reason) in [
                ("/nowhere/secrets", "no such file or directory"), (folder.path, "is a directory"),
                (try file("latin1", [0x77, 0xE9]), "is not UTF-8 text"), ("/dev/zero", "is larger than 1048576 bytes"),
                ("/proc/self/mem", "input/output error"),
            ] {
                let name = "TV_WEBHOOK_SECRETS_FILE"
                #expect(secretsFaults(Environment([name: path])) == ["\(name): \(reason)"])
                guard reason != "no such file or directory" else { continue }
                #expect(secretsFaults(Environment([:], dotenv: path)) == ["\(path): \(reason)"])
            }
            let empty = Environment(["TV_WEBHOOK_SECRETS_FILE": try file("empty", [])])
            #expect(secretsFaults(empty) == ["TV_WEBHOOK_SECRETS: is required"])
            #expect(
                secretsFaults(Environment([:], dotenv: folder.path + "/.env")) == ["TV_WEBHOOK_SECRETS: is required"])
        }
    }

    /// A pipe that nobody writes to holds nobody up.
    @Test(.timeLimit(.minutes(5))) func aPipeMayBeEmpty() throws {
        try with {
            let path = folder.appending(path: "pipe").path
            #expect(mkfifo(path, 0o600) == 0)
            #expect(
                secretsFaults(Environment(["TV_WEBHOOK_SECRETS_FILE": path])) == ["TV_WEBHOOK_SECRETS: is required"])
        }
    }

    @Test func theProcessComesBeforeTheFile() throws {
        try with {
            let path = try file(".env", Array("A=file\nB=file\nC=file\nD=file\nE_FILE=\(folder.path)/value".utf8))
            let value = try file("value", Array("from-a-file\n".utf8))
            let environment = Environment(["A": "process", "B": "", "C_FILE": value], dotenv: path)
            #expect(try environment.value("A") == "process")
            #expect(try environment.value("B") == "")
            #expect(try environment.value("C") == "from-a-file" && environment.file(of: "C") == value)
            #expect(try environment.value("D") == "file" && environment.file(of: "D") == nil)
            #expect(try environment.value("E") == "from-a-file")
            #expect(try environment.value("F") == nil)
        }
    }

    @Test func faultsOfTheFileAreNamedWithItsLines() throws {
        try with {
            let text = "# x\nTV_WEBHOOK_SECRETS='\(Self.secrets[0])\n\(Self.secrets[1])'\nDB_HOST=a"
            let path = try file(".env", Array(text.utf8))
            let faults = secretsFaults(Environment([:], dotenv: path))
            #expect(faults.first == "\(path), line 2: TV_WEBHOOK_SECRETS: the single quote is not closed on its line")
            // The second line of the value is at fault too: as what depends on its characters.
            #expect(faults.count == 2 && faults.last?.hasPrefix("\(path), line 3: ") == true)
            #expect(!faults.contains { $0.contains(Self.secrets[1].prefix(12)) })
            // Where the process says it all the same, the file is at fault still.
            let both = Environment(["TV_WEBHOOK_SECRETS": Self.secrets[0]], dotenv: path)
            #expect(secretsFaults(both).count == 2)
        }
    }
}
