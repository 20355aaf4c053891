package import Time

extension DatasetHistory {
    /// Why it is not further, in a sentence for whoever is asked "why is it late?". Pure.
    ///
    /// - Parameters:
    ///   - now: by the database's clock.
    ///   - createUntil: when the lease of the instance that calls the TV Python API runs out; nil: none has it.
    ///   - owedSince: when the first change arose that is not known to be delivered; nil: all are.
    package func whyLate(
        at now: Timestamp, deadlineSeconds: Int64, createUntil: Timestamp? = nil, owedSince: Timestamp? = nil
    ) -> String {
        var sentences = [standing(at: now, deadlineSeconds: deadlineSeconds, createUntil: createUntil)]
        if let owedSince {
            sentences.append(
                "Notifications after revision \(delivery.watermark) of \(revision) are owed since \(Self.ago(owedSince, now))."
            )
        }
        return sentences.joined(separator: " ")
    }

    private func standing(at now: Timestamp, deadlineSeconds: Int64, createUntil: Timestamp?) -> String {
        switch status {
        case .pending:
            let reserved = "Reserved \(Self.ago(createdAt, now))"
            if let createUntil, createUntil >= now {
                return
                    "\(reserved); an instance is calling the TV Python API, until \(createUntil.clock) at the latest."
            }
            return
                "\(reserved); no instance has its create call in hand: the next look, every 10 to 20 seconds, takes it up."
        case .queued, .processing: return silence(at: now, deadlineSeconds: deadlineSeconds)
        case .stalled:
            var text = "Stalled: nothing was heard since \(Self.ago(heardAt ?? startedAt ?? createdAt, now))"
            if let redeliveryAskedAt { text += ", nor after asking again \(Self.ago(redeliveryAskedAt, now))" }
            return text + ". A webhook revives it."
        case .failed where error?.code == DatasetError.unavailableCode:
            return "Failed \(Self.ago(finishedAt, now)): the TV Python API could not be reached. A webhook revives it."
        case .failed:
            return
                "Failed \(Self.ago(finishedAt, now)): \(error.map { "\($0.code): \($0.message)" } ?? "no reason given")."
        case .completed, .canceled:
            return "\(status.label.prefix(1).uppercased())\(status.label.dropFirst()) \(Self.ago(finishedAt, now))."
        }
    }

    private func silence(at now: Timestamp, deadlineSeconds: Int64) -> String {
        let heard = heardAt.map { "Last heard \(Self.ago($0, now))" } ?? "Not heard of since it was queued"
        let deadline = deadlineAt.map { max($0, heardAt?.adding(seconds: deadlineSeconds) ?? $0) }
        switch silenceStep(at: now, deadlineSeconds: deadlineSeconds) {
        case .nothing: return "\(heard); it has no deadline: it was active before this service."
        case .wait(let due) where redeliveryAskedAt != nil:
            return "\(heard); its webhooks were asked for again \(Self.ago(redeliveryAskedAt, now)); "
                + "it is called stalled in \(Self.span(due.microseconds - now.microseconds)) if none comes."
        case .wait(let due):
            return "\(heard); its deadline is \(deadline?.clock ?? "-"), "
                + "its webhooks are asked for again in \(Self.span(due.microseconds - now.microseconds)) if none comes."
        case .ask:
            return
                "\(heard); its deadline \(deadline?.clock ?? "-") nears: its webhooks are about to be asked for again."
        case .stall:
            return
                "\(heard), nor after asking again \(Self.ago(redeliveryAskedAt, now)): it is about to be called stalled."
        }
    }

    private static func ago(_ time: Timestamp?, _ now: Timestamp) -> String {
        guard let time else { return "at a time not known" }
        return "\(span(now.microseconds - time.microseconds)) ago (\(time.clock))"
    }

    private static func span(_ microseconds: Int64) -> String {
        let seconds = max(0, microseconds / 1_000_000)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) days"
        }
    }
}

extension Timestamp {
    /// To the second.
    fileprivate var clock: String { "\(iso8601.prefix(19))Z" }
}
