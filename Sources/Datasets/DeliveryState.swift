/// How far the notifications of a history have been delivered, and which instance delivers the rest (spec, sections 5 and 9).
///
/// The revisions after the watermark, up to the history's `revision`, are owed. They are not stored a second time: the event
/// log has what they tell. Who delivers is written with the change itself, and the watermark with the change after: both
/// columns keep their width, so that a change of a history and all that delivery needs is one write of one row.
package struct DeliveryState: Sendable, Equatable {
    /// `notified_revision`, the delivery watermark: all notifications up to here have been sent, dropped as overtaken, are
    /// dead letters, or were not wanted. More may have been delivered since it was written.
    package var watermark: Int64 = 0
    /// `dispatcher`: the instance that delivers what is owed, as long as it holds its lease; 0: nobody, nothing is owed.
    package var dispatcher: UInt64 = 0

    package init(watermark: Int64 = 0, dispatcher: UInt64 = 0) {
        self.watermark = watermark
        self.dispatcher = dispatcher
    }

    /// Notes that the history went from one revision to another.
    ///
    /// - Parameters:
    ///   - wanted: at least one of the changes is to be notified.
    ///   - delivered: up to where `instance` knows that it has delivered.
    /// - Returns: true if `instance` is to deliver; another one finds the change in the log.
    package mutating func advance(
        from before: Int64, to revision: Int64, wanted: Bool, delivered: Int64, by instance: UInt64
    ) -> Bool {
        guard dispatcher == 0 || dispatcher == instance else { return false }
        watermark = max(watermark, min(delivered, before))
        if dispatcher == 0 && !wanted && watermark == before {
            watermark = revision
            return false
        }
        dispatcher = instance
        return true
    }
}
