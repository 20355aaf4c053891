public import MySQL

extension SQL {
    /// A table `n` with the numbers from 1 to `count` in its column `seq`: MariaDB and MySQL both understand this one.
    public static func numbers(upTo count: Int) -> SQL {
        "JSON_TABLE(CONCAT('[0', REPEAT(',0', \(count - 1)), ']'), '$[*]' COLUMNS (seq FOR ORDINALITY)) AS n"
    }
}
