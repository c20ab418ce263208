// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// The records of a list; what the resource does not know as a filter is ignored.
    func filter(_ kind: WooKind, parent: Int64?, _ request: WooRequest) throws -> [WooRecord] {
        try checkStatus(kind, request)
        var found = all(kind)
        if kind == .product, let skus = request.list("sku"), !skus.isEmpty {
            found += all(.variation)
            let wanted = Set(skus.map { $0.lowercased() })
            found = found.filter { wanted.contains($0.text("sku").lowercased()) }
        }
        if let parent { found = found.filter { $0.parentID == parent } }
        if let ids = request.list("include"), !ids.isEmpty {
            found = found.filter { ids.contains(String($0.id)) }
        }
        if let ids = request.list("exclude") { found = found.filter { !ids.contains(String($0.id)) } }
        let statuses = request.list("status")
        if kind != .customer { found = found.filter { isWanted($0, statuses) } }
        if kind != .customer, kind != .webhook { found = try filterByDate(found, request) }
        if let text = request.text("search")?.lowercased(), !text.isEmpty {
            found = found.filter { words(of: $0).contains { $0.lowercased().contains(text) } }
        }
        switch kind {
        case .customer: return filterCustomers(found, request)
        case .order: return filterOrders(found, request)
        case .product, .variation: return filterProducts(found, request)
        case .coupon:
            guard let code = request.text("code")?.lowercased() else { return found }
            return found.filter { $0.text("code") == code }
        default: return found
        }
    }

    private func checkStatus(_ kind: WooKind, _ request: WooRequest) throws {
        let known: [String]
        switch kind {
        case .order: known = ["any", "trash"] + WooKind.orderStatuses
        case .product, .variation: known = ["any"] + WooKind.productStatuses
        case .webhook: known = ["all", "active", "paused", "disabled"]
        default: return
        }
        for (place, status) in (request.list("status") ?? []).enumerated() where !known.contains(status) {
            let name = kind == .order ? "status[\(place)]" : "status"
            throw WooRefusal.invalid([
                WooProblem(
                    parameter: "status",
                    code: "rest_not_in_enum",
                    message: "\(name) is not one of \(WooField.listed(known))."
                )
            ])
        }
    }

    private func isWanted(_ record: WooRecord, _ statuses: [String]?) -> Bool {
        guard let statuses, !statuses.isEmpty, !statuses.contains("any"), !statuses.contains("all") else {
            return !record.isTrashed
        }
        return statuses.contains(record.kind == .webhook ? record.text("status") : record.status)
    }

    private func filterByDate(_ records: [WooRecord], _ request: WooRequest) throws -> [WooRecord] {
        let usesGMT = request.parameters["dates_are_gmt"].flatMap(WooField.flag) ?? false
        var found = records
        for (name, isModified, isAfter) in [
            ("after", false, true), ("before", false, false), ("modified_after", true, true),
            ("modified_before", true, false),
        ] {
            guard let text = request.text(name), !text.isEmpty else { continue }
            guard let bound = zone.filterWall(text) else {
                throw WooRefusal.invalid([
                    WooProblem(parameter: name, code: "rest_invalid_date", message: "Invalid date.")
                ])
            }
            found = found.filter { record in
                guard let moment = isModified ? record.modifiedAt : record.createdAt else { return false }
                let column = usesGMT ? moment : zone.local(moment)
                return isAfter ? column > bound : column < bound
            }
        }
        return found
    }

    /// The texts in which a search looks.
    private func words(of record: WooRecord) -> [String] {
        switch record.kind {
        case .customer: return ["username", "email", "first_name", "last_name"].map(record.text)
        case .order:
            let billing = (record.values["billing"]?.object?.members ?? []).filter { $0.key != "phone" }
            return [String(record.id), record.text("transaction_id")] + billing.compactMap(\.value.string)
                + record.lines.compactMap { $0.values["name"]?.string }
        case .product, .variation: return ["name", "description", "short_description"].map(record.text)
        default: return ["name", "code", "description"].map(record.text)
        }
    }

    private func filterCustomers(_ records: [WooRecord], _ request: WooRequest) -> [WooRecord] {
        let role = request.text("role") ?? "customer"
        let email = request.text("email")?.lowercased()
        return records.filter { record in
            let hasRole = role == "all" || self.role(of: record) == role
            return hasRole && ((email ?? "").isEmpty || record.text("email").lowercased() == email)
        }
    }

    private func filterOrders(_ records: [WooRecord], _ request: WooRequest) -> [WooRecord] {
        let customer = request.parameters["customer"]?.int64
        let product = request.parameters["product"]?.int64
        let parents = request.list("parent")
        let origins = shop.version >= "9.9" ? request.list("created_via") : nil
        return records.filter { record in
            (customer == nil || record.values["customer_id"]?.int64 == customer)
                && (parents == nil || parents?.contains(record.values["parent_id"]?.idText ?? "0") ?? true)
                && (origins == nil || origins?.isEmpty ?? true
                    || origins?.contains(record.text("created_via")) ?? false)
                && (product == nil
                    || record.lines.contains { line in
                        line.values["product_id"]?.int64 == product || line.values["variation_id"]?.int64 == product
                    })
        }
    }

    private func filterProducts(_ records: [WooRecord], _ request: WooRequest) -> [WooRecord] {
        var found = records
        for name in ["type", "slug", "stock_status"] {
            if let value = request.text(name), !value.isEmpty { found = found.filter { $0.text(name) == value } }
        }
        if let part = request.text("search_sku")?.lowercased() {
            found = found.filter { $0.text("sku").lowercased().contains(part) }
        }
        if let flag = request.parameters["featured"].flatMap(WooField.flag) {
            found = found.filter { $0.values["featured"] == .bool(flag) }
        }
        if let flag = request.parameters["on_sale"].flatMap(WooField.flag) {
            found = found.filter { $0.text("sale_price").isEmpty != flag }
        }
        for (name, list) in [("category", "categories"), ("tag", "tags"), ("brand", "brands")] {
            guard let ids = request.list(name) else { continue }
            found = found.filter { record in
                (record.values[list]?.array ?? []).contains { ids.contains($0["id"]?.idText ?? "") }
            }
        }
        if let least = request.text("min_price").flatMap(WooDecimal.parse) {
            found = found.filter { WooDecimal.parse(price(of: $0)) ?? 0 >= least }
        }
        if let most = request.text("max_price").flatMap(WooDecimal.parse) {
            found = found.filter { WooDecimal.parse(price(of: $0)) ?? 0 <= most }
        }
        if let statuses = request.list("include_status"), !statuses.isEmpty, !statuses.contains("any") {
            found = found.filter { statuses.contains($0.status) }
        }
        if let statuses = request.list("exclude_status") {
            found = found.filter { !statuses.contains($0.status) }
        }
        return found
    }
}
