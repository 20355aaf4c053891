-- Ordinary columns first, each INSTANT on MariaDB 10.6+ and MySQL 8.0+; a column that is there already is left as it is
-- (the migrator takes "duplicate column" for done). The indexes come later, each alone: see 0003.

ALTER TABLE wishlist_to_groups ADD COLUMN group_id BIGINT UNSIGNED NULL;
ALTER TABLE wishlist_to_groups ADD COLUMN training_status TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 none, 1 requested, 2 training, 3 trained, 4 failed, 5 canceled';
ALTER TABLE wishlist_to_groups ADD COLUMN training_scheduled_at DATETIME(6) NULL;
ALTER TABLE wishlist_to_groups ADD COLUMN created_at TIMESTAMP NULL;
ALTER TABLE wishlist_to_groups ADD COLUMN updated_at TIMESTAMP NULL;
ALTER TABLE wishlist_to_groups ADD COLUMN deleted_at TIMESTAMP NULL;

-- A dataset is reserved before the TV Python API has named it: dataset_id must be able to be NULL, whatever its type.
-- Everything else about the column stays: its character set, its default, its comment. MariaDB keeps a default as it is
-- written, MySQL keeps its value, or an expression.
SET @ddl = (
    SELECT IF(IS_NULLABLE = 'NO',
              CONCAT('ALTER TABLE wishlist_dataset_histories MODIFY COLUMN dataset_id ', COLUMN_TYPE,
                     IF(CHARACTER_SET_NAME IS NULL, '',
                        CONCAT(' CHARACTER SET ', CHARACTER_SET_NAME, ' COLLATE ', COLLATION_NAME)),
                     ' NULL',
                     CASE WHEN COLUMN_DEFAULT IS NULL THEN ''
                          WHEN VERSION() LIKE '%MariaDB%' THEN CONCAT(' DEFAULT ', COLUMN_DEFAULT)
                          WHEN EXTRA LIKE '%DEFAULT_GENERATED%' THEN CONCAT(' DEFAULT (', COLUMN_DEFAULT, ')')
                          ELSE CONCAT(' DEFAULT ', QUOTE(COLUMN_DEFAULT)) END,
                     IF(COLUMN_COMMENT = '', '', CONCAT(' COMMENT ', QUOTE(COLUMN_COMMENT)))),
              'DO 0')
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wishlist_dataset_histories' AND COLUMN_NAME = 'dataset_id');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

ALTER TABLE wishlist_dataset_histories ADD COLUMN created_at TIMESTAMP(6) NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN updated_at TIMESTAMP(6) NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN reference CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'UUIDv7, also the Idempotency-Key at the TV Python API; NULL: made before this service';
ALTER TABLE wishlist_dataset_histories ADD COLUMN name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN notifications TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 all, 1 milestones, 2 none';
ALTER TABLE wishlist_dataset_histories ADD COLUMN created_by BIGINT UNSIGNED NULL COMMENT 'users.id';
ALTER TABLE wishlist_dataset_histories ADD COLUMN progress TINYINT UNSIGNED NULL COMMENT 'percent';
ALTER TABLE wishlist_dataset_histories ADD COLUMN stage VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN message VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN error_code VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN error_message VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN result LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'JSON as it was received';
ALTER TABLE wishlist_dataset_histories ADD COLUMN sequence BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the last webhook applied';
ALTER TABLE wishlist_dataset_histories ADD COLUMN revision BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'counts the changes of this row';
ALTER TABLE wishlist_dataset_histories ADD COLUMN notified_revision BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'notifications up to here are settled; up to revision they are owed';
ALTER TABLE wishlist_dataset_histories ADD COLUMN owed_since DATETIME(6) NULL COMMENT 'when the oldest owed notification arose; NULL: none is owed';
ALTER TABLE wishlist_dataset_histories ADD COLUMN dispatcher BIGINT UNSIGNED NULL COMMENT 'the instance that sends the notifications';
ALTER TABLE wishlist_dataset_histories ADD COLUMN dispatch_until DATETIME(6) NULL COMMENT 'when its claim runs out';
ALTER TABLE wishlist_dataset_histories ADD COLUMN create_until DATETIME(6) NULL COMMENT 'pending: when the claim of the instance that calls the TV Python API runs out';
ALTER TABLE wishlist_dataset_histories ADD COLUMN heard_at DATETIME(6) NULL COMMENT 'when the last sign of life came from the TV Python API';
ALTER TABLE wishlist_dataset_histories ADD COLUMN deadline_at DATETIME(6) NULL COMMENT 'when to look whether the dataset has stalled; NULL: not active';
ALTER TABLE wishlist_dataset_histories ADD COLUMN redelivery_asked_at DATETIME(6) NULL COMMENT 'set once before a dataset is called stalled';
ALTER TABLE wishlist_dataset_histories ADD COLUMN started_at DATETIME(6) NULL;
ALTER TABLE wishlist_dataset_histories ADD COLUMN finished_at DATETIME(6) NULL;

-- One active dataset for each wishlist: NULL for all that are not active, so that a unique index leaves them alone. Rows
-- from before this service have no reference and are left alone too.
ALTER TABLE wishlist_dataset_histories ADD COLUMN active_wishlist_id BIGINT UNSIGNED AS (IF(reference IS NOT NULL AND status IN (0, 1, 2), wishlist_to_group_id, NULL)) VIRTUAL;

-- For histories sorted by updated_at: NULL while the dataset is active, so that an index over it costs the webhooks of an
-- active dataset nothing. Of the same type as updated_at, whatever that is: no conversion, which would follow the
-- session's time zone.
SET @ddl = (
    SELECT CONCAT('ALTER TABLE wishlist_dataset_histories ADD COLUMN quiet_updated_at ', COLUMN_TYPE,
                  ' AS (IF(status IN (0, 1, 2), NULL, updated_at)) VIRTUAL')
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wishlist_dataset_histories' AND COLUMN_NAME = 'updated_at');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
