-- Datasets that have been made before: one from before this service (no reference, no timeline), one that failed, one
-- that was completed, and one that was trained as well. Their timelines stand in the event log; nothing is owed or
-- active.

INSERT INTO wishlist_dataset_histories
    (id, wishlist_to_group_id, dataset_id, slug, status, created_at, updated_at, reference, name, created_by, progress,
        stage, message, error_code, error_message, result, sequence, revision, notified_revision, heard_at,
        started_at, finished_at)
VALUES
    (1, 3, 3977, 'kitchen-essentials', 3, '2026-07-06 10:11:12.000000', '2026-07-06 10:31:47.000000',
        NULL, NULL, NULL, 100, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL),
    (2, 2, 4102, 'standing-desks', 4, '2026-10-05 08:12:44.118000', '2026-10-05 08:16:02.645000',
        '01a10b1f-50d6-74c1-8d02-a6b9e3f7c15e', 'Standing Desks', 1, 20, 'collecting', 'Reading the product feed',
        'source_unavailable', 'The product feed could not be read.', NULL,
        4, 5, 5, '2026-10-05 08:16:02.645000', '2026-10-05 08:12:58.020000', '2026-10-05 08:16:02.645000'),
    (3, 3, 4103, 'kitchen-essentials', 3, '2026-10-19 13:40:02.507000', '2026-10-19 15:31:55.073000',
        '01a15464-014b-79f3-8a4e-71c0d52b6608', 'Kitchen Essentials', 2, 100, 'clustering', 'Finding groups of products', NULL, NULL,
        '{"rows":18240,"products":4,"url":"https://datasets.example.com/4103.parquet","expires_at":"2027-01-17T13:52:11.000000Z","metrics":{"coverage":0.97}}',
        7, 9, 9, '2026-10-19 15:31:55.073000', '2026-10-19 13:40:20.116000', '2026-10-19 13:52:11.461000'),
    (4, 1, 4104, 'autumn-living-room', 3, '2026-11-02 07:55:31.902000', '2026-11-02 08:09:40.336000',
        '01a19b41-a0be-716b-b3d9-7f02e84ca5d1', 'Autumn Living Room, November', 1, 100, 'embedding', 'Embedding products', NULL, NULL,
        '{"rows":26118,"products":6,"url":"https://datasets.example.com/4104.parquet","expires_at":"2027-01-31T08:09:40.000000Z","metrics":{"coverage":0.99}}',
        4, 5, 5, '2026-11-02 08:09:40.336000', '2026-11-02 07:55:49.511000', '2026-11-02 08:09:40.336000')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO wishlist_dataset_events
    (id, event_key, history_id, revision, dataset_id, sequence, type, outcome, status, progress, stage, message,
        recorded_at, body)
VALUES
    (1, '.demo-2-1', 2, 1, NULL, NULL, 'dataset.created', 0, 0, NULL, NULL, NULL,
        '2026-10-05 08:12:44.118000', '{}'),
    (2, 'msg_demo_2_1', 2, 2, 4102, 1, 'dataset.queued', 0, 1, NULL, NULL, NULL,
        '2026-10-05 08:12:44.391000', '{"type":"dataset.queued","timestamp":"2026-10-05T08:12:44.391000Z","data":{"dataset_id":4102,"reference":"01a10b1f-50d6-74c1-8d02-a6b9e3f7c15e","sequence":1}}'),
    (3, 'msg_demo_2_2', 2, 3, 4102, 2, 'dataset.started', 0, 2, 0, 'collecting', 'Collecting product data',
        '2026-10-05 08:12:58.020000', '{"type":"dataset.started","timestamp":"2026-10-05T08:12:58.020000Z","data":{"dataset_id":4102,"reference":"01a10b1f-50d6-74c1-8d02-a6b9e3f7c15e","sequence":2,"progress":0,"stage":"collecting","message":"Collecting product data"}}'),
    (4, 'msg_demo_2_3', 2, 4, 4102, 3, 'dataset.progress', 0, 2, 20, 'collecting', 'Reading the product feed',
        '2026-10-05 08:14:31.774000', '{"type":"dataset.progress","timestamp":"2026-10-05T08:14:31.774000Z","data":{"dataset_id":4102,"reference":"01a10b1f-50d6-74c1-8d02-a6b9e3f7c15e","sequence":3,"progress":20,"stage":"collecting","message":"Reading the product feed"}}'),
    (5, 'msg_demo_2_4', 2, 5, 4102, 4, 'dataset.failed', 0, 4, 20, 'collecting', NULL,
        '2026-10-05 08:16:02.645000', '{"type":"dataset.failed","timestamp":"2026-10-05T08:16:02.645000Z","data":{"dataset_id":4102,"reference":"01a10b1f-50d6-74c1-8d02-a6b9e3f7c15e","sequence":4,"error":{"code":"source_unavailable","message":"The product feed could not be read.","retryable":true}}}'),
    (6, '.demo-3-1', 3, 1, NULL, NULL, 'dataset.created', 0, 0, NULL, NULL, NULL,
        '2026-10-19 13:40:02.507000', '{}'),
    (7, 'msg_demo_3_1', 3, 2, 4103, 1, 'dataset.queued', 0, 1, NULL, NULL, NULL,
        '2026-10-19 13:40:02.803000', '{"type":"dataset.queued","timestamp":"2026-10-19T13:40:02.803000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":1}}'),
    (8, 'msg_demo_3_2', 3, 3, 4103, 2, 'dataset.started', 0, 2, 0, 'collecting', 'Collecting product data',
        '2026-10-19 13:40:20.116000', '{"type":"dataset.started","timestamp":"2026-10-19T13:40:20.116000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":2,"progress":0,"stage":"collecting","message":"Collecting product data"}}'),
    (9, 'msg_demo_3_3', 3, 4, 4103, 3, 'dataset.progress', 0, 2, 45, 'embedding', 'Embedding products',
        '2026-10-19 13:44:47.930000', '{"type":"dataset.progress","timestamp":"2026-10-19T13:44:47.930000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":3,"progress":45,"stage":"embedding","message":"Embedding products"}}'),
    (10, 'msg_demo_3_4', 3, 5, 4103, 4, 'dataset.progress', 0, 2, 80, 'clustering', 'Finding groups of products',
        '2026-10-19 13:49:05.288000', '{"type":"dataset.progress","timestamp":"2026-10-19T13:49:05.288000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":4,"progress":80,"stage":"clustering","message":"Finding groups of products"}}'),
    (11, 'msg_demo_3_5', 3, 6, 4103, 5, 'dataset.completed', 0, 3, 100, 'clustering', NULL,
        '2026-10-19 13:52:11.461000', '{"type":"dataset.completed","timestamp":"2026-10-19T13:52:11.461000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":5,"result":{"rows":18240,"products":4,"url":"https://datasets.example.com/4103.parquet","expires_at":"2027-01-17T13:52:11.000000Z","metrics":{"coverage":0.97}}}}'),
    (12, '.demo-3-7', 3, 7, NULL, NULL, 'training.updated', 0, 3, 100, 'clustering', NULL,
        '2026-10-19 14:05:00.212000', '{}'),
    (13, 'msg_demo_3_6', 3, 8, 4103, 6, 'training.started', 0, 3, 100, 'clustering', NULL,
        '2026-10-19 14:05:08.640000', '{"type":"training.started","timestamp":"2026-10-19T14:05:08.640000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":6}}'),
    (14, 'msg_demo_3_7', 3, 9, 4103, 7, 'training.completed', 0, 3, 100, 'clustering', NULL,
        '2026-10-19 15:31:55.073000', '{"type":"training.completed","timestamp":"2026-10-19T15:31:55.073000Z","data":{"dataset_id":4103,"reference":"01a15464-014b-79f3-8a4e-71c0d52b6608","sequence":7,"result":{"model":"tv-rank-4103","metrics":{"ndcg_at_10":0.81}}}}'),
    (15, '.demo-4-1', 4, 1, NULL, NULL, 'dataset.created', 0, 0, NULL, NULL, NULL,
        '2026-11-02 07:55:31.902000', '{}'),
    (16, 'msg_demo_4_1', 4, 2, 4104, 1, 'dataset.queued', 0, 1, NULL, NULL, NULL,
        '2026-11-02 07:55:32.240000', '{"type":"dataset.queued","timestamp":"2026-11-02T07:55:32.240000Z","data":{"dataset_id":4104,"reference":"01a19b41-a0be-716b-b3d9-7f02e84ca5d1","sequence":1}}'),
    (17, 'msg_demo_4_2', 4, 3, 4104, 2, 'dataset.started', 0, 2, 0, 'collecting', 'Collecting product data',
        '2026-11-02 07:55:49.511000', '{"type":"dataset.started","timestamp":"2026-11-02T07:55:49.511000Z","data":{"dataset_id":4104,"reference":"01a19b41-a0be-716b-b3d9-7f02e84ca5d1","sequence":2,"progress":0,"stage":"collecting","message":"Collecting product data"}}'),
    (18, 'msg_demo_4_3', 4, 4, 4104, 3, 'dataset.progress', 0, 2, 60, 'embedding', 'Embedding products',
        '2026-11-02 08:02:13.087000', '{"type":"dataset.progress","timestamp":"2026-11-02T08:02:13.087000Z","data":{"dataset_id":4104,"reference":"01a19b41-a0be-716b-b3d9-7f02e84ca5d1","sequence":3,"progress":60,"stage":"embedding","message":"Embedding products"}}'),
    (19, 'msg_demo_4_4', 4, 5, 4104, 4, 'dataset.completed', 0, 3, 100, 'embedding', NULL,
        '2026-11-02 08:09:40.336000', '{"type":"dataset.completed","timestamp":"2026-11-02T08:09:40.336000Z","data":{"dataset_id":4104,"reference":"01a19b41-a0be-716b-b3d9-7f02e84ca5d1","sequence":4,"result":{"rows":26118,"products":6,"url":"https://datasets.example.com/4104.parquet","expires_at":"2027-01-31T08:09:40.000000Z","metrics":{"coverage":0.99}}}}')
ON DUPLICATE KEY UPDATE id = id;
