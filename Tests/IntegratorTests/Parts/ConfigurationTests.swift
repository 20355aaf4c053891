@testable import Delivery
import Foundation
import MySQL
import Signatures
import Testing

@testable import Integrator

/// The variables of spec, section 7.
@Suite struct ConfigurationTests {
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

    @Test func dotenv() {
        let text = #"""
            # A comment
            PLAIN=value
            export EXPORTED = spaced out   # a comment
              INDENTED=x#y
            SINGLE='a "b" \n $c # d' # e
            DOUBLE="a\nb \"c\" # d"
            EMPTY=
            EQUALS=a=b==
            nothing
            UNCLOSED="abc
            """#
        #expect(
            Environment.dotenv(text.replacing("\n", with: "\r\n")) == [
                "PLAIN": "value", "EXPORTED": "spaced out", "INDENTED": "x#y", "SINGLE": #"a "b" \n $c # d"#,
                "DOUBLE": "a\nb \"c\" # d", "EMPTY": "", "EQUALS": "a=b==", "UNCLOSED": "abc",
            ])
    }
}
