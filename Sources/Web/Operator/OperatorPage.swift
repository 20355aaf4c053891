import HTTPServer

/// `GET /operator`: the operator's page, whose files the program carries with it (`OperatorPage`, and what it shares with the
/// console's). Nothing in it is secret: it asks for a token and uses the operator's API.
package struct OperatorPage: Sendable {
    private struct File: Sendable {
        let path: String
        let type: String
        let bytes: [UInt8]
    }

    private static let files = [
        File(path: "/operator", type: "text/html; charset=utf-8", bytes: PackageResources.operator_html),
        File(path: "/operator/console.css", type: "text/css; charset=utf-8", bytes: PackageResources.console_css),
        File(path: "/operator/operator.css", type: "text/css; charset=utf-8", bytes: PackageResources.operator_css),
        File(path: "/operator/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("api", PackageResources.api_js),
        script("elements", PackageResources.elements_js),
        script("operator", PackageResources.operator_js),
        script("operator-api", PackageResources.operator_api_js),
        script("operator-parts", PackageResources.operator_parts_js),
        script("operator-overview", PackageResources.operator_overview_js),
        script("operator-webhooks", PackageResources.operator_webhooks_js),
        script("operator-webhook", PackageResources.operator_webhook_js),
        script("operator-backlog", PackageResources.operator_backlog_js),
        script("operator-datasets", PackageResources.operator_datasets_js),
        script("operator-callback", PackageResources.operator_callback_js),
    ]

    private static func script(_ name: String, _ bytes: [UInt8]) -> File {
        File(path: "/operator/\(name).js", type: "text/javascript; charset=utf-8", bytes: bytes)
    }

    /// Sent with whatever the operator's listener answers: only what comes from here runs, and it talks to this listener alone
    /// (CSP Level 3); no text can become HTML or a script (Trusted Types); nothing is kept anywhere.
    package static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            [
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
                "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            ].joined(separator: "; ")
        ),
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]

    let gate: OperatorGate

    package init(gate: OperatorGate) {
        self.gate = gate
    }

    package func add(to router: inout Router) {
        for file in Self.files {
            router.on("GET", file.path) { [gate] request in
                try gate.checkPage(request.http)
                return HTTPResponse(status: 200, headers: [("Content-Type", file.type)], body: file.bytes)
            }
        }
        router.on("GET", "/") { [gate] request in
            try gate.checkPage(request.http)
            return HTTPResponse(status: 302, headers: [("Location", "/operator")])
        }
    }
}
