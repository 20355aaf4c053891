import MySQL
import TestSupport
import Testing

/// What a migrator looks at before it changes anything.
@Suite(.timeLimit(.minutes(3))) struct MigratorCheckTests {
    @Test func whatCannotBeChangedIsToldBeforeAnythingIs() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("create table a (id int primary key)")
            try await connection.execute("create table m (id int primary key) engine = MyISAM")
            try await connection.execute("create view v as select * from a")
            try await connection.execute("create table b (u int, v int, w int, key k (v), key j (u))")
            try await connection.execute("insert into b values (null, 1, 7), (null, 1, 7), (1, 2, 8)")
            let migration = Migration(
                name: "1",
                text: """
                    alter table a add column w int; alter table m add column w int; alter table v add column w int;
                    alter table b add column u int as (w + 1) virtual; alter table b add unique index k (w);
                    alter table b add index j (u); alter table b add unique index l (w), algorithm = inplace, lock = none;
                    alter table b add unique index m (u);
                    """)
            let migrator = Migrator(
                configuration, migrations: [migration],
                precondition: { _ in
                    [
                        SchemaDifference(isFatal: true, text: "of b", remedy: "mend it"),
                        SchemaDifference(isFatal: false, text: "of c", remedy: "let it be"),
                    ]
                })
            let tables = try await connection.query("show tables").count
            let error = await #expect(throws: MySQLError.self) { _ = try await migrator.run() }
            #expect(
                error?.description
                    == """
                    nothing has been changed; to be mended first:
                      of b: mend it
                      m is a table of MyISAM, not of InnoDB: ALTER TABLE m ENGINE = InnoDB
                      v is no table but a view: have the table itself in this schema
                      column b.u is there as int(11), not as a generated column: rename it: ALTER TABLE b RENAME COLUMN \
                    u TO another name
                      the index k of b is on (v): ALTER TABLE b DROP INDEX k, add unique index k (w)
                      b has rows with the same w, which l forbids: SELECT `w`, COUNT(*) FROM `b` WHERE `w` IS NOT NULL \
                    GROUP BY `w` HAVING COUNT(*) > 1 shows them
                    """.replacing("int(11)", with: try await type(of: "u", connection)))
            #expect(try await connection.query("show tables").count == tables)
            #expect(try await connection.query("show columns from a").count == 1)
        }
    }

    /// MySQL has no display widths.
    private func type(of column: String, _ connection: MySQLConnection) async throws -> String {
        try await connection.query(
            """
            select COLUMN_TYPE from information_schema.COLUMNS
            where TABLE_SCHEMA = database() and TABLE_NAME = 'b' and COLUMN_NAME = \(column)
            """)[0].string(0)
    }

    /// What the server lets nobody change while others write.
    @Test func tablesThatTakeNoColumnAreNamed() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute(
                "create table f (id int primary key, name varchar(20), fulltext key words (name))")
            try await connection.execute(
                "create table p (id int primary key, n int) partition by hash (id) partitions 2")
            var expected = ["f has the FULLTEXT index words", "p is partitioned"]
            if try await connection.query("select version() like '%MariaDB%'")[0].bool(0) {
                try await connection.execute("create table s (id int primary key) with system versioning")
                expected.append("the server refuses ALTER TABLE s: it says 4119")
            }
            let migration = Migration(
                name: "1",
                text: """
                    alter table f add column a int; alter table f add column b int;
                    alter table p add column v int as (n + 1) virtual; alter table s add column a int;
                    """)
            let error = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(configuration, migrations: [migration]).run()
            }
            let text = try #require(error?.description)
            for reason in expected { #expect(text.contains(reason), "\(text)") }
            // Each once.
            #expect(text.split(separator: "\n").count == expected.count + 1, "\(text)")
            // As the remedies say.
            for table in ["f drop index words", "p remove partitioning"] {
                try await connection.execute("alter table \(unescaped: table)")
            }
            try await connection.execute("drop table if exists s")
            try await connection.execute("create table if not exists s (id int primary key)")
            #expect(try await Migrator(configuration, migrations: [migration]).run() == ["1"])
            await connection.close()
        }
    }

    /// The rights to change and to make tables are looked at first too.
    @Test func rightsThatAreMissingAreNamedBeforeAnythingIsChanged() async throws {
        try await TestDatabase.with { configuration in
            let owner = try await MySQLConnection.connect(configuration)
            try await owner.execute("create table a (id int primary key)")
            let user = "m_\(configuration.database.dropFirst(5))"
            try await owner.execute("create user \(unescaped: user)@'%'")
            try await owner.execute("grant select on \(identifier: configuration.database).* to \(unescaped: user)@'%'")
            var limited = configuration
            limited.username = user
            let migration = Migration(
                name: "1", text: "create table b (id int primary key); alter table a add column w int;")
            let error = await #expect(throws: MySQLError.self) {
                _ = try await Migrator(limited, migrations: [migration]).run()
            }
            #expect(error?.description.contains("the right CREATE on b is missing") == true)
            #expect(error?.description.contains("the right ALTER on a is missing") == true)
            try await owner.execute("drop user \(unescaped: user)@'%'")
            await owner.close()
        }
    }

    /// What older applications have made: the session of the service would refuse to touch such a table.
    @Test func aTableWithZeroDatesIsChanged() async throws {
        try await TestDatabase.with { configuration in
            let connection = try await MySQLConnection.connect(configuration)
            try await connection.execute("set sql_mode = ''")
            try await connection.execute(
                """
                create table a (id int not null primary key, made timestamp not null default '0000-00-00 00:00:00',
                n int not null) engine = InnoDB
                """)
            try await connection.execute("insert into a (id, n) values (1, 1)")
            let migration = Migration(
                name: "1",
                text: """
                    alter table a add column w int; alter table a modify column n int null;
                    alter table a add column v timestamp as (if(n > 0, null, made)) virtual; alter table a add index i (v);
                    """)
            #expect(try await Migrator(configuration, migrations: [migration]).run() == ["1"])
            #expect(try await connection.query("select made, w from a")[0].string(0).hasPrefix("0000-00-00"))
        }
    }
}
