import CEpoll
import Glibc

/// Sends requests that were made before over many connections that are kept alive, each one request at a time, from one
/// thread over epoll, and measures how long the answers take.
struct LoadGenerator {
    struct Result: Sendable {
        /// Answers while it was measured, in seconds.
        var measured = 0
        var seconds = 0.0
        /// Answers by status, from the first to the last.
        var statuses: [Int: Int] = [:]
        /// Of the answers since the warm-up.
        var latencies = Latencies()
        /// Of this thread, while it was measured.
        var cpuSeconds = 0.0
        /// Connections that broke.
        var broken = 0

        var acknowledged: Int { statuses[200] ?? 0 }
        var perSecond: Double { Double(measured) / max(seconds, 0.001) }
    }

    let port: UInt16
    let connections: Int
    /// Connections that are opened and say nothing, or half of a request.
    var silent = 0
    var warmUp = 0.5
    var duration = 3.0
    /// Called when the measured time begins and ends.
    var onMeasure: @Sendable (_ begins: Bool) -> Void = { _ in }

    /// Blocks: call it on a thread of its own.
    func run(_ webhooks: SignedWebhooks) throws(SystemError) -> Result {
        let epoll = try SystemError.check("epoll_create1") { epoll_create1(0) }
        defer { close(epoll) }
        var open: [LoadConnection] = []
        defer { for connection in open { close(connection.descriptor) } }
        for index in 0..<connections {
            let descriptor = try Sockets.connect(port: port)
            open.append(LoadConnection(descriptor: descriptor))
            try Sockets.makeNonBlocking(descriptor)
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u32 = UInt32(index)
            _ = try SystemError.check("epoll_ctl") { epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) }
        }
        var quiet: [Int32] = []
        defer { for descriptor in quiet { close(descriptor) } }
        for index in 0..<silent {
            let descriptor = try Sockets.connect(port: port)
            quiet.append(descriptor)
            if index.isMultiple(of: 2) { Sockets.send("POST /webhooks/tv-python HTTP/1.1\r\nHost: x\r\n", descriptor) }
        }
        return webhooks.bytes.withUnsafeBytes { bytes in
            var loop = LoadLoop(epoll: epoll, bytes: bytes, offsets: webhooks.offsets, connections: open)
            loop.run(warmUp: warmUp, duration: duration, onMeasure: onMeasure)
            return loop.result
        }
    }
}

/// One connection: at most one request is on its way.
struct LoadConnection {
    let descriptor: Int32
    var sentAt: UInt64 = 0
    /// The beginning of an answer that has not come as a whole.
    var partial: [UInt8] = []
}

/// The loop itself.
private struct LoadLoop {
    let epoll: Int32
    let bytes: UnsafeRawBufferPointer
    let offsets: [Int]
    var connections: [LoadConnection]
    var result = LoadGenerator.Result()
    private var next = 0
    private var outstanding = 0
    private var measuring = false
    /// 0: not begun yet.
    private var measuredFrom: UInt64 = 0

    init(epoll: Int32, bytes: UnsafeRawBufferPointer, offsets: [Int], connections: [LoadConnection]) {
        self.epoll = epoll
        self.bytes = bytes
        self.offsets = offsets
        self.connections = connections
        result.latencies.reserve(offsets.count)
    }

    mutating func run(warmUp: Double, duration: Double, onMeasure: (Bool) -> Void) {
        let begin = Clock.now() + UInt64(warmUp * 1e9)
        let end = begin + UInt64(duration * 1e9)
        let giveUp = end + 10_000_000_000
        var cpuFrom = 0.0
        var isSending = true
        var events = [epoll_event](repeating: epoll_event(), count: 512)
        var buffer = [UInt8](repeating: 0, count: 65536)
        for index in connections.indices { send(index, at: Clock.now()) }
        while outstanding > 0 {
            let count = epoll_wait(epoll, &events, Int32(events.count), 100)
            var now = Clock.now()
            if !measuring, isSending, now >= begin {
                measuring = true
                onMeasure(true)
                (measuredFrom, cpuFrom) = (Clock.now(), Clock.threadCPU())
            }
            if isSending, now >= end || next + connections.count >= offsets.count - 1 {
                isSending = false
                measuring = false
                result.seconds = Double(now - measuredFrom) / 1e9
                result.cpuSeconds = Clock.threadCPU() - cpuFrom
                onMeasure(false)
            }
            if now >= giveUp { break }
            for event in events.prefix(Int(max(0, count))) {
                let index = Int(event.data.u32)
                guard receive(index, &buffer, &now) else { continue }
                outstanding -= 1
                if isSending { send(index, at: now) }
            }
        }
    }

    private mutating func send(_ index: Int, at now: UInt64) {
        let start = offsets[next]
        let count = offsets[next + 1] - start
        next += 1
        connections[index].sentAt = now
        if write(connections[index].descriptor, bytes.baseAddress! + start, count) == count {
            outstanding += 1
        } else {
            result.broken += 1
        }
    }

    /// Whether an answer has come as a whole.
    private mutating func receive(_ index: Int, _ buffer: inout [UInt8], _ now: inout UInt64) -> Bool {
        let count = read(connections[index].descriptor, &buffer, buffer.count)
        if count < 0, errno == EAGAIN { return false }
        guard count > 0 else {
            result.broken += 1
            outstanding -= 1
            epoll_ctl(epoll, EPOLL_CTL_DEL, connections[index].descriptor, nil)
            return false
        }
        let status: Int?
        if connections[index].partial.isEmpty {
            status = buffer.withUnsafeBytes { AnswerText.status(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        } else {
            connections[index].partial += buffer[..<count]
            status = connections[index].partial.withUnsafeBytes(AnswerText.status)
        }
        guard let status else {
            if connections[index].partial.isEmpty { connections[index].partial = Array(buffer[..<count]) }
            return false
        }
        connections[index].partial = []
        now = Clock.now()
        result.statuses[status, default: 0] += 1
        if measuring { result.measured += 1 }
        // Also what is answered after the end: a standstill that lasts until then is not to be overlooked.
        if measuredFrom > 0 { result.latencies.add(nanoseconds: now - connections[index].sentAt) }
        return true
    }
}
