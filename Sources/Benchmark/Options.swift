/// What is to be measured.
struct Options {
    static let usage = """
        usage: benchmark --socket PATH --integrator PROGRAM --log FILE [--full] [--seconds N] [--connections N,N,...]
                         [--parts limit,load,pressure,latency,fanout,locked,growth,pages]
        """

    enum Part: String, CaseIterable {
        case limit, load, pressure, latency, fanout, locked, growth, pages
    }

    var socket = ""
    var integrator = ""
    var log = ""
    var isFull = false
    /// Of each single measurement.
    var seconds = 3.0
    var connections = [1, 16, 64, 256, 512]
    var parts = Set(Part.allCases)

    init(_ arguments: [String]) throws(BenchmarkError) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--full" {
                isFull = true
                continue
            }
            guard let value = rest.popFirst() else { throw BenchmarkError(Self.usage) }
            switch name {
            case "--socket": socket = value
            case "--integrator": integrator = value
            case "--log": log = value
            case "--seconds": seconds = Double(value) ?? seconds
            case "--connections": connections = value.split(separator: ",").compactMap { Int($0) }
            case "--parts": parts = Set(value.split(separator: ",").compactMap { Part(rawValue: String($0)) })
            default: throw BenchmarkError(Self.usage)
            }
        }
        if socket.isEmpty || integrator.isEmpty || log.isEmpty || connections.isEmpty || parts.isEmpty {
            throw BenchmarkError(Self.usage)
        }
    }
}
