/// What this program is.
enum Build {
    /// The release.
    static let version = "0.2.0"

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
