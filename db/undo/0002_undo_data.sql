-- The rest of what only this service uses, with all that is in it. Columns that a console may have had before (name, message,
-- progress, result and the like) stay, and so does all in `wishlist_to_groups`.

DROP TABLE IF EXISTS wishlist_dataset_events;
DROP TABLE IF EXISTS wishlist_dataset_parked;
DROP TABLE IF EXISTS wishlist_dataset_dead_letters;
DROP TABLE IF EXISTS wishlist_dataset_requests;
DROP TABLE IF EXISTS integrator_idempotency_keys;
DROP TABLE IF EXISTS wishlist_dataset_rejected;
DROP TABLE IF EXISTS wishlist_dataset_retryable;
DROP TABLE IF EXISTS integrator_refused_webhooks;
DROP TABLE IF EXISTS integrator_leases;
DROP TABLE IF EXISTS integrator_actions;

ALTER TABLE wishlist_dataset_histories DROP COLUMN reference;
ALTER TABLE wishlist_dataset_histories DROP COLUMN notifications;
ALTER TABLE wishlist_dataset_histories DROP COLUMN sequence;
ALTER TABLE wishlist_dataset_histories DROP COLUMN revision;
ALTER TABLE wishlist_dataset_histories DROP COLUMN notified_revision;
ALTER TABLE wishlist_dataset_histories DROP COLUMN owed_since;
ALTER TABLE wishlist_dataset_histories DROP COLUMN dispatcher;
ALTER TABLE wishlist_dataset_histories DROP COLUMN dispatch_until;
ALTER TABLE wishlist_dataset_histories DROP COLUMN create_until;
ALTER TABLE wishlist_dataset_histories DROP COLUMN heard_at;
ALTER TABLE wishlist_dataset_histories DROP COLUMN deadline_at;
ALTER TABLE wishlist_dataset_histories DROP COLUMN redelivery_asked_at;
