-- The append-only log: one row for each webhook received and each change that the service made itself. The history row and
-- the notifications are derived from it, in the transaction that appends to it.

CREATE TABLE IF NOT EXISTS wishlist_dataset_events (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_key VARBINARY(255) NOT NULL COMMENT 'the webhook-id; for a change of our own a key that begins with a dot',
    history_id BIGINT UNSIGNED NULL COMMENT 'wishlist_dataset_histories.id; NULL: not known (yet)',
    revision BIGINT UNSIGNED NULL COMMENT 'of the history after this change; NULL: changed nothing',
    dataset_id BIGINT UNSIGNED NULL,
    sequence BIGINT UNSIGNED NULL,
    type VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    outcome TINYINT UNSIGNED NOT NULL COMMENT '0 applied, 1 stale, 2 ignored, 3 parked, 4 rejected',
    status TINYINT UNSIGNED NULL COMMENT 'of the history after this change, as the three below',
    progress TINYINT UNSIGNED NULL,
    stage VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    message VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    reason VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'why it was rejected',
    body LONGBLOB NOT NULL COMMENT 'the bytes that were received',
    recorded_at DATETIME(6) NOT NULL,
    UNIQUE KEY events_event_key (event_key),
    UNIQUE KEY events_history_revision (history_id, revision)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Webhooks of datasets that are not known yet; a row goes when its event has been applied.
CREATE TABLE IF NOT EXISTS wishlist_dataset_parked (
    event_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    dataset_id BIGINT UNSIGNED NOT NULL,
    KEY parked_dataset_id (dataset_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What Pusher refused for good, until an operator requeues or drops it.
CREATE TABLE IF NOT EXISTS wishlist_dataset_dead_letters (
    event_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'wishlist_dataset_events.id',
    history_id BIGINT UNSIGNED NOT NULL,
    revision BIGINT UNSIGNED NOT NULL,
    reason VARCHAR(1000) NOT NULL,
    refused_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The body of each create call that has not been answered yet: sent again byte for byte under the same Idempotency-Key.
CREATE TABLE IF NOT EXISTS wishlist_dataset_requests (
    history_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    body LONGBLOB NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
