// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A kind of record of a simulated shop.
enum WooKind: String, CaseIterable, Codable, Sendable {
    case customer, product, variation, order, coupon, note, webhook

    /// The resource in a path and in `_links`.
    var path: String { self == .variation ? "products/variations" : rawValue + "s" }

    /// What the codes of its errors are made of.
    var codeName: String {
        switch self {
        case .customer, .product: rawValue
        case .variation: "product_variation"
        case .order, .coupon, .webhook: "shop_\(rawValue)"
        case .note: "order_note"
        }
    }

    /// The kinds whose ids come from one row of numbers.
    var isPost: Bool { [.product, .variation, .order, .coupon].contains(self) }

    /// The kind that a person names.
    init?(named name: String) {
        self.init(rawValue: name)
    }
}

/// One entry of `meta_data`.
struct WooMeta: Hashable, Codable, Sendable {
    var id: Int64
    var key: String
    var value: JSONValue

    var json: JSONValue { ["id": .integer(id), "key": .string(key), "value": value] }
}

/// A line of an order.
struct WooLine: Hashable, Codable, Sendable {
    var id: Int64
    /// `line_items`, `shipping_lines`, `fee_lines` or `coupon_lines`.
    var group: String
    var values: JSONObject
    var meta: [WooMeta] = []
}

/// A record of a simulated shop.
struct WooRecord: Codable, Sendable {
    var id: Int64
    var kind: WooKind
    /// The product of a variation, the order of a note.
    var parentID: Int64 = 0
    var createdAt: Int64
    var modifiedAt: Int64?
    var status = ""
    var statusBeforeTrash = ""
    var values: JSONObject = [:]
    var meta: [WooMeta] = []
    var lines: [WooLine] = []
    var paidAt: Int64?
    var completedAt: Int64?
    var hasReducedStock = false
    /// Whether lists leave it out although they count it.
    var isUnreadable = false
    /// The moment of its creation in milliseconds, for creations that race.
    var createdAtMilliseconds: Int64 = 0

    var isTrashed: Bool { status == "trash" }

    func text(_ name: String) -> String { values[name]?.string ?? "" }
}

/// Decimals as the shop writes them.
enum WooDecimal {
    private static let posix = Locale(identifier: "en_US_POSIX")

    static func parse(_ text: String) -> Decimal? {
        JSONNumber(text: text)?.decimal ?? Decimal(string: text, locale: posix)
    }

    /// With two digits after the point.
    static func text(_ value: Decimal) -> String {
        var input = value
        var rounded = Decimal()
        unsafe NSDecimalRound(&rounded, &input, 2, .plain)
        let text = rounded.description
        guard let point = text.firstIndex(of: ".") else { return text + ".00" }
        let digits = text.distance(from: point, to: text.endIndex) - 1
        return text + String(repeating: "0", count: max(0, 2 - digits))
    }
}
