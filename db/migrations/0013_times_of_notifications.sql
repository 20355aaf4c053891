-- When Pusher had taken a change's notification: of the last change before a history was quiet. Of others it is not kept, as it
-- would cost another write of each change.
ALTER TABLE wishlist_dataset_events ADD COLUMN notified_at DATETIME(6) NULL COMMENT 'when Pusher had taken it; NULL: not kept';
