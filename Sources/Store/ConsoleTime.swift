package import MySQL
import Time

/// Times in columns that the console has: `created_at`, `updated_at`, `expires_at`, `ends_at` and the like.
///
/// Laravel writes the digits of its application's time zone (`app.timezone`, our `APP_TIMEZONE`; UTC unless it says otherwise),
/// through a session whose time zone is its connection's `timezone`, or else what the server hands out. A DATETIME keeps these
/// digits. A TIMESTAMP keeps the moment that they are in the session's zone, and gives the same digits to a session of the same
/// zone alone. So our sessions have that zone too (`DB_TIMEZONE`): what is read are the digits that Laravel wrote, whatever the
/// column's type is, and it reads what we write.
package struct ConsoleTime {
    private let zone: LocalTime?

    /// The application's time zone; nil: UTC.
    init(_ zone: LocalTime?) { self.zone = zone }

    /// The digits of a moment.
    func digits(at time: Timestamp) -> Timestamp { zone?.digits(at: time) ?? time }

    /// A moment as it is compared with digits: those below are earlier.
    func boundary(at time: Timestamp) -> Timestamp { zone?.boundary(at: time) ?? time }

    /// The present time by the server's clock as it is compared with digits, or so long before.
    /// - Parameter now: our clock, which decides about the hour that clocks show a second time.
    func boundary(minutesAgo minutes: Int64 = 0, now: Timestamp = .now()) -> SQL {
        let time: SQL = minutes == 0 ? "UTC_TIMESTAMP(6)" : "UTC_TIMESTAMP(6) - INTERVAL \(minutes) MINUTE"
        guard let zone else { return time }
        let moment = now.adding(seconds: -60 * minutes)
        let boundary = zone.boundary(at: moment)
        // In the hour that the clocks show a second time the server's clock says nothing.
        if boundary != zone.digits(at: moment) { return "CAST(\(boundary) AS DATETIME(6))" }
        return "(\(time) + INTERVAL \(zone.offset(at: moment)) SECOND)"
    }

    /// The digits of the present time by the server's clock.
    private var present: SQL {
        guard let zone else { return "UTC_TIMESTAMP(6)" }
        return "(UTC_TIMESTAMP(6) + INTERVAL \(zone.offset(at: .now())) SECOND)"
    }

    /// The present time as it is written to a column of the console.
    var now: SQL { Self.storable(present) }

    /// Digits that a TIMESTAMP takes. In a zone with summer time an hour a year does not exist, and the server refuses the
    /// digits of that hour: then the end of that hour is written.
    static func storable(_ digits: SQL) -> SQL { "FROM_UNIXTIME(UNIX_TIMESTAMP(\(digits)))" }

    /// Whether a token's `last_used_at` is to be written again. A time ahead is another clock's or another time zone's.
    var isTokenUseDue: SQL {
        """
        (last_used_at IS NULL OR last_used_at <= \(present) - INTERVAL 1 MINUTE \
        OR last_used_at > \(present) + INTERVAL 1 MINUTE)
        """
    }

    // MARK: What cannot be

    /// Minutes that clocks may differ.
    private static let tolerance: Int64 = 5
    /// So many of the newest rows are looked at.
    private static let looked: Int64 = 100

    /// What is in the tables and cannot be if they are read in the right time zone, a sentence each. Times that are read too
    /// early, of a console that is behind, look like older times: of those nothing can be said.
    package static func contradictions(on connection: isolated MySQLConnection) throws(MySQLError) -> [String] {
        let present = connection.consoleTime.present
        var found: [String] = []
        for table in ["personal_access_tokens", "users", "wishlist_to_groups", "wishlist_dataset_histories"]
        where try connection.column("created_at", of: table) != nil {
            let ahead = try connection.query(
                """
                SELECT TIMESTAMPDIFF(MINUTE, \(present), MAX(t.created_at)) \
                FROM (SELECT created_at FROM \(identifier: table) ORDER BY id DESC LIMIT \(looked)) t
                """
            ).first?.number(0)
            if let ahead, ahead > tolerance {
                found.append("\(table).created_at is \(ahead) minutes ahead of the clock")
            }
        }
        let early = try connection.query(
            """
            SELECT MAX(TIMESTAMPDIFF(MINUTE, t.last_used_at, t.created_at)) FROM (SELECT last_used_at, created_at \
            FROM personal_access_tokens ORDER BY id DESC LIMIT \(looked)) t
            """
        ).first?.number(0)
        if let early, early > tolerance {
            found.append("personal_access_tokens.last_used_at is \(early) minutes before created_at")
        }
        return found
    }
}

extension MySQLConnection {
    /// The console's times, in the zone of this connection's configuration.
    nonisolated var consoleTime: ConsoleTime { ConsoleTime(localTime) }
}
