import JSON

/// Laravel's paginated resources: `links` and `meta` beside `data` (Laravel 13, `Illuminate\Pagination`).
struct Pagination {
    /// Of the list, without a query.
    let path: String
    /// The query of each link but for the page; empty, or with a `&` at its end.
    let otherParameters: String
    let perPage: Int

    /// How many pages are linked to on each side of the present one.
    private static let onEachSide = 3

    /// Numbered pages (`LengthAwarePaginator`).
    /// - Parameter data: the resources, as a JSON array.
    func numbered(page: Int, count: Int, total: Int, data: [UInt8]) -> [UInt8] {
        let last = max(1, (total + perPage - 1) / perPage)
        let (previous, next) = (page > 1 ? page - 1 : nil, page < last ? page + 1 : nil)
        let from = count > 0 ? (page - 1) * perPage + 1 : nil
        var json = JSONWriter()
        json.object { json in
            json.field("data", raw: data)
            json.key("links")
            json.object { json in
                json.field("first", url(1))
                json.field("last", url(last))
                json.field("prev", previous.map(url))
                json.field("next", next.map(url))
            }
            json.key("meta")
            json.object { json in
                json.field("current_page", page)
                json.field("from", from)
                json.field("last_page", last)
                json.key("links")
                json.array { json in
                    link("&laquo; Previous", to: previous, in: &json)
                    for number in Self.window(page: page, last: last) {
                        link(number.map(String.init) ?? "...", to: number, isActive: number == page, in: &json)
                    }
                    link("Next &raquo;", to: next, in: &json)
                }
                json.field("path", path)
                json.field("per_page", perPage)
                json.field("to", from.map { $0 + count - 1 })
                json.field("total", total)
            }
        }
        return json.bytes
    }

    /// Pages between cursors (`CursorPaginator`).
    func cursors(previous: String?, next: String?, data: [UInt8]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("data", raw: data)
            json.key("links")
            json.object { json in
                json.field("first", nil as String?)
                json.field("last", nil as String?)
                json.field("prev", previous.map(url(cursor:)))
                json.field("next", next.map(url(cursor:)))
            }
            json.key("meta")
            json.object { json in
                json.field("path", path)
                json.field("per_page", perPage)
                json.field("next_cursor", next)
                json.field("prev_cursor", previous)
            }
        }
        return json.bytes
    }

    private func url(_ page: Int) -> String { "\(path)?\(otherParameters)page=\(page)" }

    private func url(cursor: String) -> String { "\(path)?\(otherParameters)cursor=\(cursor)" }

    /// One entry of `meta.links`; the one for a gap has no `page`.
    private func link(_ label: String, to page: Int?, isActive: Bool = false, in json: inout JSONWriter) {
        json.object { json in
            json.field("url", page.map(url))
            json.field("label", label)
            if label != "..." { json.field("page", page) }
            json.field("active", isActive)
        }
    }

    /// The pages that are linked to; nil is a gap (`UrlWindow`).
    static func window(page: Int, last: Int) -> [Int?] {
        let edge = onEachSide + 4
        if last < onEachSide * 2 + 8 { return Array(1...last) }
        if page <= edge { return Array(1...(edge + onEachSide)) + [nil, last - 1, last] }
        if page > last - edge { return [1, 2, nil] + Array((last - (edge + onEachSide - 1))...last) }
        return [1, 2, nil] + Array((page - onEachSide)...(page + onEachSide)) + [nil, last - 1, last]
    }
}
