// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// The properties of each resource, in the order in which answers tell them.
extension WooKind {
    static let orderStatuses = [
        "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft",
        "auto-draft",
    ]
    static let productStatuses = ["draft", "pending", "private", "publish", "future", "trash"]

    private static let meta = WooField.list(
        "meta_data",
        [.whole("id"), WooField(name: "key", type: .mixed), WooField(name: "value", type: .mixed)]
    )
    private static let dates = [
        WooField(name: "date_created", type: .string, format: "date-time"),
        WooField(name: "date_created_gmt", type: .string, format: "date-time"),
        WooField.told("date_modified", format: "date-time"), WooField.told("date_modified_gmt", format: "date-time"),
    ]
    private static let toldDates = dates.map { field in
        var field = field
        field.isReadOnly = true
        return field
    }
    private static let address: [WooField] = [
        .text("first_name"), .text("last_name"), .text("company"), .text("address_1"), .text("address_2"),
        .text("city"), .text("state"), .text("postcode"), .text("country"),
    ]
    static let billing = WooField.group("billing", address + [.email("email"), .text("phone")])
    static let shipping = WooField.group("shipping", address + [.text("phone")])

    /// The properties.
    var fields: [WooField] { WooKind.all[self] ?? [] }

    /// The resource's name in its schema.
    var title: String { self == .variation ? "product_variation" : codeName }

    private static let all: [WooKind: [WooField]] = [
        .customer: customerFields, .product: productFields, .variation: variationFields, .order: orderFields,
        .coupon: couponFields, .note: noteFields, .webhook: webhookFields,
    ]

    /// Lists of fields, one after the other.
    private static func joined(_ parts: [[WooField]]) -> [WooField] { parts.flatMap { $0 } }

    private static let customerFields: [WooField] = joined([
        [.told("id", .integer)],
        toldDates,
        [
            .email("email", isRequired: true), .text("first_name"), .text("last_name"), .told("role"),
            .text("username"), WooField.text("password").isWritten, billing, shipping,
            .told("is_paying_customer", .boolean), .told("avatar_url"), meta,
        ],
    ])

    private static let stock: [WooField] = [
        .flag("manage_stock"), .whole("stock_quantity", .null),
        .text("stock_status", "instock", of: ["instock", "outofstock", "onbackorder"]),
        .text("backorders", "no", of: ["no", "notify", "yes"]),
    ]
    private static let shape: [WooField] = [
        .text("weight"), .group("dimensions", [.text("length"), .text("width"), .text("height")]),
        .text("shipping_class"),
    ]
    private static let price: [WooField] = [
        .told("price"), .text("regular_price"), .text("sale_price"), .told("on_sale", .boolean),
        .told("purchasable", .boolean),
    ]
    private static let image: [WooField] = [.whole("id"), .text("src"), .text("name"), .text("alt")]

    private static let productFields: [WooField] = joined([
        [.told("id", .integer), .text("name", "Product"), .text("slug"), .told("permalink")],
        dates,
        [
            .text("type", "simple", of: ["simple", "grouped", "external", "variable"]),
            .text("status", "publish", of: productStatuses), .flag("featured"),
            .text("catalog_visibility", "visible", of: ["visible", "catalog", "search", "hidden"]),
            .text("description"), .text("short_description"), .text("sku"), .text("global_unique_id"),
        ],
        price,
        [
            .told("total_sales", .integer), .flag("virtual"), .flag("downloadable"), .text("external_url"),
            .text("button_text"), .text("tax_status", "taxable", of: ["taxable", "shipping", "none"]),
            .text("tax_class"),
        ],
        stock,
        [.flag("sold_individually")],
        shape,
        [
            .flag("reviews_allowed", true), .list("upsell_ids"), .list("cross_sell_ids"), .whole("parent_id"),
            .text("purchase_note"), .list("categories", [.whole("id")]), .list("brands", [.whole("id")]),
            .list("tags", [.whole("id")]), .list("images", image),
            .list(
                "attributes",
                [
                    .whole("id"), .text("name"), .whole("position"), .flag("visible"), .flag("variation"),
                    .list("options"),
                ]
            ),
            .list("default_attributes", [.whole("id"), .text("name"), .text("option")]),
            .told("variations", .array), .list("grouped_products"), .whole("menu_order"), .told("price_html"),
            .told("related_ids", .array), meta,
        ],
    ])

    private static let variationFields: [WooField] = joined([
        [.told("id", .integer), .told("type")],
        dates,
        [
            .text("description"), .told("permalink"), .text("sku"), .text("global_unique_id"),
        ],
        price,
        [
            .text("status", "publish", of: ["draft", "pending", "private", "publish", "trash"]), .flag("virtual"),
            .flag("downloadable"), .text("tax_status", "taxable", of: ["taxable", "shipping", "none"]),
            .text("tax_class"),
        ],
        stock,
        shape,
        [
            WooField(name: "image", type: .object, initial: .null, parts: image),
            .list("attributes", [.whole("id"), .text("name"), .text("option")]), .whole("menu_order"), meta,
            .told("name"), .told("parent_id", .integer),
        ],
    ])

    private static let lineMeta = meta
    private static let line: [WooField] = [
        .whole("id"), WooField(name: "name", type: .mixed), WooField(name: "product_id", type: .mixed),
        .whole("variation_id"), .whole("quantity"), .text("tax_class"), .text("subtotal"), .text("total"),
        WooField(name: "sku", type: .mixed), lineMeta,
    ]
    private static let orderFields: [WooField] = joined([
        [
            .told("id", .integer), .whole("parent_id"),
            .text("status", "pending", of: orderStatuses), .text("currency"), .told("version"),
            .told("prices_include_tax", .boolean),
        ],
        toldDates,
        [
            .told("discount_total"), .told("discount_tax"), .told("shipping_total"), .told("shipping_tax"),
            .told("cart_tax"), .told("total"), .told("total_tax"), .whole("customer_id"), .told("order_key"),
            billing, shipping, .text("payment_method"), .text("payment_method_title"), .text("transaction_id"),
            .told("customer_ip_address"), .told("customer_user_agent"), .text("created_via"),
            .text("customer_note"), .told("date_completed", format: "date-time"),
            .told("date_paid", format: "date-time"), .told("cart_hash"), .told("number"), meta,
            .list("line_items", line), .told("tax_lines", .array),
            .list(
                "shipping_lines",
                [
                    .whole("id"), WooField(name: "method_id", type: .mixed),
                    WooField(name: "method_title", type: .mixed), .text("total"), lineMeta,
                ]
            ),
            .list("fee_lines", [.whole("id"), WooField(name: "name", type: .mixed), .text("total"), lineMeta]),
            .list("coupon_lines", [.whole("id"), WooField(name: "code", type: .mixed), lineMeta]),
            .told("refunds", .array), .told("payment_url"), .told("is_editable", .boolean),
            .told("needs_payment", .boolean), .told("needs_processing", .boolean),
            .told("date_completed_gmt", format: "date-time"), .told("date_paid_gmt", format: "date-time"),
            .told("currency_symbol"), WooField.flag("set_paid").isWritten,
        ],
    ])

    private static let couponFields: [WooField] = joined([
        [
            .told("id", .integer), WooField(name: "code", type: .string, isRequired: true, initial: ""),
            .text("amount", "0.00"),
        ],
        toldDates,
        [
            .text("discount_type", "fixed_cart", of: ["percent", "fixed_cart", "fixed_product"]),
            .text("description"), WooField(name: "date_expires", type: .string, format: "date-time"),
            .told("usage_count", .integer), .flag("individual_use"), .whole("usage_limit", .null), meta,
        ],
    ])

    private static let noteFields: [WooField] = [
        .told("id", .integer), .told("author"), .told("date_created", format: "date-time"),
        .told("date_created_gmt", format: "date-time"),
        WooField(name: "note", type: .string, isRequired: true, initial: ""), .flag("customer_note"),
        WooField.flag("added_by_user").isWritten,
    ]

    private static let webhookFields: [WooField] = joined([
        [
            .told("id", .integer), .text("name"), .text("status", "active", of: ["active", "paused", "disabled"]),
            WooField(name: "topic", type: .string, initial: ""), .told("resource"), .told("event"),
            .told("hooks", .array), WooField(name: "delivery_url", type: .string, initial: ""),
            WooField.text("secret").isWritten,
        ],
        toldDates,
    ])
}
