package import Datasets
import JSON
import MySQL

extension Wishlists {
    /// Reads the products, categories and search queries of a wishlist.
    package func contents(of wishlistID: Int64) async throws -> WishlistContents {
        let (products, categories, queries) = try await pool.withConnection { connection in
            (
                try connection.query(
                    """
                    SELECT product_id, name, sku, url FROM wishlist_products \
                    WHERE wishlist_to_group_id = \(wishlistID)\(try connection.notDeleted("wishlist_products")) ORDER BY id
                    """),
                try connection.query(
                    """
                    SELECT category_id, name FROM wishlist_categories \
                    WHERE wishlist_to_group_id = \(wishlistID)\(try connection.notDeleted("wishlist_categories")) ORDER BY id
                    """),
                try connection.query(
                    """
                    SELECT query FROM wishlist_search_queries WHERE wishlist_to_group_id = \(wishlistID) \
                    AND query IS NOT NULL\(try connection.notDeleted("wishlist_search_queries")) ORDER BY id
                    """)
            )
        }
        let lists = [
            "products": try Self.list(products) { row, json throws(MySQLError) in
                let (id, name) = (try row.number(0), try row.text(1))
                let (sku, url) = (try row.text(2), try row.text(3))
                json.object { json in
                    json.field("id", id)
                    json.field("name", name)
                    json.field("sku", sku)
                    json.field("url", url)
                }
            },
            "categories": try Self.list(categories) { row, json throws(MySQLError) in
                let (id, name) = (try row.number(0), try row.text(1))
                json.object { json in
                    json.field("id", id)
                    json.field("name", name)
                }
            },
            "queries": try Self.list(queries) { row, json throws(MySQLError) in json.value(try row.text(0) ?? "") },
        ]
        let counts = ["products": products.count, "categories": categories.count, "queries": queries.count]
        return WishlistContents(lists: lists, missing: WishlistContents.required.filter { counts[$0] == 0 })
    }

    private static func list(
        _ rows: MySQLRows, _ item: (MySQLRow, inout JSONWriter) throws(MySQLError) -> Void
    ) throws(MySQLError) -> [UInt8] {
        var bytes = Array("[".utf8)
        for row in rows {
            var json = JSONWriter()
            try item(row, &json)
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += json.bytes
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }
}
