-- Wishlists: ready ones (1 to 6, 10), an inactive one (7), a canceled one (8), and one without products (9), which is
-- not enough for a dataset. The tenth belongs to the group whose subscription has run out.

INSERT INTO wishlist_to_groups
    (id, group_id, name, slug, status, training_status, created_at, updated_at)
VALUES
    (1, 1, 'Autumn Living Room', 'autumn-living-room', 1, 0, '2026-08-17 08:30:00', '2026-08-17 08:30:00'),
    (2, 1, 'Standing Desks', 'standing-desks', 1, 0, '2026-08-24 11:15:00', '2026-08-24 11:15:00'),
    (3, 1, 'Kitchen Essentials', 'kitchen-essentials', 1, 3, '2026-09-01 07:45:00', '2026-09-01 07:45:00'),
    (4, 1, 'Outdoor Lighting', 'outdoor-lighting', 1, 0, '2026-09-09 13:00:00', '2026-09-09 13:00:00'),
    (5, 1, 'Kids'' Bedroom', 'kids-bedroom', 1, 0, '2026-09-21 16:40:00', '2026-09-21 16:40:00'),
    (6, 1, 'Bathroom Refresh', 'bathroom-refresh', 1, 0, '2026-10-02 09:10:00', '2026-10-02 09:10:00'),
    (7, 1, 'Spring Clearance', 'spring-clearance', 0, 0, '2026-03-15 10:00:00', '2026-03-15 10:00:00'),
    (8, 1, 'Holiday Gifts 2025', 'holiday-gifts-2025', 3, 0, '2026-01-13 12:00:00', '2026-01-13 12:00:00'),
    (9, 1, 'Garden Ideas', 'garden-ideas', 1, 0, '2026-10-12 18:20:00', '2026-10-12 18:20:00'),
    (10, 2, 'Winter Hiking', 'winter-hiking', 1, 0, '2026-05-04 08:00:00', '2026-05-04 08:00:00')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO wishlist_products
    (id, wishlist_to_group_id, product_id, name, sku, url)
VALUES
    (1, 1, 7001, 'Linen Sofa, Three Seats', 'SOF-3-LIN', 'https://shop.example.com/p/sof-3-lin'),
    (2, 1, 7002, 'Oak Coffee Table', 'TAB-CO-OAK', 'https://shop.example.com/p/tab-co-oak'),
    (3, 1, 7003, 'Wool Throw, Rust', 'THR-WO-RST', 'https://shop.example.com/p/thr-wo-rst'),
    (4, 1, 7004, 'Arc Floor Lamp', 'LMP-FL-ARC', 'https://shop.example.com/p/lmp-fl-arc'),
    (5, 1, 7005, 'Jute Rug 160 × 230', 'RUG-JU-160', 'https://shop.example.com/p/rug-ju-160'),
    (6, 1, 7006, 'Velvet Cushion, Ochre', 'CUS-VE-OCH', 'https://shop.example.com/p/cus-ve-och'),
    (7, 2, 7007, 'Electric Standing Desk 140', 'DSK-EL-140', 'https://shop.example.com/p/dsk-el-140'),
    (8, 2, 7008, 'Electric Standing Desk 180', 'DSK-EL-180', 'https://shop.example.com/p/dsk-el-180'),
    (9, 2, 7009, 'Monitor Arm, Double', 'ARM-MO-2', 'https://shop.example.com/p/arm-mo-2'),
    (10, 2, 7010, 'Cable Tray', 'CBL-TRAY', 'https://shop.example.com/p/cbl-tray'),
    (11, 3, 7011, 'Cast Iron Pan 28 cm', 'PAN-CI-28', 'https://shop.example.com/p/pan-ci-28'),
    (12, 3, 7012, 'Chef''s Knife 20 cm', 'KNF-CH-20', 'https://shop.example.com/p/knf-ch-20'),
    (13, 3, 7013, 'Beech Cutting Board', 'BRD-BE-40', 'https://shop.example.com/p/brd-be-40'),
    (14, 3, 7014, 'Stoneware Bowl Set', 'BWL-ST-4', 'https://shop.example.com/p/bwl-st-4'),
    (15, 4, 7015, 'Solar Path Light, Set of 6', 'LMP-SO-6', 'https://shop.example.com/p/lmp-so-6'),
    (16, 4, 7016, 'String Lights 20 m', 'LMP-ST-20', 'https://shop.example.com/p/lmp-st-20'),
    (17, 4, 7017, 'Wall Lantern, Black', 'LMP-WA-BLK', 'https://shop.example.com/p/lmp-wa-blk'),
    (18, 5, 7018, 'House Bed 90 × 200', 'BED-HO-90', 'https://shop.example.com/p/bed-ho-90'),
    (19, 5, 7019, 'Toy Chest, Birch', 'CHE-TO-BIR', 'https://shop.example.com/p/che-to-bir'),
    (20, 5, 7020, 'Star Night Light', 'LMP-NI-STR', 'https://shop.example.com/p/lmp-ni-str'),
    (21, 6, 7021, 'Waffle Towel Set', 'TWL-WA-4', 'https://shop.example.com/p/twl-wa-4'),
    (22, 6, 7022, 'Bamboo Bath Mat', 'MAT-BA-60', 'https://shop.example.com/p/mat-ba-60'),
    (23, 6, 7023, 'Round Mirror 60 cm', 'MIR-RO-60', 'https://shop.example.com/p/mir-ro-60'),
    (24, 7, 7024, 'Rattan Armchair', 'CHR-RA-1', 'https://shop.example.com/p/chr-ra-1'),
    (25, 7, 7025, 'Terracotta Planter', 'PLA-TE-30', 'https://shop.example.com/p/pla-te-30'),
    (26, 8, 7026, 'Scented Candle, Pine', 'CND-PINE', 'https://shop.example.com/p/cnd-pine'),
    (27, 10, 7027, 'Insulated Hiking Boot', 'BOO-IN-42', 'https://shop.example.com/p/boo-in-42'),
    (28, 10, 7028, 'Merino Base Layer', 'LAY-ME-M', 'https://shop.example.com/p/lay-me-m'),
    (29, 10, 7029, 'Trekking Poles, Carbon', 'POL-CA-2', 'https://shop.example.com/p/pol-ca-2')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO wishlist_categories
    (id, wishlist_to_group_id, category_id, name)
VALUES
    (1, 1, 301, 'Sofas'),
    (2, 1, 302, 'Coffee tables'),
    (3, 1, 303, 'Lighting'),
    (4, 1, 304, 'Textiles'),
    (5, 2, 305, 'Desks'),
    (6, 2, 306, 'Desk accessories'),
    (7, 3, 307, 'Cookware'),
    (8, 3, 308, 'Knives'),
    (9, 3, 309, 'Tableware'),
    (10, 4, 310, 'Outdoor lighting'),
    (11, 5, 311, 'Beds'),
    (12, 5, 312, 'Storage'),
    (13, 5, 303, 'Lighting'),
    (14, 6, 313, 'Bathroom textiles'),
    (15, 6, 314, 'Mirrors'),
    (16, 7, 315, 'Garden furniture'),
    (17, 8, 316, 'Gifts'),
    (18, 9, 315, 'Garden furniture'),
    (19, 10, 317, 'Footwear'),
    (20, 10, 318, 'Base layers')
ON DUPLICATE KEY UPDATE id = id;

INSERT INTO wishlist_search_queries
    (id, wishlist_to_group_id, query)
VALUES
    (1, 1, 'linen sofa three seater'),
    (2, 1, 'oak coffee table round'),
    (3, 1, 'cozy living room ideas'),
    (4, 2, 'standing desk electric'),
    (5, 2, 'height adjustable desk 180'),
    (6, 2, 'ergonomic home office'),
    (7, 3, 'cast iron pan'),
    (8, 3, 'best chef knife under 100'),
    (9, 4, 'solar garden lights'),
    (10, 4, 'outdoor string lights warm white'),
    (11, 5, 'house bed for kids'),
    (12, 5, 'montessori bedroom furniture'),
    (13, 6, 'waffle towels'),
    (14, 6, 'round bathroom mirror'),
    (15, 7, 'rattan armchair sale'),
    (16, 8, 'christmas gifts home'),
    (17, 9, 'small balcony ideas'),
    (18, 10, 'winter hiking boots waterproof')
ON DUPLICATE KEY UPDATE id = id;
