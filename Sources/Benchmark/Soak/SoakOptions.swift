/// How a soak is run.
struct SoakOptions: Sendable {
    static let usage = """
        usage: benchmark soak --socket PATH --integrator PROGRAM --sandbox PROGRAM --folder FOLDER
                              [--rate WEBHOOKS_A_SECOND] [--minutes N] [--connections N] [--seed N]
        """

    var socket = ""
    var integrator = ""
    var sandbox = ""
    /// For logs, samples and the secrets that are rotated.
    var folder = ""
    var rate = 2000.0
    var minutes = 60.0
    var connections = 256
    var seed: UInt64 = 1

    init(_ arguments: [String]) throws(BenchmarkError) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw BenchmarkError(Self.usage) }
            switch name {
            case "--socket": socket = value
            case "--integrator": integrator = value
            case "--sandbox": sandbox = value
            case "--folder": folder = value
            case "--rate": rate = Double(value) ?? 0
            case "--minutes": minutes = Double(value) ?? 0
            case "--connections": connections = Int(value) ?? 0
            case "--seed": seed = UInt64(value) ?? 1
            default: throw BenchmarkError(Self.usage)
            }
        }
        guard !socket.isEmpty, !integrator.isEmpty, !sandbox.isEmpty, !folder.isEmpty,
            (1...100_000).contains(rate), (1...10_000).contains(minutes), (1...2000).contains(connections)
        else { throw BenchmarkError(Self.usage) }
    }
}
