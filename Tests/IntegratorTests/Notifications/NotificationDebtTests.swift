@testable import Datasets
import Time
import MySQL
import Testing

@testable import Integrator

@Suite struct NotificationDebtTests {
    private let now = Timestamp(seconds: 1000)

    @Test func aChangeIsClaimedByWhoeverMakesIt() {
        var debt = NotificationDebt()
        #expect(debt.incur(revision: 1, wanted: true, by: 5, at: now) == true)
        #expect(debt == NotificationDebt(notified: 0, owedSince: now, dispatcher: 5, until: now.adding(seconds: 30)))
        // The next change renews the claim; the oldest is still the first.
        let later = now.adding(seconds: 10)
        #expect(debt.incur(revision: 2, wanted: true, by: 5, at: later) == true)
        #expect(debt == NotificationDebt(notified: 0, owedSince: now, dispatcher: 5, until: later.adding(seconds: 30)))
    }

    @Test func anotherLeavesItToTheHolder() {
        var debt = NotificationDebt()
        _ = debt.incur(revision: 1, wanted: true, by: 5, at: now)
        let claimed = debt
        #expect(debt.incur(revision: 2, wanted: true, by: 6, at: now.adding(seconds: 29)) == false)
        #expect(debt == claimed)
        // When the claim has run out anyone may take it.
        #expect(debt.incur(revision: 3, wanted: true, by: 6, at: now.adding(seconds: 30)) == true)
        #expect(debt.dispatcher == 6)
        #expect(debt.owedSince == now)
    }

    @Test func whatIsNotWantedIsSettledAtOnceIfNothingElseIsOwed() {
        var debt = NotificationDebt()
        #expect(debt.incur(revision: 4, wanted: false, by: 5, at: now) == false)
        #expect(debt == NotificationDebt(notified: 4))
        _ = debt.incur(revision: 5, wanted: true, by: 5, at: now)
        #expect(debt.incur(revision: 6, wanted: false, by: 5, at: now) == true)
        #expect(debt.notified == 4)
    }

    @Test func settlingAllEndsTheClaim() {
        var debt = NotificationDebt(notified: 1, owedSince: now, dispatcher: 5, until: now.adding(seconds: 30))
        #expect(debt.settle(upTo: 3, of: 3, oldest: nil, by: 5, at: now) == false)
        #expect(debt == NotificationDebt(notified: 3))
    }

    @Test func settlingSomeRenewsTheClaim() {
        let later = now.adding(seconds: 5)
        var debt = NotificationDebt(notified: 1, owedSince: now, dispatcher: 5, until: now.adding(seconds: 30))
        #expect(debt.settle(upTo: 2, of: 3, oldest: later, by: 5, at: later) == true)
        #expect(
            debt == NotificationDebt(notified: 2, owedSince: later, dispatcher: 5, until: later.adding(seconds: 30)))
        #expect(debt.settle(upTo: 2, of: 4, oldest: nil, by: 5, at: later) == true)
        #expect(debt.owedSince == later)
    }

    @Test func settlingNeverGoesBackNorBeyond() {
        var debt = NotificationDebt(notified: 5, owedSince: now, dispatcher: 5, until: now.adding(seconds: 30))
        #expect(debt.settle(upTo: 3, of: 7, oldest: now, by: 5, at: now) == true)
        #expect(debt.notified == 5)
        #expect(debt.settle(upTo: 9, of: 7, oldest: nil, by: 5, at: now) == false)
        #expect(debt.notified == 7)
    }

    /// What has been sent has been sent, whoever has the claim now.
    @Test func settlingWithoutTheClaim() {
        var debt = NotificationDebt(notified: 1, owedSince: now, dispatcher: 6, until: now.adding(seconds: 30))
        #expect(debt.settle(upTo: 2, of: 3, oldest: now, by: 5, at: now) == false)
        #expect(debt.notified == 2)
        #expect(debt.dispatcher == 6)
        #expect(debt.until == now.adding(seconds: 30))
    }
}
