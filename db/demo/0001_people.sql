-- Demo data for an empty database; each statement can be run again and changes nothing then.
-- Two companies: the first has paid, the second's subscription has run out. Olive belongs to neither.

INSERT INTO users (id, name, email, created_at, updated_at) VALUES
    (1, 'Ada Berg', 'ada.owner@example.com', '2026-01-12 09:00:00', '2026-01-12 09:00:00'),
    (2, 'Emil Sand', 'emil.editor@example.com', '2026-01-12 09:20:00', '2026-01-12 09:20:00'),
    (3, 'Vera Lund', 'vera.viewer@example.com', '2026-02-03 14:05:00', '2026-02-03 14:05:00'),
    (4, 'Olive Stone', 'olive.outsider@example.com', '2026-02-03 15:30:00', '2026-02-03 15:30:00')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO `groups` (id, name, created_at, updated_at) VALUES
    (1, 'Northlight Home', '2026-01-12 09:01:00', '2026-01-12 09:01:00'),
    (2, 'Blue Harbor Outdoors', '2026-01-20 10:00:00', '2026-01-20 10:00:00')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO group_user (id, group_id, user_id, role, created_at, updated_at) VALUES
    (1, 1, 1, 'owner', '2026-01-12 09:01:00', '2026-01-12 09:01:00'),
    (2, 1, 2, 'editor', '2026-01-12 09:21:00', '2026-01-12 09:21:00'),
    (3, 1, 3, 'viewer', '2026-02-03 14:06:00', '2026-02-03 14:06:00'),
    (4, 2, 1, 'owner', '2026-01-20 10:00:00', '2026-01-20 10:00:00')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO subscriptions
    (id, group_id, type, stripe_id, stripe_status, stripe_price, quantity, trial_ends_at, ends_at, created_at,
        updated_at)
VALUES
    (1, 1, 'default', 'sub_demo_northlight', 'active', 'price_demo_business', 1, NULL, NULL,
        '2026-01-12 09:02:00', '2026-01-12 09:02:00'),
    (2, 2, 'default', 'sub_demo_blue_harbor', 'canceled', 'price_demo_business', 1, NULL, '2026-06-30 22:00:00',
        '2026-01-20 10:01:00', '2026-06-30 22:00:00')
ON DUPLICATE KEY UPDATE id = id;
