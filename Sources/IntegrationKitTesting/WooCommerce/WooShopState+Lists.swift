// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Answers a list: filters, order, page and totals.
    func list(_ kind: WooKind, parent: Int64?, _ request: WooRequest) throws -> WooReply {
        try request.caller.require("view", "Sorry, you cannot list resources.")
        let paging = try paging(kind, request)
        let wanted = try filter(kind, parent: parent, request)
        let sorted = sort(wanted, kind, paging, request)
        let page = sorted.dropFirst(paging.offset).prefix(paging.size)
        let shown = page.filter { !$0.isUnreadable }
        var reply = WooReply.json(.array(shown.map { rendered($0, request) }))
        let isPastEnd = kind == .order && shop.usesOrderTables && paging.offset >= sorted.count && paging.page > 1
        let total = isPastEnd ? 0 : sorted.count
        let pages = (total + paging.size - 1) / paging.size
        reply.headers["X-WP-Total"] = String(total)
        reply.headers["X-WP-TotalPages"] = String(pages)
        var links: [String] = []
        if paging.page > 1 { links.append(link(request, page: min(paging.page - 1, max(pages, 1)), "prev")) }
        if paging.page < pages { links.append(link(request, page: paging.page + 1, "next")) }
        if !links.isEmpty { reply.headers.fields.append(HTTPHeaders.Field("Link", links.joined(separator: ", "))) }
        return reply
    }

    struct Paging: Sendable {
        var page: Int
        var size: Int
        var offset: Int
        var order: String
        var orderBy: String
    }

    private func paging(_ kind: WooKind, _ request: WooRequest) throws -> Paging {
        var problems: [WooProblem] = []
        func whole(_ name: String, _ initial: Int64, _ range: ClosedRange<Int64>, _ words: String) -> Int {
            guard let value = request.parameters[name] else { return Int(initial) }
            guard let number = value.int64 else {
                problems.append(
                    WooProblem(
                        parameter: name,
                        code: "rest_invalid_type",
                        message: "\(name) is not of type integer."
                    )
                )
                return Int(initial)
            }
            if !range.contains(number) {
                problems.append(
                    WooProblem(parameter: name, code: "rest_out_of_bounds", message: "\(name) must be \(words)")
                )
            }
            return Int(number)
        }
        func word(_ name: String, _ initial: String, of options: [String]) -> String {
            let value = request.text(name) ?? initial
            if !options.contains(value) {
                problems.append(
                    WooProblem(
                        parameter: name,
                        code: "rest_not_in_enum",
                        message: "\(name) is not one of \(WooField.listed(options))."
                    )
                )
            }
            return value
        }
        let many = Int64(Int32.max)
        let page = whole("page", 1, 1...many, "greater than or equal to 1")
        let size = whole("per_page", 10, 1...100, "between 1 (inclusive) and 100 (inclusive)")
        let offset = whole("offset", -1, 0...many, "greater than or equal to 0")
        let (standard, orders) = WooShopState.orders(of: kind)
        let order = word("order", kind == .customer ? "asc" : "desc", of: ["asc", "desc"])
        let orderBy = word("orderby", standard, of: orders)
        guard problems.isEmpty else { throw WooRefusal.invalid(problems) }
        return Paging(
            page: page,
            size: size,
            offset: offset >= 0 ? offset : (page - 1) * size,
            order: order,
            orderBy: orderBy
        )
    }

    private static func orders(of kind: WooKind) -> (standard: String, all: [String]) {
        let common = ["date", "id", "include", "title", "slug", "modified"]
        return switch kind {
        case .customer: ("name", ["id", "include", "name", "registered_date"])
        case .product, .variation: ("date", common + ["price", "popularity", "rating", "menu_order"])
        case .webhook: ("date", ["date", "id", "title"])
        default: ("date", common)
        }
    }

    private func sort(
        _ records: [WooRecord],
        _ kind: WooKind,
        _ paging: Paging,
        _ request: WooRequest
    ) -> [WooRecord] {
        if paging.orderBy == "include", let wanted = request.list("include")?.compactMap({ Int64($0) }) {
            return records.sorted {
                (wanted.firstIndex(of: $0.id) ?? .max, $0.id) < (wanted.firstIndex(of: $1.id) ?? .max, $1.id)
            }
        }
        let isUp = paging.order == "asc"
        func rank(_ record: WooRecord) -> (number: Int64, text: String) {
            switch paging.orderBy {
            case "date", "registered_date": (record.createdAt, "")
            case "modified": (record.modifiedAt ?? 0, "")
            case "price": (NSDecimalNumber(decimal: (WooDecimal.parse(price(of: record)) ?? 0) * 100).int64Value, "")
            case "menu_order": (record.values["menu_order"]?.int64 ?? 0, "")
            case "title": (0, record.text("name").lowercased())
            case "slug": (0, record.text("slug"))
            case "name": (0, WooShopState.displayName(record))
            default: (record.id, "")
            }
        }
        /// The database leaves open how equal dates of change are ordered, and orders each page anew.
        let isOpen = paging.orderBy == "modified" && shop.version < "10.4"
        func tie(_ record: WooRecord) -> UInt64 {
            guard isOpen else { return UInt64(bitPattern: record.id) }
            var mixer = SeededGenerator(seed: UInt64(bitPattern: record.id) ^ UInt64(paging.offset &* 7_919))
            return mixer.next()
        }
        return records.map { (record: $0, rank: rank($0), tie: tie($0)) }.sorted { left, right in
            let before = (left.rank.number, left.rank.text, left.tie) < (right.rank.number, right.rank.text, right.tie)
            return isUp ? before : !before && left.record.id != right.record.id
        }.map(\.record)
    }

    static func displayName(_ record: WooRecord) -> String {
        let name = "\(record.text("first_name")) \(record.text("last_name"))".trimmingCharacters(in: .whitespaces)
        return (name.isEmpty ? record.text("username") : name).lowercased()
    }

    /// The address of another page: it repeats the whole query, secrets included.
    private func link(_ request: WooRequest, page: Int, _ relation: String) -> String {
        var pairs: [String] = []
        func add(_ name: String, _ value: JSONValue) {
            if let object = value.object {
                for member in object.members { add("\(name)[\(member.key)]", member.value) }
            } else {
                pairs.append("\(PHP.encoded(name))=\(PHP.encoded(value.string ?? ""))")
            }
        }
        var query = request.call.query
        query["rest_route"] = nil
        query["page"] = .string(String(page))
        for member in query.members { add(member.key, member.value) }
        let route = (request.call.route ?? []).joined(separator: "/")
        let address = restAddress(route)
        return "<\(address)\(address.contains("?") ? "&" : "?")\(pairs.joined(separator: "&"))>; rel=\"\(relation)\""
    }
}
