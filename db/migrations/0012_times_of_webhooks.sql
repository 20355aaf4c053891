-- When a webhook was sent and when it came; `recorded_at` tells when it was committed.
ALTER TABLE wishlist_dataset_events ADD COLUMN sent_at DATETIME NULL COMMENT 'webhook-timestamp; NULL: a change of our own';
ALTER TABLE wishlist_dataset_events ADD COLUMN received_at DATETIME(6) NULL COMMENT 'by the clock of the instance that took it';
