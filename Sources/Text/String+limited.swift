extension String {
    /// At most the first `count` Unicode scalars, which is what a `VARCHAR(count)` takes.
    package func limited(to count: Int) -> String {
        utf8.count <= count ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
