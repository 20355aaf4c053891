/// What this program is.
package enum Build {
    /// The release.
    package static let version = "0.2.0"

    static var swift: String {
        #if compiler(>=6.4)
            "6.4+"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
