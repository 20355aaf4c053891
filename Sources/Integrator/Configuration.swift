import Datasets
import Delivery
import MySQL
import Signatures
import Store
import TVPython
import Telemetry
import Web

/// The configuration of the service (spec, section 7).
struct Configuration: Sendable {
    var httpHost: String
    var httpPort: UInt16
    /// Without a slash at the end.
    var publicURL: String
    /// What is registered at the TV Python API.
    var callback: TVPythonAPI.Callback {
        TVPythonAPI.Callback(
            url: publicURL + WebhookEndpoint.path, events: DatasetEventType.webhooks.map(\.rawValue))
    }
    var database: MySQLConfiguration
    /// Of Laravel Sanctum.
    var tokens: AccessTokens.Settings
    /// How many connections to it an instance takes.
    var databaseConnections: Int
    var tvAPIURL: String
    var tvAPIToken: Secret<String>
    var webhookSecrets: [WebhookSecret]
    var tvAPIDeadlineSeconds: Int64
    var pusher: PusherSettings
    var corsAllowedOrigins: [String]
    var rateLimitPerMinute: Int
    var webhookMaxBytes: Int
    var datasetDeadlineSeconds: Int64
    var operatorHost: String
    var operatorPort: UInt16
    /// Who may use the operator's API; none: it is off.
    var operatorTokens: OperatorTokens
    /// Names besides `localhost` by which the operator's listener may be called; in lower case.
    var operatorAllowedHosts: [String]
    /// Proxies whose word on a client's address counts: addresses and networks.
    var trustedProxies: [ClientAddress.Network]
    /// Where webhooks may come from; none: from everywhere.
    var webhookNetworks: [ClientAddress.Network]
    /// The public listener has `/health` and `/metrics` too.
    var hasPublicHealth: Bool
    /// How long it serves on after SIGTERM, no longer ready.
    var drainDelaySeconds: Int64
    var log: Logger

    /// Reads variables. Every fault is found, not only the first.
    /// - Throws: `ConfigurationFaults`.
    init(_ environment: Environment) throws(ConfigurationFaults) {
        var reader = ConfigurationReader(environment)
        httpHost = reader.text("HTTP_HOST", default: "127.0.0.1")
        httpPort = UInt16(reader.number("HTTP_PORT", default: 8080, in: 0...65535))
        publicURL = reader.url("PUBLIC_URL")
        database = reader.database()
        tokens = reader.tokens()
        databaseConnections = reader.databaseConnections()
        tvAPIURL = reader.url("TV_API_URL")
        tvAPIToken = Secret(reader.text("TV_API_TOKEN"))
        webhookSecrets = reader.secrets("TV_WEBHOOK_SECRETS")
        tvAPIDeadlineSeconds = Int64(reader.number("TV_API_DEADLINE_SECONDS", default: 10, in: 1...300))
        pusher = reader.pusher()
        corsAllowedOrigins = reader.list("CORS_ALLOWED_ORIGINS", default: "")
        rateLimitPerMinute = reader.number("RATE_LIMIT_PER_MINUTE", default: 60, in: 1...1_000_000)
        webhookMaxBytes = reader.number("WEBHOOK_MAX_BYTES", default: 262_144, in: 1024...4_194_304)
        datasetDeadlineSeconds = reader.deadlineSeconds()
        drainDelaySeconds = Int64(reader.number("DRAIN_DELAY_SECONDS", default: 0, in: 0...15))
        operatorHost = reader.text("OPERATOR_HTTP_HOST", default: "127.0.0.1")
        operatorPort = UInt16(reader.number("OPERATOR_HTTP_PORT", default: 8081, in: 0...65535))
        operatorTokens = reader.operatorTokens()
        operatorAllowedHosts = reader.list("OPERATOR_ALLOWED_HOSTS", default: "").map { $0.lowercased() }
        hasPublicHealth = reader.flag("PUBLIC_HEALTH")
        trustedProxies = reader.networks("TRUSTED_PROXIES")
        webhookNetworks = reader.networks("WEBHOOK_NETWORKS")
        log = reader.logger()
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
    }

    /// The configuration of the database and the log alone, for commands that need no more.
    static func databaseOnly(
        _ environment: Environment
    ) throws(ConfigurationFaults) -> (MySQLConfiguration, Logger) {
        var reader = ConfigurationReader(environment)
        let database = reader.database()
        let log = reader.logger()
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
        return (database, log)
    }

    /// What an `OperatorDesk` needs alone.
    static func deskOnly(
        _ environment: Environment
    ) throws(ConfigurationFaults) -> (MySQLConfiguration, deadlineSeconds: Int64, AccessTokens.Settings) {
        var reader = ConfigurationReader(environment)
        let database = reader.database()
        let seconds = reader.deadlineSeconds()
        let tokens = reader.tokens()
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
        return (database, seconds, tokens)
    }

    /// The webhook secrets alone, at least one: read again while the service runs.
    static func secretsOnly(_ environment: Environment) throws(ConfigurationFaults) -> [WebhookSecret] {
        var reader = ConfigurationReader(environment)
        let secrets = reader.secrets("TV_WEBHOOK_SECRETS")
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
        return secrets
    }

    /// The operator's tokens alone: read again while the service runs.
    static func operatorTokensOnly(_ environment: Environment) throws(ConfigurationFaults) -> OperatorTokens {
        var reader = ConfigurationReader(environment)
        let tokens = reader.operatorTokens()
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
        return tokens
    }
}

/// What is wrong with the configuration, a line for each fault: the variable and the reason, never its value if that may be
/// a secret.
struct ConfigurationFaults: Error, CustomStringConvertible {
    var faults: [String]
    var description: String { faults.joined(separator: "\n") }
}
