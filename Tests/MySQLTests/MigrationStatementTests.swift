import Testing

@testable import MySQL

@Suite(.timeLimit(.minutes(10))) struct MigrationStatementTests {
    private func plan(_ text: String) throws -> [MigrationStatement] {
        MigrationStatement.plan(try StatementSplitter.split(text))
    }

    @Test func neighboursAreJoined() throws {
        let plan = try plan(
            """
            alter table a add column b int not null default 1 comment 'x, y'; ALTER TABLE `a` ADD COLUMN c char(3);
            alter table a add column d int as (b + 1) virtual; alter table a add column e int as (b + 2);
            alter table a add column f int; alter table z add column g int;
            alter table a add index i (b), algorithm = inplace, lock = none; alter table a add unique key `j` (c);
            alter table a drop index i; alter table a drop index j; alter table a modify column b int null;
            """)
        #expect(
            plan.map(\.subject) == [
                "ALTER TABLE a: b, c", "ALTER TABLE a: d", "ALTER TABLE a: e", "ALTER TABLE a: f", "ALTER TABLE z: g",
                "ALTER TABLE a: i, j", "ALTER TABLE a: i", "ALTER TABLE a: j", "ALTER TABLE a",
            ])
        guard case .alter(_, let changes) = plan[5] else {
            Issue.record("no ALTER")
            return
        }
        #expect(changes.map(\.clause) == ["add index i (b)", "add unique key `j` (c)"])
        guard case .alter(_, let columns) = plan[0] else { return }
        #expect(
            columns.map(\.clause) == ["add column b int not null default 1 comment 'x, y'", "ADD COLUMN c char(3)"])
        #expect(columns.map(\.columnType) == ["int", "char(3)"])
    }

    @Test func aPreparedStatementIsOneStep() throws {
        let plan = try plan("set @x = 'do 1'; prepare p from @x; execute p; deallocate prepare p; execute q;")
        #expect(plan == [.other("set @x = 'do 1'"), .prepared(name: "p", variable: "x"), .other("execute q")])
    }

    @Test(arguments: [
        ("create table if not exists `a` (id int)", "a"), ("CREATE TABLE b\n(id int)", "b"),
        ("create index i on a (b)", nil), ("create", nil), ("insert into a values (1)", nil),
    ])
    func namesTheTableThatIsMade(text: String, table: String?) {
        #expect(MigrationStatement(text).createdTable == table)
    }

    @Test(arguments: [
        ("bigint(20) unsigned", "BIGINT UNSIGNED"), ("int(11)", "int"), ("timestamp", "TIMESTAMP(6)"),
        ("datetime", "timestamp(6)"), ("varchar(255)", "VARCHAR(255)"),
    ])
    func theSameColumn(there: String, wanted: String) {
        #expect(MigrationStatement.family(there) == MigrationStatement.family(wanted))
    }

    @Test(arguments: [
        ("int unsigned", "bigint unsigned"), ("bigint(20)", "bigint unsigned"), ("varchar(191)", "varchar(1000)"),
        ("json", "longtext"), ("decimal(5,2)", "tinyint unsigned"), ("date", "datetime"),
    ])
    func anotherColumn(there: String, wanted: String) {
        #expect(MigrationStatement.family(there) != MigrationStatement.family(wanted))
    }
}
