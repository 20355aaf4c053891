import Datasets
import JSON
import MySQL
import Signatures

extension AccessTokens {
    /// The abilities of a token: the strings of a JSON array, or of an object, which is what PHP makes of an array with gaps.
    /// NULL means none.
    static func abilities(_ json: [UInt8]?) -> [String] {
        guard let json, let root = try? JSONDocument(parsing: json).root else { return [] }
        return (root.elements + root.members.map(\.value)).compactMap(\.string)
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
                VALUES (\(settings.types.first), \(user), \(name), \(Digest.hex(Digest.sha256(Array(plaintext.utf8)))), \
                \(list), \(connection.consoleTime.now), \(connection.consoleTime.now))
                """
            ).lastInsertID
        }
        return "\(id)|\(plaintext)"
    }
}
