import Synchronization

/// The open connections by descriptor, and which of them must go: decides, and ends nothing itself.
///
/// Only a connection that has the server waiting for its client may have to go: one that is idle, that sends a request,
/// or that reads an answer.
struct ConnectionTable {
    private struct Entry {
        let exchange: Exchange
        let address: String
        /// Of the request's body and of the answer, in memory.
        var bytesInHand = 0
        /// Its socket has been shut down; libmicrohttpd will close it.
        var isEnding = false

        /// Since when it has the server waiting; nil if it does not, or is ending.
        var waitingSince: UInt64? {
            let since = exchange.waitingSince.load(ordering: .relaxed)
            return since == 0 || isEnding ? nil : since
        }
    }

    /// What to do with a client that wants to connect.
    enum Admission: Equatable {
        /// Take it, once these connections have been ended.
        case take(ending: [Int32])
        /// Close it at once: its address has as many connections as it may have, all of them busy.
        case refuse
        /// Leave it in the system's queue until a connection has closed.
        case wait
    }

    /// Descriptors beyond the limit that connections may have while they end.
    static let slack = 64

    private var entries: [Int32: Entry] = [:]
    /// Connections that are not ending, by address.
    private var byAddress: [String: Int] = [:]
    private var endingCount = 0
    /// The sum over all connections that are not ending.
    private(set) var bytesInHand = 0

    /// Connections that are not ending.
    var count: Int { entries.count - endingCount }
    var exchanges: [Exchange] { entries.values.map(\.exchange) }

    mutating func insert(_ exchange: Exchange, address: String) {
        remove(exchange.descriptor)
        entries[exchange.descriptor] = Entry(exchange: exchange, address: address)
        byAddress[address, default: 0] += 1
    }

    func exchange(_ descriptor: Int32) -> Exchange? { entries[descriptor]?.exchange }

    /// - Returns: whether the connection was already to end.
    @discardableResult
    mutating func remove(_ descriptor: Int32) -> Bool {
        guard let entry = entries.removeValue(forKey: descriptor) else { return false }
        if entry.isEnding { endingCount -= 1 } else { forget(entry) }
        return entry.isEnding
    }

    /// The caller is about to shut the socket down.
    mutating func end(_ descriptor: Int32) {
        guard let entry = entries[descriptor], !entry.isEnding else { return }
        entries[descriptor]?.isEnding = true
        entries[descriptor]?.bytesInHand = 0
        endingCount += 1
        forget(entry)
    }

    private mutating func forget(_ entry: Entry) {
        bytesInHand -= entry.bytesInHand
        let rest = (byAddress[entry.address] ?? 1) - 1
        byAddress[entry.address] = rest > 0 ? rest : nil
    }

    /// - Parameters:
    ///   - limit: of connections in all.
    ///   - addressLimit: of connections of one address.
    func admission(of address: String, limit: Int, addressLimit: Int) -> Admission {
        if addressLimit < limit, byAddress[address] ?? 0 >= addressLimit {
            let ending = longestWaiting(Self.share(of: addressLimit), of: address)
            return ending.isEmpty ? .refuse : .take(ending: ending)
        }
        guard entries.count < limit + Self.slack else { return .wait }
        guard count >= limit else { return .take(ending: []) }
        let number = Self.share(of: limit)
        let crowd = byAddress.max { $0.value < $1.value }?.key
        var ending = longestWaiting(number, of: crowd)
        if ending.isEmpty { ending = longestWaiting(number, of: nil) }
        return ending.isEmpty ? .wait : .take(ending: ending)
    }

    /// Several go at a time: in a flood of connections not each is to cost a search through all.
    private static func share(of limit: Int) -> Int { max(1, limit / 64) }

    private func longestWaiting(_ number: Int, of address: String?) -> [Int32] {
        var waiting: [(since: UInt64, descriptor: Int32)] = []
        for (descriptor, entry) in entries where address == nil || entry.address == address {
            if let since = entry.waitingSince { waiting.append((since, descriptor)) }
        }
        return waiting.sorted { $0 < $1 }.prefix(number).map(\.descriptor)
    }

    /// Those that have had the server waiting since before this time.
    func waiting(before time: UInt64) -> [Int32] {
        entries.compactMap { descriptor, entry in
            entry.waitingSince.flatMap { $0 < time ? descriptor : nil }
        }
    }

    /// Counts bytes in; nothing for a connection that is gone or ending.
    mutating func hold(_ bytes: Int, _ exchange: Exchange) {
        guard let entry = entries[exchange.descriptor], entry.exchange === exchange, !entry.isEnding else { return }
        entries[exchange.descriptor]?.bytesInHand += bytes
        bytesInHand += bytes
    }

    /// Counts all of a connection's bytes out.
    mutating func release(_ exchange: Exchange) {
        guard let entry = entries[exchange.descriptor], entry.exchange === exchange else { return }
        entries[exchange.descriptor]?.bytesInHand = 0
        bytesInHand -= entry.bytesInHand
    }

    /// The connection that has the server waiting and holds most, bytes times time; nil if none holds any.
    func greediest(now: UInt64) -> Int32? {
        var found: (descriptor: Int32, weight: UInt64)?
        for (descriptor, entry) in entries where entry.bytesInHand > 0 {
            guard let since = entry.waitingSince else { continue }
            let weight = UInt64(entry.bytesInHand) * (now - min(now, since) + 1)
            if weight > found?.weight ?? 0 { found = (descriptor, weight) }
        }
        return found?.descriptor
    }
}
