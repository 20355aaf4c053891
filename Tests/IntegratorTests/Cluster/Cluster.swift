import Foundation
import HTTPClient
import MySQL
import Testing

@testable import Sandbox
@testable import TestSupport

/// The private cluster of three nodes (`Tests/Scripts/cluster`) whose folder `TEST_CLUSTER` names: Galera, or a MySQL group.
struct Cluster: Sendable {
    private static let folder = ProcessInfo.processInfo.environment["TEST_CLUSTER"]
    static var isThere: Bool { folder != nil }

    /// The nodes' sockets; that of node 1 comes first.
    let sockets: [String]
    let isGalera: Bool
    private let folder: String

    init() throws {
        folder = try #require(Self.folder)
        var sockets: [String] = []
        for node in 1...3 {
            let path = try String(contentsOfFile: "\(folder)/\(node)/socket-path", encoding: .utf8)
            sockets.append(path.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        self.sockets = sockets
        isGalera = try String(contentsOfFile: "\(folder)/kind", encoding: .utf8) == "galera\n"
    }

    /// How to connect to a node; what is read there is all that was committed before on any node.
    func configuration(node: Int, database: String = "") -> MySQLConfiguration {
        var configuration = MySQLConfiguration(socket: sockets[node - 1], database: database, username: "root")
        configuration.readsAreCausal = true
        return configuration
    }

    /// Returns when all nodes have what has been committed so far, that there is this schema included.
    func settle(database: String) async throws {
        for node in 1...sockets.count {
            let connection = try await MySQLConnection.connect(configuration(node: node))
            #expect(
                try await connection.query(
                    "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = \(database)"
                ).count == 1)
            await connection.close()
        }
    }

    /// Kills a node without warning.
    func kill(node: Int) async throws { try await script("kill", node) }

    /// Brings a killed node back; returns when it takes part again.
    func join(node: Int) async throws { try await script("join", node) }

    /// Cuts a node off from the others, or stops those for a while; returns when it knows that it is without quorum.
    func cutOff(node: Int) async throws {
        if isGalera {
            try await set("gmcast.isolate=1", node: node)
            try await wait(node, "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_status'", "non-Primary")
        } else {
            for other in 1...sockets.count where other != node { try await script("pause", other) }
            try await wait(node, "SELECT '', COUNT(*) \(Self.group) WHERE MEMBER_STATE = 'UNREACHABLE'", "2")
        }
    }

    /// Joins a node that was cut off with the others again.
    func reunite(node: Int) async throws {
        if isGalera {
            try await set("gmcast.isolate=0", node: node)
            try await wait(node, "SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'", "Synced")
        } else {
            for other in 1...sockets.count where other != node { try await script("resume", other) }
            try await wait(node, "SELECT '', COUNT(*) \(Self.group) WHERE MEMBER_STATE = 'ONLINE'", "3")
        }
    }

    private static let group = "FROM performance_schema.replication_group_members"

    private func set(_ option: String, node: Int) async throws {
        let connection = try await MySQLConnection.connect(configuration(node: node))
        try await connection.execute("SET GLOBAL wsrep_provider_options = \(option)")
        await connection.close()
    }

    /// Waits until the second column of what a node answers is `value`.
    private func wait(_ node: Int, _ sql: String, _ value: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        let connection = try await MySQLConnection.connect(
            MySQLConfiguration(socket: sockets[node - 1], database: "", username: "root"))
        while try await connection.query("\(unescaped: sql)").first?.string(1) != value {
            guard ContinuousClock.now < deadline else { throw SandboxError("node \(node) did not become \(value)") }
            try await Task.sleep(for: .milliseconds(20))
        }
        await connection.close()
    }

    private func script(_ command: String, _ node: Int) async throws {
        let sources = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4)
        let log = try TestFolder.make() + "/log"
        // The node outlives this process, and is not to be killed with the script's.
        let process = try await ServerProcess.start(
            [NSString.path(withComponents: sources + ["Tests", "Scripts", "cluster"]), command, folder, "\(node)"],
            log: log)
        let status = await process.waitForEnd()
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        try #require(status == 0, "cluster \(command) \(node): \(text)")
    }
}

extension Cluster {
    /// Runs an instance at each of two nodes on a schema of their own. At the end both are told to stop, and have to do so
    /// well, but for the one that `body` kills.
    static func withTwoInstances(
        _ client: HTTPClient, scenario: Scenario? = nil, killed: Int? = nil,
        _ body: (ServiceUnderTest, Cluster, [IntegratorProcess]) async throws -> Void
    ) async throws {
        let cluster = try Cluster()
        try await ServiceUnderTest.with { service in
            try await service.instance.stop()
            if let scenario { service.sandbox.tv.setDefault(scenario) }
            var instances: [IntegratorProcess] = []
            for node in 1...2 {
                let instance = try await service.instance(at: node, of: cluster, client: client)
                // Its own registration is the last word.
                try await service.sandboxLog.wait { $0.contains { $0.contains("registered: \(instance.url)") } }
                instances.append(instance)
            }
            try await body(service, cluster, instances)
            for place in instances.indices where place != killed { #expect(await instances[place].terminate() == 0) }
        }
    }
}

extension ServiceUnderTest {
    /// A load on both instances, on datasets that all nodes know.
    func load(_ length: Int, on instances: [IntegratorProcess], at cluster: Cluster, client: HTTPClient) async throws
        -> WebhookLoad
    {
        WebhookLoad(
            try await manyHistories(10, at: cluster), length: Int64(length * Chaos.factor), urls: instances.map(\.url),
            client: client)
    }

    /// All that the load was acknowledged is stored, at both nodes, and all that was owed has been delivered.
    func check(_ load: WebhookLoad, at cluster: Cluster) async throws {
        #expect(Set(load.statuses.keys).subtracting([200, 503]) == [])
        #expect(load.missingRetryAfter == 0)
        try await waitUntilNothingIsOwed(timeout: .seconds(120))
        try await checkStored(load)
        try await checkDelivered(load)
        try await seen(at: 2, of: cluster).checkStored(load)
    }

    /// An instance, as a process of its own, at a node of the cluster.
    func instance(
        at node: Int, of cluster: Cluster, port: UInt16 = freePort(), client: HTTPClient
    ) async throws -> IntegratorProcess {
        try await IntegratorProcess.start(
            variables(["DB_SOCKET": cluster.sockets[node - 1], "RATE_LIMIT_PER_MINUTE": "100000"]), port: port,
            client: client)
    }

    /// `manyHistories`, known at all nodes.
    func manyHistories(_ count: Int, at cluster: Cluster) async throws -> [TestHistory] {
        let histories = try await manyHistories(count)
        try await cluster.settle(database: database.database)
        return histories
    }

    /// The same for the test's own eyes at another node.
    func seen(at node: Int, of cluster: Cluster) async throws -> ServiceUnderTest {
        var other = self
        other.connection = try await MySQLConnection.connect(
            cluster.configuration(node: node, database: database.database))
        return other
    }
}
