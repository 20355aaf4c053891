-- Who delivers the notifications of a history is found by an index that no webhook moves: `dispatcher` stays as it is while
-- one instance changes the history. `owed_since` and `dispatch_until` are no longer written; they, and the index on the first,
-- are for programs from before this that still run, and go with a later migration.
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_dispatcher (dispatcher), ALGORITHM = INPLACE, LOCK = NONE;

CREATE TABLE IF NOT EXISTS integrator_leases (
    instance BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'wishlist_dataset_histories.dispatcher',
    renewed_at DATETIME(6) NOT NULL COMMENT 'others remove a lease that has not changed for 30 seconds'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
