extension TVPythonAPI {
    /// A registered callback.
    package struct Callback: Sendable, Equatable {
        package var url: String
        package var events: [String]
        /// The API sends nothing to it.
        var isDisabled: Bool

        package init(url: String, events: [String], isDisabled: Bool = false) {
            self.url = url
            self.events = events
            self.isDisabled = isDisabled
        }

        /// What is wrong with a callback that should be like this one, in words; empty: it is as it should be. More events
        /// than are needed are fine.
        ///
        /// - Parameter found: nil: none is registered.
        package func faults(of found: Callback?) -> [String] {
            guard let found else { return ["not registered"] }
            var faults: [String] = []
            if NormalURL(found.url) != NormalURL(url) {
                faults.append("registered as \(RefusalReason.clean(found.url)), should be \(url)")
            }
            let missing = Set(events).subtracting(found.events).sorted()
            if !missing.isEmpty && !found.events.contains("*") {
                faults.append("registered without \(missing.joined(separator: ", "))")
            }
            if found.isDisabled { faults.append("disabled at the TV Python API") }
            return faults
        }
    }
}
