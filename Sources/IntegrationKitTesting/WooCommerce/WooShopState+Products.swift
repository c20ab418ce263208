// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    mutating func createProduct(
        _ kind: WooKind,
        _ members: JSONObject,
        parent: Int64,
        _ turn: WooTurn
    ) throws -> WooRecord {
        if kind == .variation, self.record(.product, parent) == nil {
            throw WooShopState.unknown(.product, status: 404)
        }
        var record = WooRecord(
            id: 0,
            kind: kind,
            parentID: parent,
            createdAt: turn.now,
            modifiedAt: turn.now
        )
        record.values = initialValues(of: kind)
        record.status = members["status"]?.string ?? "publish"
        try take(members, into: &record, turn, isCreate: true)
        record.id = nextID(of: kind)
        if record.text("slug").isEmpty { record.values["slug"] = .string(slug(record.text("name"), of: record.id)) }
        save(record)
        note(.created, record, turn)
        if kind == .variation { bump(.product, parent, turn) }
        return record
    }

    mutating func updateProduct(_ found: WooRecord, _ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = found
        try take(members, into: &record, turn, isCreate: false)
        if let status = members["status"]?.string { record.status = status }
        record.modifiedAt = turn.now
        save(record)
        let kind: SimulatedWooCommerce.Effect.Kind =
            found.isTrashed && !record.isTrashed
            ? .restored : !found.isTrashed && record.isTrashed ? .trashed : .updated
        note(kind, record, turn)
        if record.kind == .variation { bump(.product, record.parentID, turn) }
        return record
    }

    private mutating func take(
        _ members: JSONObject,
        into record: inout WooRecord,
        _ turn: WooTurn,
        isCreate: Bool
    ) throws {
        if let sku = members["sku"]?.idText, !sku.isEmpty, sku != record.text("sku") {
            try checkSKU(sku, of: record, isCreate: isCreate)
        }
        if let images = members["images"]?.array {
            for image in images where image["id"]?.int64 ?? 0 == 0 {
                guard let source = image["src"]?.string, source.hasPrefix("http") else {
                    throw WooRefusal(
                        400,
                        "woocommerce_product_image_upload_error",
                        "Error getting remote image \(image["src"]?.string ?? "")."
                    )
                }
            }
        }
        merge(members, into: &record, except: ["status", "date_created", "date_created_gmt"])
        if let date = members["date_created_gmt"]?.string.flatMap({ ISO8601.date(from: $0, assuming: .gmt) }) {
            record.createdAt = date.milliseconds / 1000
        } else if let moment = members["date_created"]?.string.flatMap(zone.moment(local:)) {
            record.createdAt = moment
        }
        merge(meta: members["meta_data"], into: &record.meta)
        settleStock(&record)
    }

    /// What the stock says of itself: none where it is not managed.
    func settleStock(_ record: inout WooRecord) {
        guard record.values["manage_stock"].flatMap(WooField.flag) ?? false else {
            record.values["stock_quantity"] = .null
            return
        }
        let quantity = record.values["stock_quantity"]?.int64 ?? 0
        record.values["stock_quantity"] = .integer(quantity)
        let waits = record.text("backorders") != "no"
        record.values["stock_status"] = quantity > 0 ? "instock" : waits ? "onbackorder" : "outofstock"
    }

    private func checkSKU(_ sku: String, of record: WooRecord, isCreate: Bool) throws {
        let others = (all(.product) + all(.variation)).filter {
            $0.id != record.id && $0.text("sku").lowercased() == sku.lowercased()
        }
        if let holder = others.first(where: { !$0.isTrashed }) {
            var number = 1
            let taken = Set((all(.product) + all(.variation)).map { $0.text("sku").lowercased() })
            while taken.contains("\(sku)-\(number)".lowercased()) { number += 1 }
            throw WooRefusal(
                400,
                "product_invalid_sku",
                "Invalid or duplicated SKU.",
                data: [
                    "status": 400, "resource_id": .integer(holder.id), "unique_sku": .string("\(sku)-\(number)"),
                ]
            )
        }
        if isCreate, !others.isEmpty {
            throw WooRefusal(
                400,
                "woocommerce_rest_product_not_created",
                "The product with SKU (\(sku)) you are trying to insert is already present in the lookup table"
            )
        }
    }

    private func slug(_ name: String, of id: Int64) -> String {
        let base = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let slug = String(base).split(separator: "-").joined(separator: "-")
        let isTaken = all(.product).contains { $0.id != id && $0.text("slug") == slug }
        return isTaken ? "\(slug)-\(id)" : slug
    }

    /// The live variations of a product.
    func variations(of product: Int64) -> [WooRecord] {
        all(.variation).filter { $0.parentID == product && !$0.isTrashed }
    }

    /// What a product costs now.
    func price(of record: WooRecord) -> String {
        if record.kind == .product, record.text("type") == "variable" {
            let prices = variations(of: record.id).map(price).compactMap { text in
                WooDecimal.parse(text).map { (text, $0) }
            }
            return prices.min { $0.1 < $1.1 }?.0 ?? ""
        }
        let sale = record.text("sale_price")
        return sale.isEmpty ? record.text("regular_price") : sale
    }

    // MARK: Answers

    func product(_ record: WooRecord) -> JSONObject {
        let price = price(of: record)
        var told: JSONObject = [
            "price": .string(price), "on_sale": .bool(!record.text("sale_price").isEmpty),
            "purchasable": .bool(!price.isEmpty && record.status == "publish"), "total_sales": 0,
        ]
        let slug = record.kind == .product ? record.text("slug") : ""
        told["permalink"] = .string("\(site.home)/product/\(slug)/")
        told["status"] = .string(record.status)
        if record.kind == .product {
            told["variations"] = .array(variations(of: record.id).map { .integer($0.id) })
            told["price_html"] = ""
            told["related_ids"] = []
        } else {
            told["type"] = "variation"
            told["parent_id"] = .integer(record.parentID)
            let options = record.values["attributes"]?.array ?? []
            told["name"] = .string(options.compactMap { $0["option"]?.string }.joined(separator: ", "))
        }
        return told
    }
}
