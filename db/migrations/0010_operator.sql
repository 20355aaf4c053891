-- The operator's side: the log by outcome, the histories by status, and who did what.

ALTER TABLE wishlist_dataset_events ADD INDEX events_outcome (outcome), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_status (status), ALGORITHM = INPLACE, LOCK = NONE;

CREATE TABLE IF NOT EXISTS integrator_actions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    actor VARCHAR(100) NOT NULL COMMENT 'the name of the operator token, or user@host of a command line',
    action VARCHAR(50) NOT NULL,
    target VARCHAR(1000) NOT NULL COMMENT 'ids, or the filter, as text',
    changed BIGINT UNSIGNED NULL COMMENT 'how many were changed; NULL: begun, and not known to have ended',
    result VARCHAR(1000) NULL,
    begun_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
