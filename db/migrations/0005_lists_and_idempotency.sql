-- The histories of a wishlist, sorted: by id there is an index; each of these ends with the id, as all indexes of InnoDB.
-- None of them changes with the progress of a dataset.

ALTER TABLE wishlist_dataset_histories ADD INDEX histories_wishlist_status (wishlist_to_group_id, status), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_wishlist_created_at (wishlist_to_group_id, created_at), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_wishlist_updated_at (wishlist_to_group_id, quiet_updated_at), ALGORITHM = INPLACE, LOCK = NONE;

-- The keys that clients sent with a create, for 24 hours.
CREATE TABLE IF NOT EXISTS integrator_idempotency_keys (
    user_id BIGINT UNSIGNED NOT NULL COMMENT 'users.id',
    idempotency_key VARBINARY(255) NOT NULL,
    fingerprint BINARY(32) NOT NULL COMMENT 'SHA-256 of what was asked for',
    claim BIGINT UNSIGNED NOT NULL COMMENT 'the request that is at it; random',
    claimed_until DATETIME(6) NOT NULL COMMENT 'when its claim runs out',
    history_id BIGINT UNSIGNED NULL COMMENT 'wishlist_dataset_histories.id; written in the transaction that reserves the row',
    status SMALLINT UNSIGNED NULL COMMENT 'of the first answer; NULL: it has not been given',
    body LONGBLOB NULL COMMENT 'of the first answer',
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, idempotency_key),
    KEY idempotency_keys_created_at (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
