// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
]

/// A general room: knows nothing of datasets, imports its C library and at most the leaf room `JSON`.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: settings)
}

func executable(_ folder: String, _ target: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: target, dependencies: dependencies, path: "Sources/Executables/\(folder)", swiftSettings: settings)
}

let package = Package(
    name: "dataset-integrator",
    products: [
        .library(name: "Signatures", targets: ["Signatures"]),
        .library(name: "Pusher", targets: ["Pusher"]),
        .executable(name: "integrator", targets: ["IntegratorTool"]),
        .executable(name: "sandbox", targets: ["SandboxTool"]),
        .executable(name: "benchmark", targets: ["BenchmarkTool"]),
        .executable(name: "fuzz", targets: ["FuzzTool"]),
    ],
    targets: [
        // C libraries, each imported by one room (CCrypto by three).
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb"),
        .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd"),
        .systemLibrary(name: "CWslay"),

        // General rooms.
        room("Time"),
        room("Text"),
        room("JSON"),
        room("Telemetry", ["Time"]),
        room("Signatures", ["CCrypto"]),
        room("Pusher", ["CCrypto", "Signatures", "Text", "JSON", "Time"]),
        room("HTTPServer", ["CMicroHTTPD", "Text"]),
        room("HTTPClient", ["CCurl", "CEpoll", "Time"]),
        room("MySQL", ["CMariaDB", "Time"]),

        // The product, and the other parties to try it with.
        room("Datasets", ["Time", "Text", "JSON"]),
        room(
            "Store", ["Datasets", "Time", "Text", "JSON", "Telemetry", "Signatures", "MySQL"],
            // A link to `db`: the program carries its migrations and its demo data with it.
            resources: [.embedInCode("SQL")]),
        room("Lanes", ["Delivery", "Store", "Datasets", "Time", "Text", "JSON", "Telemetry", "MySQL"]),
        room(
            "Delivery",
            ["Store", "Datasets", "Time", "Text", "JSON", "Telemetry", "Pusher", "HTTPClient", "MySQL"]),
        room("TVPython", ["Time", "JSON", "Telemetry", "Signatures", "HTTPClient"]),
        room(
            "Workflows",
            [
                "Lanes", "Delivery", "TVPython", "Store", "Datasets", "Time", "Text", "JSON", "Telemetry", "Signatures",
                "MySQL",
            ]),
        room(
            "Operations",
            [
                "Delivery", "Lanes", "Store", "Datasets", "Time", "Text", "JSON", "MySQL",
            ]),
        room(
            "Web",
            [
                "Operations", "Workflows", "TVPython", "Delivery", "Lanes", "Store", "Datasets", "Time", "Text", "JSON",
                "Telemetry",
                "Signatures", "Pusher", "HTTPServer",
            ],
            // The description is a link to `fixtures`; the page's files are those that the program serves.
            resources: [.embedInCode("openapi.json"), .embedInCode("Page"), .embedInCode("OperatorPage")]),
        room(
            "Integrator",
            [
                "Web", "Operations", "Workflows", "TVPython", "Delivery", "Lanes", "Store", "Datasets", "Time", "Text",
                "JSON",
                "Telemetry",
                "Signatures", "Pusher", "HTTPServer", "HTTPClient", "MySQL",
            ]),
        room("Sandbox", ["CWslay", "CCrypto", "JSON", "Signatures", "Pusher", "HTTPServer", "HTTPClient"]),

        room("Benchmark", ["CEpoll", "Sandbox", "MySQL", "Time", "HTTPServer", "Signatures", "JSON"]),

        executable("integrator", "IntegratorTool", ["Integrator"]),
        executable("sandbox", "SandboxTool", ["Sandbox"]),
        executable("fuzz", "FuzzTool", ["Fuzz"]),
        executable("benchmark", "BenchmarkTool", ["Benchmark"]),

        // What is fuzzed, for `make fuzz` and for the tests.
        room(
            "Fuzz",
            [
                "Integrator", "Web", "Store", "Datasets", "Sandbox", "Text", "Time", "JSON", "HTTPServer", "Signatures",
                "MySQL",
            ]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Datasets", "MySQL", "Time"], path: "Tests/TestSupport",
            swiftSettings: settings),
        tests(of: "Time"),
        tests(of: "Text"),
        tests(of: "JSON"),
        tests(of: "Datasets", ["TestSupport", "Time", "Text", "JSON"]),
        tests(of: "Lanes", ["TestSupport", "Datasets", "Time", "JSON", "MySQL"]),
        tests(
            of: "Delivery", ["TestSupport", "Datasets", "Sandbox", "Time", "Telemetry", "HTTPServer", "HTTPClient"]),
        tests(of: "Store", ["TestSupport", "Datasets", "Time", "JSON", "MySQL"]),
        tests(of: "Workflows", ["TVPython"]),
        tests(of: "Web", ["Datasets", "Store", "Time", "JSON", "HTTPServer"]),
        tests(of: "Telemetry"),
        tests(of: "Signatures"),
        tests(of: "Pusher", ["JSON"]),
        tests(of: "HTTPServer", ["TestSupport", "Text"]),
        tests(of: "HTTPClient", ["HTTPServer", "TestSupport"]),
        tests(of: "MySQL", ["TestSupport", "Time"]),
        tests(of: "TVPython", ["Time"]),
        tests(of: "Sandbox", ["TestSupport", "CCrypto", "HTTPServer", "HTTPClient", "Signatures", "Pusher", "JSON"]),
        tests(of: "Fuzz"),
        // Configuration and commands, without a database.
        .testTarget(
            name: "CommandTests",
            dependencies: ["TestSupport", "Integrator", "Web", "Delivery", "MySQL", "Signatures"],
            swiftSettings: settings),
        // Against the running service, with a database.
        tests(
            of: "Integrator",
            [
                "TestSupport", "Web", "Operations", "Workflows", "TVPython", "Delivery", "Lanes", "Store", "Datasets",
                "Sandbox",
                "Time", "JSON", "Telemetry", "Signatures", "Pusher", "HTTPServer",
                "HTTPClient",
                "MySQL",
            ]
        ),
    ]
)
