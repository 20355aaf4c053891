-- The way back, without a loss: what only this service uses and what is derived from other columns. The console's program
-- works with or without it, and `integrator migrate` makes it again.

ALTER TABLE wishlist_dataset_histories DROP INDEX histories_active_wishlist;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_wishlist_updated_at;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_wishlist_created_at;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_wishlist_status;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_deadline_at;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_owed_since;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_dispatcher;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_status;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_reference;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_dataset_id;
ALTER TABLE wishlist_dataset_histories DROP INDEX histories_wishlist;
ALTER TABLE wishlist_to_groups DROP INDEX wishlists_group;

ALTER TABLE wishlist_dataset_histories DROP COLUMN active_wishlist_id;
ALTER TABLE wishlist_dataset_histories DROP COLUMN quiet_updated_at;
