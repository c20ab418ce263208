// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    private static let groups = ["line_items", "shipping_lines", "fee_lines", "coupon_lines"]
    private static let paidStatuses = ["processing", "completed"]

    mutating func createOrder(_ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = WooRecord(id: 0, kind: .order, createdAt: turn.now, modifiedAt: turn.now)
        record.values = initialValues(of: .order)
        record.values["currency"] = .string(shop.currency)
        record.values["created_via"] = "rest-api"
        record.values["order_key"] = .string("wc_order_" + random.hexadecimal(13))
        try take(members, into: &record)
        if let origin = members["created_via"]?.string, !origin.isEmpty {
            record.values["created_via"] = .string(origin)
        }
        record.id = nextID(of: .order)
        record.status = "pending"
        save(record)
        note(.created, record, turn)
        return settle(record, members, turn)
    }

    mutating func updateOrder(_ found: WooRecord, _ members: JSONObject, _ turn: WooTurn) throws -> WooRecord {
        var record = found
        try take(members, into: &record)
        record.modifiedAt = turn.now
        let former = found.status
        record = settle(record, members, turn)
        note(former == "trash" && record.status != "trash" ? .restored : .updated, record, turn)
        return record
    }

    /// Gives the order its status, with everything that follows from it.
    private mutating func settle(_ record: WooRecord, _ members: JSONObject, _ turn: WooTurn) -> WooRecord {
        var record = record
        let former = record.status
        record.status = members["status"]?.string ?? former
        if members["set_paid"].flatMap(WooField.flag) ?? false {
            if !WooShopState.paidStatuses.contains(record.status) { record.status = "processing" }
        }
        if WooShopState.paidStatuses.contains(record.status), record.paidAt == nil { record.paidAt = turn.now }
        if record.status == "completed", record.completedAt == nil { record.completedAt = turn.now }
        let reducing = ["processing", "completed", "on-hold"]
        if reducing.contains(record.status), !record.hasReducedStock {
            record.hasReducedStock = true
            reduceStock(of: record, turn)
        }
        save(record)
        if record.status != former {
            mail(about: record, from: former, turn)
            addNote(
                "Order status changed from \(former) to \(record.status).",
                to: record.id,
                author: "WooCommerce",
                isForCustomer: false,
                turn
            )
        }
        return record
    }

    private mutating func mail(about record: WooRecord, from former: String, _ turn: WooTurn) {
        let buyer = record.values["billing"]?["email"]?.string ?? ""
        if ["pending", "failed"].contains(former), ["processing", "completed", "on-hold"].contains(record.status) {
            mail(.newOrder, to: "admin@\(site.host)", turn)
        }
        switch record.status {
        case "processing": mail(.orderReceived, to: buyer, turn)
        case "on-hold": mail(.orderOnHold, to: buyer, turn)
        case "completed": mail(.orderCompleted, to: buyer, turn)
        case "refunded": mail(.orderRefunded, to: buyer, turn)
        default: break
        }
    }

    private mutating func reduceStock(of order: WooRecord, _ turn: WooTurn) {
        for line in order.lines where line.group == "line_items" {
            let variation = line.values["variation_id"]?.int64 ?? 0
            let id = variation == 0 ? line.values["product_id"]?.int64 ?? 0 : variation
            guard var product = record(variation == 0 ? .product : .variation, id),
                product.values["manage_stock"].flatMap(WooField.flag) ?? false
            else { continue }
            let left = (product.values["stock_quantity"]?.int64 ?? 0) - (line.values["quantity"]?.int64 ?? 0)
            product.values["stock_quantity"] = .integer(left)
            settleStock(&product)
            product.modifiedAt = turn.now
            save(product)
            note(.updated, product, turn)
            if product.kind == .variation { bump(.product, product.parentID, turn) }
        }
    }

    private mutating func take(_ members: JSONObject, into record: inout WooRecord) throws {
        if let id = members["customer_id"]?.int64, id != 0, users[id] == nil {
            throw WooRefusal(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
        }
        let special = Set(WooShopState.groups + ["status", "set_paid", "created_via"])
        merge(members, into: &record, except: special)
        merge(meta: members["meta_data"], into: &record.meta)
        for group in WooShopState.groups {
            for entry in members[group].flatMap(WooField.items) ?? [] { try take(entry, of: group, into: &record) }
        }
    }

    /// Adds, changes or (with a quantity of 0 or an emptied name) removes a line.
    private mutating func take(_ entry: JSONValue, of group: String, into record: inout WooRecord) throws {
        guard let members = entry.object else { return }
        let id = members["id"]?.int64 ?? 0
        guard id != 0 else {
            var line = WooLine(id: 0, group: group, values: try newLine(members, of: group))
            line.id = nextID("line")
            merge(meta: members["meta_data"], into: &line.meta)
            record.lines.append(line)
            return
        }
        guard let place = record.lines.firstIndex(where: { $0.id == id && $0.group == group }) else {
            throw WooRefusal(
                400,
                "woocommerce_rest_invalid_item_id",
                "Order item ID provided is not associated with order."
            )
        }
        let names = ["line_items": "product_id", "shipping_lines": "method_id", "fee_lines": "name"]
        let isEmptied = members[names[group] ?? "code"]?.isNull ?? false
        if isEmptied || (group == "line_items" && members["quantity"]?.int64 == 0) {
            record.lines.remove(at: place)
            return
        }
        for member in members.members where member.key != "id" && member.key != "meta_data" {
            record.lines[place].values[member.key] = member.value
        }
        merge(meta: members["meta_data"], into: &record.lines[place].meta)
    }

    private func newLine(_ members: JSONObject, of group: String) throws -> JSONObject {
        switch group {
        case "shipping_lines":
            return [
                "method_title": .string(members["method_title"]?.idText ?? ""),
                "method_id": .string(members["method_id"]?.idText ?? ""),
                "total": .string(amount(members["total"])),
            ]
        case "fee_lines":
            return [
                "name": .string(members["name"]?.idText ?? ""), "total": .string(amount(members["total"])),
            ]
        case "coupon_lines": return ["code": .string(members["code"]?.idText ?? "")]
        default: return try newItem(members)
        }
    }

    private func amount(_ value: JSONValue?) -> String {
        WooDecimal.text(value?.idText.flatMap(WooDecimal.parse) ?? 0)
    }

    /// A line of products: an unknown product becomes an empty line.
    private func newItem(_ members: JSONObject) throws -> JSONObject {
        let names = ["variation_id", "product_id"].compactMap { members[$0]?.int64 }.filter { $0 != 0 }
        let sku = members["sku"]?.idText ?? ""
        guard !names.isEmpty || !sku.isEmpty else {
            throw WooRefusal(
                400,
                "woocommerce_rest_required_product_reference",
                "Product ID or SKU is required."
            )
        }
        let everything = all(.product) + all(.variation)
        let found =
            names.isEmpty
            ? everything.first { !$0.isTrashed && $0.text("sku").lowercased() == sku.lowercased() }
            : everything.first { $0.id == names.first }
        let quantity = members["quantity"]?.int64 ?? 1
        let price = found.flatMap { WooDecimal.parse(self.price(of: $0)) } ?? 0
        let whole = price * Decimal(quantity)
        let subtotal = members["subtotal"]?.idText.flatMap(WooDecimal.parse)
        let total = members["total"]?.idText.flatMap(WooDecimal.parse)
        let parent = found.map { $0.kind == .variation ? $0.parentID : $0.id } ?? 0
        return [
            "name": .string(members["name"]?.string ?? record(.product, parent)?.text("name") ?? ""),
            "product_id": .integer(parent),
            "variation_id": .integer(found?.kind == .variation ? found?.id ?? 0 : 0),
            "quantity": .integer(quantity), "tax_class": "",
            "subtotal": .string(WooDecimal.text(subtotal ?? whole)),
            "total": .string(WooDecimal.text(total ?? subtotal ?? whole)),
        ]
    }

    // MARK: Answers

    func order(_ record: WooRecord) -> JSONObject {
        var told: JSONObject = [:]
        var sums: [String: Decimal] = [:]
        for group in WooShopState.groups {
            let lines = record.lines.filter { $0.group == group }
            told[group] = .array(lines.map { .object(line($0)) })
            sums[group] = lines.reduce(Decimal(0)) { $0 + (WooDecimal.parse($1.values["total"]?.idText ?? "") ?? 0) }
        }
        let total = sums.values.reduce(0, +)
        for (name, value) in [
            ("discount_total", Decimal(0)), ("discount_tax", 0), ("shipping_total", sums["shipping_lines"] ?? 0),
            ("shipping_tax", 0), ("cart_tax", 0), ("total_tax", 0), ("total", total),
        ] {
            told[name] = .string(WooDecimal.text(value))
        }
        told["status"] = .string(record.status)
        told["order_key"] = record.values["order_key"] ?? ""
        told["number"] = .string(String(record.id))
        told["version"] = .string(shop.version.text)
        told["prices_include_tax"] = false
        told["customer_ip_address"] = ""
        told["customer_user_agent"] = ""
        told["cart_hash"] = ""
        told["date_paid"] = zone.localText(record.paidAt)
        told["date_paid_gmt"] = zone.gmtText(record.paidAt)
        told["date_completed"] = zone.localText(record.completedAt)
        told["date_completed_gmt"] = zone.gmtText(record.completedAt)
        told["tax_lines"] = []
        told["refunds"] = []
        told["payment_url"] = .string("\(site.home)/checkout/order-pay/\(record.id)/?pay_for_order=true")
        told["is_editable"] = .bool(["pending", "on-hold", "auto-draft"].contains(record.status))
        told["needs_payment"] = .bool(record.status == "pending" && total > 0)
        told["needs_processing"] = .bool(!record.lines.isEmpty)
        told["currency_symbol"] = record.text("currency") == "EUR" ? "€" : .string(record.text("currency"))
        return told
    }

    private func line(_ line: WooLine) -> JSONObject {
        var told: JSONObject = ["id": .integer(line.id)]
        for member in line.values.members { told[member.key] = member.value }
        if line.group == "line_items" {
            let total = WooDecimal.parse(line.values["total"]?.idText ?? "") ?? 0
            let quantity = line.values["quantity"]?.int64 ?? 0
            let variation = line.values["variation_id"]?.int64 ?? 0
            let product =
                record(.variation, variation) ?? record(.product, line.values["product_id"]?.int64 ?? 0)
            told["sku"] = product.map { .string($0.text("sku")) } ?? .null
            told["price"] = .number(JSONNumber(quantity == 0 ? 0 : total / Decimal(quantity)))
        }
        told["meta_data"] = .array(line.meta.map(\.json))
        return told
    }
}
