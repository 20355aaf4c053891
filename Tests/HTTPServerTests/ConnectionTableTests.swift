import Synchronization
import Testing

@testable import HTTPServer

/// Who has to go, decided without a socket.
@Suite(.timeLimit(.minutes(10))) struct ConnectionTableTests {
    /// Connections by descriptor: address, since when they have the server waiting (0: they do not), and bytes.
    static func table(
        _ connections: [(descriptor: Int32, address: String, since: UInt64, bytes: Int)]
    ) -> ConnectionTable {
        var table = ConnectionTable()
        for (descriptor, address, since, bytes) in connections {
            let exchange = Exchange(descriptor: descriptor)
            exchange.waitingSince.store(since, ordering: .relaxed)
            table.insert(exchange, address: address)
            table.hold(bytes, exchange)
        }
        return table
    }

    @Test func belowTheLimitsNobodyGoes() {
        let table = Self.table([(1, "a", 5, 0), (2, "a", 6, 0)])
        #expect(table.admission(of: "a", limit: 3, addressLimit: 3) == .take(ending: []))
    }

    @Test func atTheLimitTheLongestWaitingOfTheCrowdGoes() {
        let table = Self.table([(1, "b", 1, 0), (2, "a", 9, 0), (3, "a", 6, 0), (4, "a", 0, 0)])
        for newcomer in ["a", "b", "c"] {
            #expect(table.admission(of: newcomer, limit: 4, addressLimit: 4) == .take(ending: [3]))
        }
    }

    @Test func ofABusyCrowdNobodyGoes() {
        let table = Self.table([(1, "b", 8, 0), (2, "a", 0, 0), (3, "a", 0, 0)])
        #expect(table.admission(of: "c", limit: 3, addressLimit: 3) == .take(ending: [1]))
    }

    @Test func whereAllAreBusyTheNewcomerWaits() {
        let table = Self.table([(1, "a", 0, 0), (2, "b", 0, 0)])
        #expect(table.admission(of: "c", limit: 2, addressLimit: 2) == .wait)
    }

    @Test func atItsOwnLimitAnAddressMakesRoomForItself() {
        let table = Self.table([(1, "b", 1, 0), (2, "a", 9, 0), (3, "a", 6, 0)])
        #expect(table.admission(of: "a", limit: 10, addressLimit: 2) == .take(ending: [3]))
        #expect(table.admission(of: "b", limit: 10, addressLimit: 2) == .take(ending: []))
        let busy = Self.table([(1, "a", 0, 0)])
        #expect(busy.admission(of: "a", limit: 10, addressLimit: 1) == .refuse)
        #expect(busy.admission(of: "a", limit: 1, addressLimit: 1) == .wait)
    }

    @Test func inAFloodSeveralGoAtATime() {
        let table = Self.table((0..<256).map { (Int32($0), "a", 1000 - UInt64($0), 0) })
        #expect(table.admission(of: "b", limit: 256, addressLimit: 256) == .take(ending: [255, 254, 253, 252]))
        #expect(table.admission(of: "a", limit: 300, addressLimit: 256) == .take(ending: [255, 254, 253, 252]))
    }

    @Test func whoIsEndingCountsNoMore() {
        var table = Self.table([(1, "a", 5, 10), (2, "a", 6, 20)])
        table.end(1)
        table.end(1)
        #expect(table.count == 1)
        #expect(table.bytesInHand == 20)
        #expect(table.admission(of: "a", limit: 2, addressLimit: 2) == .take(ending: []))
        #expect(table.waiting(before: 100) == [2])
        let hadEnded = [1, 2, 2].map { table.remove($0) }
        #expect(hadEnded == [true, false, false])
        #expect(table.bytesInHand == 0)
    }

    /// Their descriptors are taken until libmicrohttpd has closed them.
    @Test func tooManyThatAreEndingMakeTheNewcomerWait() {
        var table = Self.table((0..<70).map { (Int32($0), "a", 1, 0) })
        for descriptor in 0..<66 { table.end(Int32(descriptor)) }
        #expect(table.admission(of: "a", limit: 5, addressLimit: 5) == .wait)
        for descriptor in 0..<2 { table.remove(Int32(descriptor)) }
        #expect(table.admission(of: "a", limit: 5, addressLimit: 5) == .take(ending: []))
    }

    @Test func theGreediestHoldsMostForLongest() {
        let table = Self.table([(1, "a", 90, 10), (2, "a", 50, 5), (3, "a", 0, 1000), (4, "a", 1, 0)])
        #expect(table.greediest(now: 100) == 2)
        #expect(table.greediest(now: 91) == 2)
        #expect(table.greediest(now: 90) == 2)
        #expect(Self.table([(3, "a", 0, 1000), (4, "a", 1, 0)]).greediest(now: 100) == nil)
    }

    @Test func bytesAreCountedOutOnce() {
        var table = ConnectionTable()
        let (exchange, stranger) = (Exchange(descriptor: 1), Exchange(descriptor: 1))
        table.insert(exchange, address: "a")
        table.hold(5, exchange)
        table.hold(7, stranger)
        table.release(stranger)
        #expect(table.bytesInHand == 5)
        table.release(exchange)
        table.release(exchange)
        #expect(table.bytesInHand == 0)
    }
}
