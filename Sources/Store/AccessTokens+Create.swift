import Datasets
import JSON
import MySQL
import Signatures

extension AccessTokens {
    /// The abilities of a token: a JSON array of strings; NULL means none.
    static func abilities(_ json: [UInt8]?) -> [String] {
        guard let json, let document = try? JSONDocument(parsing: json) else { return [] }
        return document.root.elements.compactMap(\.string)
    }

    /// Makes a token, as Sanctum would: `ID|PLAINTEXT`, of which only the SHA-256 is kept.
    /// - Throws: `Refusal` if there is no such user.
    package func create(user: Int64, name: String, abilities: [String] = ["*"]) async throws -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var generator = SystemRandomNumberGenerator()
        let plaintext = String((0..<40).map { _ in alphabet.randomElement(using: &generator) ?? "x" })
        var json = JSONWriter()
        json.array { json in for ability in abilities { json.value(ability) } }
        let list = String(decoding: json.bytes, as: UTF8.self)
        let id = try await pool.withTransaction { connection in
            guard try !connection.query("SELECT id FROM users WHERE id = \(user)").isEmpty else {
                throw Refusal.notFound
            }
            return try connection.execute(
                """
                INSERT INTO personal_access_tokens \
                (tokenable_type, tokenable_id, name, token, abilities, created_at, updated_at) \
                VALUES (\(Self.userClass), \(user), \(name), \(Digest.hex(Digest.sha256(Array(plaintext.utf8)))), \
                \(list), UTC_TIMESTAMP(), UTC_TIMESTAMP())
                """
            ).lastInsertID
        }
        return "\(id)|\(plaintext)"
    }
}
