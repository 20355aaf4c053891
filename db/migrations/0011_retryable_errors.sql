-- Whether another try of a failed dataset may end better, as data.error.retryable of its webhook says. Not a column of the
-- histories: MariaDB adds none online once a virtual column is indexed (see 0003).

CREATE TABLE IF NOT EXISTS wishlist_dataset_retryable (
    history_id BIGINT UNSIGNED NOT NULL COMMENT 'wishlist_dataset_histories.id',
    retryable TINYINT UNSIGNED NULL COMMENT 'NULL: not said',
    PRIMARY KEY (history_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
