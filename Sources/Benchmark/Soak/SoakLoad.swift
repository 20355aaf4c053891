import CEpoll
import Glibc
import Signatures
import Synchronization

/// What the thread that sends shares with the others.
final class SoakExchange: Sendable {
    struct Tally: Sendable {
        /// Of webhooks that are to be stored: how many were acknowledged, and the checksum of their ids.
        var acknowledged = 0
        var checksum: UInt64 = 0
        var statuses: [Int: Int] = [:]
        var outcomes: [String: Int] = [:]
        var retried = 0
        var broken = 0
        /// Answers that are not what was to be expected, the first few in words.
        var wrong = 0
        var firstWrong: [String] = []
        /// Since somebody took them.
        var latencies = Latencies()
        /// Sent or about to be, unanswered.
        var outstanding = 0
    }

    struct State: Sendable {
        var tally = Tally()
        var signer: WebhookSigner
        var incoming: [SoakDataset] = []
        var announced: [SoakDataset] = []
        /// Whose dataset is over.
        var freeSlots: [Int] = []
        var isOver = false
    }

    let state: Mutex<State>

    init(signer: WebhookSigner) { state = Mutex(State(signer: signer)) }
}

/// Sends webhooks at a given rate over connections that are kept alive, checks each answer, and sends again, under the same
/// id, what was not acknowledged.
struct SoakLoad {
    private let port: UInt16
    private let rate: Double
    private let exchange: SoakExchange
    private let epoll: Int32
    private var connections: [LoadConnection] = []
    private var inFlight: [SoakRequest?] = []
    private var idle: [Int] = []
    private var later: [(at: UInt64, request: SoakRequest)] = []
    private var traffic: SoakTraffic
    private var tally = SoakExchange.Tally()
    private var freeSlots: [Int] = []

    init(port: UInt16, options: SoakOptions, exchange: SoakExchange) throws(SystemError) {
        (self.port, rate, self.exchange) = (port, options.rate, exchange)
        traffic = SoakTraffic(seed: options.seed)
        epoll = try SystemError.check("epoll_create1") { epoll_create1(0) }
        for index in 0..<options.connections {
            connections.append(LoadConnection(descriptor: -1))
            inFlight.append(nil)
            try connect(index)
        }
    }

    /// Blocks until the exchange says that it is over and all is answered: call it on a thread of its own.
    mutating func run() throws(SystemError) {
        defer {
            for connection in connections { close(connection.descriptor) }
            close(epoll)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 512)
        var buffer = [UInt8](repeating: 0, count: 65536)
        let start = Clock.now()
        var sent = 0.0
        while true {
            let (signer, isOver) = trade()
            if isOver, later.isEmpty, idle.count == connections.count { return }
            let now = Clock.now()
            var due = Double(now - start) / 1e9 * rate - sent
            if due > rate {  // behind for a second: what could not be sent is not made up for
                sent += due - rate
                due = rate
            }
            while let index = idle.last {
                var request: SoakRequest?
                if let first = later.first, isOver || first.at <= now {
                    request = later.removeFirst().request
                } else if !isOver, due >= 1 {
                    request = traffic.next(signer: signer, now: Int64(time(nil)))
                    (sent, due) = (sent + 1, due - 1)
                }
                guard let request else { break }
                idle.removeLast()
                try send(request, index)
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), 1)
            for event in events.prefix(Int(max(0, count))) { try receive(Int(event.data.u32), &buffer) }
        }
    }

    /// Tells the others what there is, and takes what they have.
    private mutating func trade() -> (WebhookSigner, isOver: Bool) {
        tally.outstanding = connections.count - idle.count + later.count
        let (incoming, announced, signer, isOver) = exchange.state.withLock { state in
            state.tally.merge(tally)
            state.freeSlots += freeSlots
            defer { (state.incoming, state.announced) = ([], []) }
            return (state.incoming, state.announced, state.signer, state.isOver)
        }
        (tally, freeSlots) = (SoakExchange.Tally(), [])
        traffic.add(incoming)
        traffic.announce(announced)
        return (signer, isOver)
    }

    private mutating func connect(_ index: Int) throws(SystemError) {
        let descriptor = try Sockets.connect(port: port)
        try Sockets.makeNonBlocking(descriptor)
        connections[index] = LoadConnection(descriptor: descriptor)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u32 = UInt32(index)
        _ = try SystemError.check("epoll_ctl") { epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) }
        idle.append(index)
    }

    private mutating func send(_ request: SoakRequest, _ index: Int) throws(SystemError) {
        connections[index].sentAt = Clock.now()
        inFlight[index] = request
        if write(connections[index].descriptor, request.bytes, request.bytes.count) != request.bytes.count {
            try broke(index)
        }
    }

    private mutating func broke(_ index: Int) throws(SystemError) {
        tally.broken += 1
        close(connections[index].descriptor)
        idle.removeAll { $0 == index }
        if let request = inFlight[index] { sendLater(request) }
        inFlight[index] = nil
        try connect(index)
    }

    private mutating func sendLater(_ request: SoakRequest) {
        tally.retried += 1
        later.append((Clock.now() + 2_000_000_000, request))
    }

    private mutating func receive(_ index: Int, _ buffer: inout [UInt8]) throws(SystemError) {
        let count = read(connections[index].descriptor, &buffer, buffer.count)
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else { return try broke(index) }
        connections[index].partial += buffer[..<count]
        let answer = connections[index].partial.withUnsafeBytes { bytes in
            AnswerText.status(bytes).map { status in
                (status, String(decoding: bytes[(AnswerText.bodyStart(bytes) ?? bytes.count)...], as: UTF8.self))
            }
        }
        guard let (status, body) = answer, let request = inFlight[index] else { return }
        connections[index].partial.removeAll(keepingCapacity: true)
        tally.latencies.add(nanoseconds: Clock.now() - connections[index].sentAt)
        inFlight[index] = nil
        idle.append(index)
        judge(request, status, body)
    }

    private mutating func judge(_ request: SoakRequest, _ status: Int, _ body: String) {
        tally.statuses[status, default: 0] += 1
        let outcome = body.hasPrefix(#"{"outcome":""#) ? String(body.dropFirst(12).prefix { $0 != "\"" }) : ""
        if !outcome.isEmpty { tally.outcomes[outcome, default: 0] += 1 }
        switch (request.kind, status) {
        case (.forged, 401), (.forged, 429): break
        case (.repeated, 200) where outcome == "duplicate": break
        case (.repeated, 503): break
        case (.new, 503), (.new, 500): sendLater(request)
        case (.new, 200) where !request.isRefusedBySchema, (.new, 202),
            (.new, 422) where request.isRefusedBySchema:
            tally.acknowledged += 1
            tally.checksum &+= SoakChecksum.of(request.id)
            if let slot = request.endsSlot { freeSlots.append(slot) }
            traffic.acknowledged(request)
        default:
            tally.wrong += 1
            tally.firstWrong.append("\(request.kind): \(status) \(body.prefix(200))")
        }
    }
}

extension SoakExchange.Tally {
    mutating func merge(_ other: Self) {
        acknowledged += other.acknowledged
        checksum &+= other.checksum
        statuses.merge(other.statuses) { $0 + $1 }
        outcomes.merge(other.outcomes) { $0 + $1 }
        retried += other.retried
        broken += other.broken
        wrong += other.wrong
        firstWrong = Array((firstWrong + other.firstWrong).prefix(5))
        latencies.add(other.latencies)
        outstanding = other.outstanding
    }
}
