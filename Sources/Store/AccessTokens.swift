package import Datasets
package import MySQL
import Signatures

/// Laravel Sanctum's personal access tokens, read from `personal_access_tokens`.
package struct AccessTokens: Sendable {
    /// What Sanctum's own configuration and the morph map of the console say.
    package struct Settings: Sendable {
        /// `tokenable_type` of users' tokens; the first is written.
        package var types = [#"App\Models\User"#, #"App\User"#, "user"]
        /// How many minutes after it was made a token is over, whatever else it says; nil: never.
        package var expirationMinutes: Int64?

        package init() {}
    }

    let pool: MySQLPool

    let settings: Settings

    package init(pool: MySQLPool, _ settings: Settings = Settings()) {
        self.pool = pool
        self.settings = settings
    }

    /// The token of an `Authorization` header as Sanctum finds it: after the last `Bearer `, up to the first comma.
    package static func bearer(_ header: String?) -> String? {
        guard let header, header.utf8.count <= 1024 else { return nil }
        let lowercased = Array(header.lowercased().utf8)
        let marker = Array("bearer ".utf8)
        guard lowercased.count == header.utf8.count, lowercased.count > marker.count else { return nil }
        let start = (0...(lowercased.count - marker.count)).last { lowercased[$0...].starts(with: marker) }
        guard let start else { return nil }
        let rest = header.utf8.dropFirst(start + marker.count).prefix { $0 != UInt8(ascii: ",") }
        return rest.isEmpty ? nil : String(rest)
    }

    /// Whose token it is; throws `Refusal` if it is nobody's, or no longer.
    package func caller(authorization header: String?) async throws -> Caller {
        guard let text = Self.bearer(header) else { throw Refusal.unauthenticated }
        let (id, plaintext) = Self.split(text)
        if let id {
            guard id.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = Int64(id) else {
                throw Refusal.unauthenticated
            }
            return try await caller(where: "t.id = \(id)", plaintext: plaintext)
        }
        return try await caller(
            where: "t.token = \(Digest.hex(Digest.sha256(Array(plaintext.utf8))))", plaintext: plaintext)
    }

    /// `id|plaintext`, or all of it as plaintext.
    private static func split(_ text: String) -> (id: String?, plaintext: String) {
        guard let bar = text.firstIndex(of: "|") else { return (nil, text) }
        return (String(text[..<bar]), String(text[text.index(after: bar)...]))
    }

    private func caller(where condition: SQL, plaintext: String) async throws -> Caller {
        let digest = Array(Digest.hex(Digest.sha256(Array(plaintext.utf8))).utf8)
        let row = try await pool.withConnection { connection in
            let time = connection.consoleTime
            var sql: SQL = """
                SELECT t.id, t.tokenable_id, t.token, t.abilities, \(time.isTokenUseDue) \
                FROM personal_access_tokens t \
                JOIN users u ON u.id = t.tokenable_id \
                WHERE \(condition) AND t.tokenable_type IN \(list: settings.types)\
                \(try connection.notDeleted("users", alias: "u."))
                """
            // A console that has come from Sanctum 2 may not have it.
            if try connection.column("expires_at", of: "personal_access_tokens") != nil {
                sql.append(" AND (t.expires_at IS NULL OR t.expires_at >= \(time.boundary()))" as SQL)
            }
            if let minutes = settings.expirationMinutes {
                sql.append(" AND t.created_at > \(time.boundary(minutesAgo: minutes))" as SQL)
            }
            return try connection.query(sql).first
        }
        // Without a row too, something is compared.
        let stored = try row?.bytes(2) ?? [UInt8](repeating: 0, count: digest.count)
        guard Digest.constantTimeEqual(digest, stored), let row, !plaintext.isEmpty else {
            throw Refusal.unauthenticated
        }
        return Caller(
            tokenID: try row.int64(0), userID: try row.int64(1), abilities: Self.abilities(try row.optionalBytes(3)),
            isUseDue: try row.bool(4))
    }
}
