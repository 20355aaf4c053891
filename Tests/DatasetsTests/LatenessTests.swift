import TestSupport
import Testing
import Time

@testable import Datasets

/// "Why is it late?", in a sentence.
@Suite(.timeLimit(.minutes(5))) struct LatenessTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    private func why(
        _ status: HistoryStatus, heard: Int64? = nil, asked: Int64? = nil, create: Int64? = nil, owed: Int64? = nil,
        error: DatasetError? = nil
    ) -> String {
        var history = DatasetHistory.sample(status: status)
        history.heardAt = heard.map { Self.now.adding(seconds: -$0) }
        history.deadlineAt = heard.map { Self.now.adding(seconds: 1800 - $0) }
        history.redeliveryAskedAt = asked.map { Self.now.adding(seconds: -$0) }
        history.finishedAt = Self.now.adding(seconds: -300)
        history.error = error
        return history.whyLate(
            at: Self.now, deadlineSeconds: 1800, createUntil: create.map { Self.now.adding(seconds: $0) },
            owedSince: owed.map { Self.now.adding(seconds: -$0) })
    }

    @Test func eachStateHasItsSentence() {
        #expect(
            why(.pending, create: 8).contains("an instance is calling the TV Python API, until 2027-01-15T08:00:08Z"))
        #expect(why(.pending, create: -8).contains("no instance has its create call in hand"))
        #expect(why(.queued).contains("Not heard of since it was queued; it has no deadline"))
        let heard = why(.processing, heard: 60)
        #expect(heard.hasPrefix("Last heard 60 s ago (2027-01-15T07:59:00Z); its deadline is 2027-01-15T08:29:00Z, "))
        #expect(heard.hasSuffix("its webhooks are asked for again in 26 min if none comes."))
        #expect(why(.processing, heard: 1700).contains("are about to be asked for again"))
        #expect(
            why(.processing, heard: 1700, asked: 50).contains(
                "asked for again 50 s ago (2027-01-15T07:59:10Z); it is called stalled in "))
        #expect(why(.processing, heard: 2500, asked: 600).contains("is about to be called stalled"))
        #expect(why(.stalled, heard: 7200, asked: 900).contains("nothing was heard since 2 h ago"))
        #expect(
            why(.failed, error: DatasetError(code: DatasetError.unavailableCode, message: "x")).contains(
                "could not be reached"))
        #expect(why(.failed, error: DatasetError(code: "oom", message: "Out of memory")).contains("oom: Out of memory"))
        #expect(why(.completed).hasPrefix("Completed 5 min ago"))
        #expect(why(.completed, owed: 130).contains("are owed since 2 min ago"))
    }
}
