-- A group's wishlists, for the list of them; a console that has such an index under another name keeps both.

ALTER TABLE wishlist_to_groups ADD INDEX wishlists_group (group_id), ALGORITHM = INPLACE, LOCK = NONE;
