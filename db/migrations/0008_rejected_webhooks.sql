-- Rejected webhooks can be found by what they are about, also where no history is: the log has no index on the dataset.
CREATE TABLE IF NOT EXISTS wishlist_dataset_rejected (
    event_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'wishlist_dataset_events.id',
    dataset_id BIGINT UNSIGNED NULL,
    reference CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    KEY rejected_dataset_id (dataset_id),
    KEY rejected_reference (reference)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
