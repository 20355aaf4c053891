import Delivery
import Foundation
import MySQL
import Signatures
import Store
import Telemetry
import Time
import Web

/// Reads values and gathers what is wrong with them.
struct ConfigurationReader {
    private let environment: Environment
    private(set) var faults: [String] = []

    init(_ environment: Environment) {
        self.environment = environment
        faults = environment.faults
    }

    /// The value; nil if it is not there or blank.
    private mutating func value(_ name: String) -> String? {
        do throws(ConfigurationFaults) {
            let value = try environment.value(name)
            return value?.allSatisfy(\.isWhitespace) ?? true ? nil : value
        } catch {
            faults += error.faults
            return nil
        }
    }

    /// As `value`; it is a fault if the variable is not there, unless there is a fault about it already.
    private mutating func required(_ name: String) -> String? {
        let before = faults.count
        if let value = value(name) { return value }
        if faults.count == before, !environment.isInDoubt(name) { faults.append("\(name): is required") }
        return nil
    }

    /// A text on one line, without white space at its ends; without a default it is required.
    /// - Parameter isExact: blanks at its ends are part of it; line ends are not.
    mutating func text(_ name: String, default fallback: String? = nil, isExact: Bool = false) -> String {
        guard let value = fallback == nil ? required(name) : value(name) else { return fallback ?? "" }
        let text = value.trimmingCharacters(in: isExact ? .newlines : .whitespacesAndNewlines)
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            faults.append("\(name): holds a control character or several lines")
        }
        return text
    }

    /// A whole number within bounds.
    mutating func number(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = value(name)?.trimmingCharacters(in: .whitespacesAndNewlines) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            faults.append("\(name): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return fallback
        }
        return number
    }

    /// An absolute http or https URL, returned without a slash at the end.
    mutating func url(_ name: String) -> String {
        var url = text(name)
        if url.isEmpty { return url }
        let rest = url.hasPrefix("http://") ? url.dropFirst(7) : url.hasPrefix("https://") ? url.dropFirst(8) : ""
        if rest.isEmpty || rest.hasPrefix("/") || url.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F })
            || url.contains("?") || url.contains("#")
        {
            faults.append("\(name): must be an absolute http or https URL without query")
        }
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    /// Texts with commas or white space between them.
    private static func list(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// Texts with commas or white space between them, also line ends.
    mutating func list(_ name: String, default fallback: String) -> [String] {
        Self.list(value(name) ?? fallback)
    }

    /// Webhook secrets with commas or white space between them; at least one.
    mutating func secrets(_ name: String) -> [WebhookSecret] {
        guard let value = required(name) else { return [] }
        let texts = Self.list(value)
        if texts.isEmpty { faults.append("\(name): is required") }
        var secrets: [WebhookSecret] = []
        for (index, text) in texts.enumerated() {
            do throws(WebhookSecretError) {
                secrets.append(try WebhookSecret(text))
            } catch {
                faults.append("\(name): secret \(index + 1): \(error)")
            }
        }
        return secrets
    }

    mutating func deadlineSeconds() -> Int64 {
        Int64(number("DATASET_DEADLINE_SECONDS", default: 1800, in: 1...604_800))
    }

    /// Addresses and networks with commas or spaces between them.
    mutating func networks(_ name: String) -> [ClientAddress.Network] {
        list(name, default: "").compactMap { text in
            let network = ClientAddress.Network(text)
            if network == nil { faults.append("\(name): must be addresses or networks, such as 10.0.0.0/8") }
            return network
        }
    }

    /// `true` or `false`, which is the default.
    mutating func flag(_ name: String) -> Bool {
        switch text(name, default: "false").lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            faults.append("\(name): must be true or false")
            return false
        }
    }

    /// `NAME:read:TOKEN` or `NAME:act:TOKEN`, with spaces or commas between them.
    mutating func operatorTokens() -> OperatorTokens {
        let (tokens, reasons) = OperatorTokens.parse(text("OPERATOR_TOKEN", default: ""))
        faults += reasons.map { "OPERATOR_TOKEN: \($0)" }
        return tokens
    }

    mutating func database() -> MySQLConfiguration {
        let socket = text("DB_SOCKET", default: "")
        let caFile = text("DB_SSL_CA", default: "")
        let mode = text("DB_SSL_MODE", default: "")
        let tlsMode = MySQLConfiguration.TLSMode(rawValue: mode.uppercased())
        if !mode.isEmpty, tlsMode == nil {
            let modes = MySQLConfiguration.TLSMode.allCases.map(\.rawValue).joined(separator: ", ")
            faults.append("DB_SSL_MODE: must be one of \(modes)")
        }
        var configuration = MySQLConfiguration(
            host: text("DB_HOST", default: "127.0.0.1"),
            port: UInt16(number("DB_PORT", default: 3306, in: 1...65535)), socket: socket.isEmpty ? nil : socket,
            database: text("DB_DATABASE", default: "gb_console"), username: text("DB_USERNAME"),
            password: text("DB_PASSWORD", default: "", isExact: true), caFile: caFile.isEmpty ? nil : caFile,
            tlsMode: tlsMode)
        configuration.timeZone = timeZone()
        configuration.localTime = localTime()
        return configuration
    }

    /// What Laravel calls `timezone` of the connection: an offset or a name; nil: what the server hands out.
    private mutating func timeZone() -> String? {
        let name = "DB_TIMEZONE"
        let zone = text(name, default: "")
        if zone.isEmpty { return nil }
        // Needs no tables of time zones at the server.
        if ["utc", "gmt", "etc/utc", "z"].contains(zone.lowercased()) { return "+00:00" }
        if let offset = zone.wholeMatch(of: /([+-])([0-9]{1,2}):([0-5][0-9])/) {
            let hours = offset.2.count == 1 ? "0\(offset.2)" : String(offset.2)
            return "\(offset.1)\(hours):\(offset.3)"
        }
        if zone.wholeMatch(of: /[A-Za-z][A-Za-z0-9_+\/-]{0,63}/) == nil {
            faults.append("\(name): must be an offset such as +02:00 or a name such as Europe/Berlin")
        }
        return zone
    }

    /// What Laravel calls `app.timezone`; nil: UTC.
    private mutating func localTime() -> LocalTime? {
        let name = "APP_TIMEZONE"
        let zone = text(name, default: "UTC")
        if ["utc", "gmt", "etc/utc", "z"].contains(zone.lowercased()) { return nil }
        let time = LocalTime(zone)
        if time == nil { faults.append("\(name): must be a time zone's name such as Europe/Berlin") }
        return time
    }

    /// What Sanctum's configuration and the console's morph map say of tokens.
    mutating func tokens() -> AccessTokens.Settings {
        var settings = AccessTokens.Settings()
        let types = list("SANCTUM_TOKENABLE_TYPES", default: settings.types.joined(separator: ","))
        if types.contains(where: { $0.wholeMatch(of: /[A-Za-z0-9_.\\:-]{1,255}/) == nil }) {
            faults.append(
                #"SANCTUM_TOKENABLE_TYPES: must be names of classes or of a morph map, such as App\Models\User"#)
        }
        settings.types = types
        let minutes = number("SANCTUM_EXPIRATION", default: 0, in: 0...52_560_000)
        settings.expirationMinutes = minutes == 0 ? nil : Int64(minutes)
        return settings
    }

    /// How many connections an instance takes: its writers' and its pool's.
    mutating func databaseConnections() -> Int { number("DB_CONNECTIONS", default: 10, in: 4...200) }

    mutating func pusher() -> PusherSettings {
        let scheme = text("PUSHER_SCHEME", default: "https")
        if scheme != "http" && scheme != "https" { faults.append("PUSHER_SCHEME: must be http or https") }
        let host = text("PUSHER_HOST", default: "")
        let cluster = text("PUSHER_APP_CLUSTER", default: "mt1")
        if !cluster.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }) {
            faults.append("PUSHER_APP_CLUSTER: must be a cluster's name such as eu")
        }
        let channels = list("PUSHER_CHANNELS", default: "wishlist,group")
        let known = channels.compactMap(ChannelKind.init(rawValue:))
        if known.count != channels.count || known.isEmpty {
            faults.append("PUSHER_CHANNELS: must be some of wishlist, presence, group")
        }
        return PusherSettings(
            appID: text("PUSHER_APP_ID"), key: text("PUSHER_APP_KEY"), secret: Secret(text("PUSHER_APP_SECRET")),
            scheme: scheme, host: host.isEmpty ? "api-\(cluster).pusher.com" : host,
            port: UInt16(number("PUSHER_PORT", default: scheme == "http" ? 80 : 443, in: 1...65535)),
            channels: ChannelKind.allCases.filter(known.contains),
            batchEvents: number("PUSHER_BATCH_EVENTS", default: 10, in: 1...10),
            requestBytes: number("PUSHER_REQUEST_BYTES", default: 100_000, in: 1000...10_000_000))
    }

    mutating func logger() -> Logger {
        let level = text("LOG_LEVEL", default: "info")
        let format = text("LOG_FORMAT", default: "auto")
        if Logger.Level(rawValue: level) == nil {
            faults.append("LOG_LEVEL: must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if Logger.Format(rawValue: format) == nil {
            faults.append(
                "LOG_FORMAT: must be one of \(Logger.Format.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return Logger(level: Logger.Level(rawValue: level) ?? .info, format: Logger.Format(rawValue: format) ?? .auto)
    }
}
