import Delivery
import HTTPServer
import JSON

/// `GET /console`: the page for people, whose files the program carries with it (`Page`), and what the page has to know
/// of this deployment. Nothing here is secret: the page asks for a token and uses the API as any web client.
struct ConsoleEndpoint: Sendable {
    private struct File: Sendable {
        let path: String
        let type: String
        let bytes: [UInt8]
    }

    private static let files = [
        File(path: "/console", type: "text/html; charset=utf-8", bytes: PackageResources.console_html),
        File(path: "/console/console.css", type: "text/css; charset=utf-8", bytes: PackageResources.console_css),
        File(path: "/console/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("api", PackageResources.api_js),
        script("console", PackageResources.console_js),
        script("create", PackageResources.create_js),
        script("dataset", PackageResources.dataset_js),
        script("elements", PackageResources.elements_js),
        script("histories", PackageResources.histories_js),
        script("live", PackageResources.live_js),
        script("pusher", PackageResources.pusher_js),
        script("sign-in", PackageResources.sign_in_js),
        script("timeline", PackageResources.timeline_js),
        script("training", PackageResources.training_js),
        script("wishlist", PackageResources.wishlist_js),
        script("wishlists", PackageResources.wishlists_js),
    ]

    private static func script(_ name: String, _ bytes: [UInt8]) -> File {
        File(path: "/console/\(name).js", type: "text/javascript; charset=utf-8", bytes: bytes)
    }

    let pusher: PusherSettings

    func add(to router: inout Router) {
        let headers = commonHeaders
        for file in Self.files {
            router.on("GET", file.path) { request in
                HTTPResponse(status: 200, headers: headers + [("Content-Type", file.type)], body: file.bytes)
                    .conditional(on: request.http)
            }
        }
        let configuration = configurationJSON
        router.on("GET", "/console/config.json") { request in
            HTTPResponse(
                status: 200, headers: headers + [("Content-Type", "application/json")], body: configuration
            ).conditional(on: request.http)
        }
    }

    /// Only what comes from here runs, and it talks to nobody else than this service and Pusher (CSP Level 3). No text
    /// can become HTML or a script (Trusted Types).
    private var commonHeaders: [(name: String, value: String)] {
        let policy = [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
            "connect-src 'self' \(socketScheme)://\(socketHost):\(pusher.port)", "base-uri 'none'",
            "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
        return [
            ("Content-Security-Policy", policy.joined(separator: "; ")), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-cache"),
        ]
    }

    private var configurationJSON: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("pusher")
            json.object { json in
                json.field("key", pusher.key)
                json.field("scheme", socketScheme)
                json.field("host", socketHost)
                json.field("port", Int(pusher.port))
            }
            json.key("channels")
            json.array { json in for channel in pusher.channels { json.value(channel.rawValue) } }
        }
        return json.bytes
    }

    private var socketScheme: String { pusher.scheme == "https" ? "wss" : "ws" }

    /// Pusher's own clusters have another host for WebSockets than for the HTTP API.
    private var socketHost: String {
        guard pusher.host.hasPrefix("api-"), pusher.host.hasSuffix(".pusher.com") else { return pusher.host }
        return "ws-" + pusher.host.dropFirst(4)
    }
}
