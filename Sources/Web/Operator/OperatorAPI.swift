import Datasets
import HTTPServer
import JSON
import Operations
import Store
import Telemetry
import Time
import TVPython

/// `/operator/api`: what the command line answers too, as JSON (spec, section 10). Each list is `{"data": [...], "next": ...}`:
/// the same rows that `--json` prints.
package struct OperatorAPI: Sendable {
    /// Answers that are dear, for all who ask within a few seconds.
    private struct Probes: Sendable {
        let doctor: Probe<[Finding]>
        let recent: Probe<Result<RecentOutcomes, any Error>>
    }

    let gate: OperatorGate
    let tools: OperatorTools
    private let probes: Probes

    package init(gate: OperatorGate, tools: OperatorTools) {
        self.gate = gate
        self.tools = tools
        probes = Probes(
            doctor: Probe(validity: .seconds(10), patience: .seconds(25), ask: tools.doctor),
            recent: Probe(validity: .seconds(5), patience: .seconds(10)) {
                do { return .success(try await tools.desk.recent()) } catch { return .failure(error) }
            })
    }

    private typealias Body = (inout JSONWriter) -> Void

    package func add(to router: inout Router) {
        read("/me", &router) { _, holder in
            Self.object { json in
                json.field("name", holder.name)
                json.field("permission", holder.permission.rawValue)
            }
        }
        read("/overview", &router) { _, _ in try await overview() }
        read("/doctor", &router) { _, _ in
            guard let findings = await probes.doctor.answer() else {
                throw APIError.unavailable("unavailable", "The checks took too long.", retryAfter: 5)
            }
            return Self.listing(Listing(table: Finding.table(findings)))
        }
        addEvents(to: &router)
        addNotifications(to: &router)
        addDatasets(to: &router)
        addCallback(to: &router)
        read("/actions", &router) { request, _ in
            var query = try QueryReader(request.http)
            let (before, limit) = (query.page, query.limit)
            try query.finish()
            return Self.listing(try await tools.desk.actions(before: before, limit: limit))
        }
    }

    // MARK: Routes

    func read(
        _ path: String, _ router: inout Router,
        _ handler: @escaping @Sendable (APIRequest, OperatorTokens.Holder) async throws -> HTTPResponse
    ) {
        router.on("GET", Self.base + path) { [gate] request in
            try await handler(request, try gate.admit(request.http, .read))
        }
    }

    /// An action; the handler gets the members of the request's body.
    func act(
        _ path: String, _ router: inout Router,
        _ handler: @escaping @Sendable (JSONView?, OperatorTokens.Holder) async throws -> HTTPResponse
    ) {
        router.on("POST", Self.base + path) { [gate] request in
            let holder = try gate.admit(request.http, .act)
            return try await handler(try request.jsonObject(orElse: 400), holder)
        }
    }

    package static let base = "/operator/api"

    // MARK: Overview

    private func overview() async throws -> HTTPResponse {
        async let counts = tools.desk.counts()
        async let datasets = tools.desk.datasetCounts()
        let recent = try await probes.recent.answer()?.get()
        let (waiting, (statuses, late)) = try await (counts, datasets)
        let times = tools.answerTimes()
        return Self.object { json in
            json.key("recent")
            json.array { json in
                for column in recent?.columns ?? [] {
                    json.object { json in
                        json.field("from", column.from.iso8601)
                        for outcome in EventOutcome.allCases { json.field(outcome.label, column.counts[outcome] ?? 0) }
                    }
                }
            }
            json.field("answer_seconds_p50", times.median)
            json.field("answer_seconds_p99", times.high)
            json.key("waiting")
            json.object { json in
                for outcome in EventOutcome.allCases where outcome != .applied {
                    json.field(outcome.label, waiting?.outcomes[outcome])
                }
                json.field("dead_letters", waiting?.deadLetters)
                json.field("owing", waiting?.owing)
                json.field("owed_since", waiting?.owedSince?.iso8601)
                json.field(
                    "lag_seconds",
                    waiting.map { waiting in
                        waiting.owedSince.map { Double(waiting.now.microseconds - $0.microseconds) / 1e6 } ?? 0
                    })
                json.field("counted_up_to", Backlog.limit)
            }
            json.key("datasets")
            json.object { json in
                for status in HistoryStatus.allCases { json.field(status.label, statuses[status]) }
                json.field("late", late)
            }
            json.field("callback_registered", tools.registration.isRegistered)
        }
    }

    // MARK: Answers

    static func object(_ body: (inout JSONWriter) -> Void) -> HTTPResponse {
        var json = JSONWriter()
        json.object(body)
        return HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: json.bytes)
    }

    static func listing(_ listing: Listing) -> HTTPResponse {
        object { json in
            json.key("data")
            listing.table.write(to: &json)
            json.field("next", listing.next)
            json.field("searched_to", listing.searchedTo?.iso8601)
        }
    }
}

extension QueryReader {
    /// Where a page begins.
    var page: Int64? { mutating get { integer("page", in: 1 ... .max) } }
    var limit: Int { mutating get { Int(integer("limit", in: 1...200) ?? 50) } }
}
