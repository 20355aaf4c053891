package import MySQL

/// The SQL files of `db`, which the program carries with it.
package enum Migrations {
    /// In the order in which they are applied.
    package static let all = [
        Migration(
            name: "0001_tables_of_the_console.sql", bytes: PackageResources._001_tables_of_the_console_sql),
        Migration(
            name: "0002_columns_of_the_histories.sql", bytes: PackageResources._002_columns_of_the_histories_sql,
            // It had `dataset_id` lose its comment, its default and its character set, to no harm of ours.
            earlierChecksums: ["f1f820dc003ef089c3007ee323fbd259c2bf664d236f32e13a4a6be3cedd3152"]),
        Migration(
            name: "0003_indexes_of_the_histories.sql", bytes: PackageResources._003_indexes_of_the_histories_sql),
        Migration(name: "0004_event_log.sql", bytes: PackageResources._004_event_log_sql),
        Migration(
            name: "0005_lists_and_idempotency.sql", bytes: PackageResources._005_lists_and_idempotency_sql),
        Migration(name: "0006_wishlists_of_a_group.sql", bytes: PackageResources._006_wishlists_of_a_group_sql),
        Migration(
            name: "0007_leases_of_the_instances.sql", bytes: PackageResources._007_leases_of_the_instances_sql),
        Migration(name: "0008_rejected_webhooks.sql", bytes: PackageResources._008_rejected_webhooks_sql),
        Migration(name: "0009_refused_webhooks.sql", bytes: PackageResources._009_refused_webhooks_sql),
        Migration(name: "0010_operator.sql", bytes: PackageResources._010_operator_sql),
        Migration(name: "0011_retryable_errors.sql", bytes: PackageResources._011_retryable_errors_sql),
        Migration(name: "0012_times_of_webhooks.sql", bytes: PackageResources._012_times_of_webhooks_sql),
        Migration(name: "0013_times_of_notifications.sql", bytes: PackageResources._013_times_of_notifications_sql),
    ]

    /// Applies them, once nothing in the console's tables is in the way.
    package static func migrator(_ configuration: MySQLConfiguration, lockLimit: Duration = .seconds(600)) -> Migrator {
        Migrator(
            configuration, migrations: all, lockLimit: lockLimit,
            precondition: { connection throws(MySQLError) in try ConsoleSchema.obstacles(on: connection) })
    }

    /// Names of those that have not been applied.
    package static func missing(on connection: isolated MySQLConnection) throws(MySQLError) -> [String] {
        let applied = try connection.query("SELECT name FROM integrator_migrations").map { row throws(MySQLError) in
            try row.string(0)
        }
        return all.map(\.name).filter { !applied.contains($0) }
    }

    /// The way back. The first loses nothing; the second drops what is in the service's own tables and columns.
    package static let undo = [
        Migration(name: "0001_undo_indexes.sql", bytes: PackageResources._001_undo_indexes_sql),
        Migration(name: "0002_undo_data.sql", bytes: PackageResources._002_undo_data_sql),
    ]

    /// Data to try the service on; each file may be loaded again.
    package static let demo = [
        Migration(name: "0001_people.sql", bytes: PackageResources._001_people_sql),
        Migration(name: "0002_wishlists.sql", bytes: PackageResources._002_wishlists_sql),
        Migration(name: "0003_histories.sql", bytes: PackageResources._003_histories_sql),
    ]
}

extension Migration {
    fileprivate init(name: String, bytes: [UInt8], earlierChecksums: [String] = []) {
        self.init(name: name, text: String(decoding: bytes, as: UTF8.self), earlierChecksums: earlierChecksums)
    }
}
