-- Each index alone: INPLACE with LOCK=NONE on MariaDB 10.6+ and MySQL 8.0+.

ALTER TABLE wishlist_dataset_histories ADD INDEX histories_dataset_id (dataset_id), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD UNIQUE INDEX histories_reference (reference), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_wishlist (wishlist_to_group_id, id), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_owed_since (owed_since), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD INDEX histories_deadline_at (deadline_at), ALGORITHM = INPLACE, LOCK = NONE;
ALTER TABLE wishlist_dataset_histories ADD UNIQUE INDEX histories_active_wishlist (active_wishlist_id), ALGORITHM = INPLACE, LOCK = NONE;
