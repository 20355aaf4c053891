import Delivery
import HTTPClient
import JSON
import MySQL
import Operations
import Pusher
import Telemetry
import Time
import TVPython
import Web

/// Looks at everything around the service (spec, section 7) and says what to do about what is wrong. Changes nothing.
struct Doctor {
    let environment: Environment

    func examine() async -> [Finding] {
        var findings: [Finding] = []
        let configuration: Configuration?
        do throws(ConfigurationFaults) {
            configuration = try Configuration(environment)
            findings.append(.ok("configuration", "complete"))
        } catch {
            configuration = nil
            findings += error.faults.map { .fault("configuration", $0, "set it in the environment or in .env") }
        }
        if let (database, _) = try? Configuration.databaseOnly(environment) {
            findings += await DatabaseDoctor(configuration: database).examine()
        }
        if let configuration { findings += await Self.examineParties(configuration) }
        return findings
    }

    /// The same of a configuration that is complete.
    static func examine(_ configuration: Configuration) async -> [Finding] {
        let database = await DatabaseDoctor(configuration: configuration.database).examine()
        return [.ok("configuration", "complete")] + database + (await examineParties(configuration))
    }

    private static func examineParties(_ configuration: Configuration) async -> [Finding] {
        let client = HTTPClient(maximumConnectionsPerHost: 2, maximumResponseBytes: 1 << 20)
        var findings = secrets(configuration)
        findings.append(operatorSide(configuration))
        findings += await instance(configuration, client)
        findings += await tvAPI(configuration, client)
        findings.append(await pusher(configuration.pusher, client))
        findings += await publicURL(configuration.publicURL, client)
        await client.shutdown()
        return findings
    }

    private static func operatorSide(_ configuration: Configuration) -> Finding {
        let place = "\(configuration.operatorHost):\(configuration.operatorPort)"
        if configuration.operatorTokens.isEmpty {
            return .warning("operator", "page and API are off at \(place)", "set OPERATOR_TOKEN=NAME:act:TOKEN")
        }
        return .ok("operator", "\(configuration.operatorTokens.count) tokens for page and API at \(place)")
    }

    /// What the instance on this machine says of itself; nothing if there is none. It knows what only time shows: that Pusher
    /// refuses what it is sent, or that a callback cannot be registered.
    private static func instance(_ configuration: Configuration, _ client: HTTPClient) async -> [Finding] {
        let host = ["0.0.0.0", "::"].contains(configuration.operatorHost) ? "127.0.0.1" : configuration.operatorHost
        let authority = "\(host.contains(":") ? "[\(host)]" : host):\(configuration.operatorPort)"
        let request = HTTPClientRequest(
            method: "GET", url: "http://\(authority)/health/ready", timeout: .seconds(10))
        guard let answer = try? await client.send(request), let root = try? JSONDocument(parsing: answer.body).root,
            root["status"] != nil
        else { return [] }
        let findings = ["faults", "degraded"].flatMap { kind in
            (root[kind]?.members ?? []).map { member in
                let text =
                    "\(kind == "faults" ? "takes no traffic" : "is degraded"): \(member.name): \(member.value.string ?? "")"
                return Finding.fault("service", text, "see the other lines, and the log of the service")
            }
        }
        return findings.isEmpty ? [.ok("service", "takes traffic")] : findings
    }

    private static func secrets(_ configuration: Configuration) -> [Finding] {
        let count = configuration.webhookSecrets.count
        guard count > 1 else { return [.ok("secrets", "one webhook secret")] }
        return [
            .warning(
                "secrets", "\(count) webhook secrets are accepted",
                "if no rotation is going on: integrator callbacks rotate-secret --finish")
        ]
    }

    private static func tvAPI(_ configuration: Configuration, _ client: HTTPClient) async -> [Finding] {
        let api = TVPythonAPI(
            baseURL: configuration.tvAPIURL, token: configuration.tvAPIToken.exposed, client: client)
        let name = "TV Python API"
        switch await api.callback() {
        case .unavailable(let failure):
            return [.fault(name, "not available: \(failure)", "check TV_API_URL, the network, and whether it runs")]
        case .rejected(let refusal) where refusal.status == 401 || refusal.status == 403:
            return [.fault(name, "refuses the token: \(refusal.status) \(refusal)", "check TV_API_TOKEN")]
        case .rejected(let refusal):
            return [
                .fault(name, "answers \(refusal.status): \(refusal)", "check that TV_API_URL is that API's base URL")
            ]
        case .success(let callback):
            return [.ok(name, "reachable, token accepted"), registration(callback, configuration.callback)]
        }
    }

    private static func registration(_ found: TVPythonAPI.Callback?, _ expected: TVPythonAPI.Callback) -> Finding {
        let faults = expected.faults(of: found)
        guard let found, faults.isEmpty else {
            return .fault(
                "callback", faults.joined(separator: "; "),
                "integrator callbacks sync, or start `integrator serve`; if that is another deployment's, set PUBLIC_URL"
            )
        }
        return .ok("callback", "registered as \(found.url)")
    }

    /// Reads the list of channels, which needs the right key, secret, app and clock.
    private static func pusher(_ configuration: PusherSettings, _ client: HTTPClient) async -> Finding {
        let api = configuration.api
        let request = api.get("/channels", now: Timestamp.now().seconds)
        let server = "\(configuration.scheme)://\(configuration.host):\(configuration.port)"
        do throws(HTTPClientError) {
            let response = try await client.send(
                HTTPClientRequest(method: "GET", url: request.url, timeout: .seconds(10)))
            switch response.status {
            case 200: return .ok("Pusher", "\(server) accepts key and secret")
            case 401:
                return .fault(
                    "Pusher", "refuses key or secret (401)",
                    "check PUSHER_APP_KEY, PUSHER_APP_SECRET and PUSHER_APP_CLUSTER, and this machine's clock")
            case 403:
                return .fault("Pusher", "refuses the app (403)", "is the app enabled, and within its quota?")
            case 404:
                return .fault("Pusher", "does not know the app (404)", "check PUSHER_APP_ID and PUSHER_APP_CLUSTER")
            default:
                return .fault(
                    "Pusher", "answers \(response.status)", "check PUSHER_HOST, PUSHER_PORT and PUSHER_SCHEME")
            }
        } catch {
            return .fault(
                "Pusher", "\(server) cannot be reached: \(error)",
                "check PUSHER_HOST, PUSHER_PORT and PUSHER_SCHEME, or PUSHER_APP_CLUSTER")
        }
    }

    private static func publicURL(_ url: String, _ client: HTTPClient) async -> [Finding] {
        var findings: [Finding] = []
        let name = "public URL"
        let rest = url.drop { $0 != ":" }.dropFirst(3)
        let host =
            rest.hasPrefix("[") ? String(rest.prefix { $0 != "]" }) : String(rest.prefix { $0 != ":" && $0 != "/" })
        let isLocal = host == "localhost" || host.hasPrefix("127.") || host == "[::1" || host == "0.0.0.0"
        if rest.hasSuffix(WebhookEndpoint.path) {
            findings.append(
                .fault(name, "ends with \(WebhookEndpoint.path)", "PUBLIC_URL is the base: leave the path away"))
        }
        if isLocal {
            findings.append(
                .warning(
                    name, "\(host.drop { $0 == "[" }) is this machine only",
                    "fine for trying out; otherwise the TV Python API cannot reach PUBLIC_URL"))
        } else if url.hasPrefix("http://") {
            findings.append(
                .warning(
                    name, "without TLS", "use https: the webhooks are signed, but anybody on the way can read them"))
        }
        do throws(HTTPClientError) {
            // Anything else than a POST is refused, by this service as such.
            let answer = try await client.send(
                HTTPClientRequest(method: "GET", url: url + WebhookEndpoint.path, timeout: .seconds(5)))
            let isOurs =
                answer.status == 405
                && answer.headers.contains { $0.name.lowercased() == "allow" && $0.value == "POST" }
            findings.append(
                isOurs
                    ? .ok(name, "the service answers at \(url)")
                    : .fault(
                        name, "\(url)\(WebhookEndpoint.path) answers \(answer.status) to a GET, not 405",
                        "does the proxy pass on all paths, to this service?"))
        } catch {
            findings.append(
                .warning(
                    name, "nothing answers at \(url): \(error)",
                    "start `integrator serve`; if it runs, check PUBLIC_URL and the proxy in front of it"))
        }
        return findings
    }
}

extension CommandLineTool {
    /// `doctor`.
    func doctor(_ arguments: inout Arguments) async throws -> Bool {
        let isJSON = arguments.flag("--json")
        try arguments.end()
        let findings = await Doctor(environment: environment).examine()
        if isJSON {
            print(json: { Finding.table(findings).write(to: &$0) })
        } else {
            for finding in findings {
                let level = finding.level.rawValue
                let margin = String(repeating: " ", count: 9 - level.count)
                print("\(level)\(margin)\(finding.check): \(finding.finding)")
                if let remedy = finding.remedy { print("         -> \(remedy)") }
            }
        }
        return !findings.contains { $0.level == .fault }
    }
}
