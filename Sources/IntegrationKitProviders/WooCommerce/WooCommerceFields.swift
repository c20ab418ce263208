// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// How WooCommerce writes the fields that it knows; every other one is a text.
///
/// The names are those of the API; what stands inside an object is named by a path, such as `billing.company`, and the
/// shop's own fields by their key, such as `meta.vat_number`.
enum WooCommerceFields {
    /// A form on the wire.
    enum Form: Hashable, Sendable {
        /// A text.
        case text
        /// An exact amount, written as a text without its currency.
        case money
        /// A number, written as a text.
        case textNumber
        /// A number.
        case number
        /// Yes or no.
        case flag
        /// A moment in UTC that names no zone.
        case instant
        /// Objects of which only the ids count, such as categories.
        case ids
        /// An order's lines.
        case lines
        /// Anything else.
        case json
    }

    /// The path that holds our key in a record's own fields; the underscore hides it from the shop's editors.
    static let key = "_integrationkit_key"
    /// What the shop's own fields are named with.
    static let metaPrefix = "meta."
    /// The objects whose members are fields of their own.
    static let objects: Set<String> = ["billing", "shipping", "dimensions"]

    private static let address: Set<String> = [
        "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country", "phone",
    ]

    /// The form of a field.
    static func form(of name: FieldName, in kind: RecordKind) -> Form {
        if name.rawValue.hasPrefix(metaPrefix) { return .text }
        return forms[kind]?[name.rawValue] ?? .text
    }

    private static let forms: [RecordKind: [String: Form]] = [
        .customer: table([.flag: ["is_paying_customer"], .number: ["id"], .instant: dates]),
        .order: table([
            .money: [
                "total", "total_tax", "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax",
            ],
            .number: ["id", "customer_id", "parent_id"],
            .flag: ["set_paid", "prices_include_tax"],
            .instant: dates + ["date_paid_gmt", "date_completed_gmt"],
            .lines: ["line_items", "shipping_lines", "fee_lines", "coupon_lines"],
            .json: ["tax_lines", "refunds"],
        ]),
        .product: table(product),
        .productVariation: table(product),
        .note: table([.flag: ["customer_note", "added_by_user"], .number: ["id"], .instant: ["date_created_gmt"]]),
    ]

    private static let dates = ["date_created_gmt", "date_modified_gmt"]

    private static let product: [Form: [String]] = [
        .money: ["price", "regular_price", "sale_price"],
        .textNumber: ["weight", "dimensions.length", "dimensions.width", "dimensions.height"],
        .number: [
            "id", "parent_id", "stock_quantity", "low_stock_amount", "menu_order", "total_sales", "shipping_class_id",
            "rating_count",
        ],
        .flag: [
            "manage_stock", "featured", "virtual", "downloadable", "sold_individually", "reviews_allowed", "on_sale",
            "purchasable", "backorders_allowed", "backordered", "shipping_required", "shipping_taxable",
        ],
        .instant: dates + ["date_on_sale_from_gmt", "date_on_sale_to_gmt"],
        .ids: ["categories", "tags", "brands"],
        .json: [
            "image", "images", "attributes", "default_attributes", "variations", "related_ids", "upsell_ids",
            "cross_sell_ids", "grouped_products", "downloads",
        ],
    ]

    private static func table(_ groups: [Form: [String]]) -> [String: Form] {
        var table: [String: Form] = [:]
        for (form, names) in groups { for name in names { table[name] = form } }
        return table
    }

    // MARK: What may be written

    private static let readOnly: Set<String> = [
        "id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "permalink", "_links",
    ]
    private static let readOnlyByKind: [RecordKind: Set<String>] = [
        .customer: ["role", "is_paying_customer", "avatar_url"],
        .order: [
            "number", "order_key", "total", "total_tax", "discount_total", "discount_tax", "shipping_total",
            "shipping_tax", "cart_tax", "version", "prices_include_tax", "customer_ip_address", "customer_user_agent",
            "date_paid", "date_paid_gmt", "date_completed", "date_completed_gmt", "cart_hash", "tax_lines", "refunds",
            "payment_url", "currency_symbol", "is_editable", "needs_payment", "needs_processing",
        ],
        .product: productReadOnly.union(["variations"]),
        .productVariation: productReadOnly,
    ]
    private static let productReadOnly: Set<String> = [
        "price", "price_html", "on_sale", "purchasable", "total_sales", "related_ids", "average_rating",
        "rating_count", "backorders_allowed", "backordered", "shipping_required", "shipping_taxable", "has_options",
    ]

    /// Whether a field can be written.
    static func isWritable(_ name: FieldName, in kind: RecordKind) -> Bool {
        !readOnly.contains(name.rawValue) && !(readOnlyByKind[kind]?.contains(name.rawValue) ?? false)
    }

    /// What a product has and a variation takes from it: a record that turns out to be a variation leaves these out.
    static let ofProductsAlone: Set<String> = [
        "name", "slug", "type", "featured", "catalog_visibility", "short_description", "categories", "tags", "brands",
        "images", "default_attributes", "sold_individually", "reviews_allowed", "upsell_ids", "cross_sell_ids",
        "parent_id", "purchase_note", "grouped_products", "external_url", "button_text",
    ]

    /// The members of a record that must be asked for so that fields can be told.
    static func members(for fields: [FieldName], of kind: RecordKind) -> [String] {
        var members: Set<String> = ["id", "meta_data"]
        switch kind {
        case .note: members = ["id", "note", "date_created_gmt"]
        case .order: members.formUnion(["date_modified_gmt", "status", "created_via", "customer_id", "currency"])
        case .product: members.formUnion(["date_modified_gmt", "status", "type", "parent_id"])
        case .productVariation: members.formUnion(["date_modified_gmt", "status", "parent_id"])
        default: members.insert("date_modified_gmt")
        }
        for field in fields where !field.rawValue.hasPrefix(metaPrefix) {
            members.insert(field.rawValue.split(separator: ".").first.map(String.init) ?? field.rawValue)
        }
        return members.sorted()
    }
}
