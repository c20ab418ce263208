// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Makes a record.
    mutating func create(
        _ kind: WooKind,
        _ members: JSONObject,
        parent: Int64?,
        _ turn: WooTurn
    ) throws -> WooRecord {
        if let id = members["id"]?.int64, id != 0 {
            throw WooRefusal(
                400,
                "woocommerce_rest_\(kind.codeName)_exists",
                "Cannot create existing \(kind == .customer ? "resource" : kind.rawValue)."
            )
        }
        switch kind {
        case .customer: return try createCustomer(members, turn)
        case .order: return try createOrder(members, turn)
        case .product, .variation: return try createProduct(kind, members, parent: parent ?? 0, turn)
        case .coupon: return try createCoupon(members, turn)
        case .webhook: return try createWebhook(members, turn)
        case .note: throw WooRefusal.noRoute
        }
    }

    /// Changes a record.
    mutating func update(
        _ kind: WooKind,
        _ id: Int64,
        _ members: JSONObject,
        parent: Int64?,
        _ turn: WooTurn
    ) throws -> WooRecord {
        if kind == .order, shop.version < "10.8" { turnIntoOrder(id, turn) }
        guard let found = find(kind, id, parent: parent) else { throw WooShopState.unknown(kind, status: 400) }
        if kind == .product, found.kind == .variation { throw WooShopState.isVariation }
        switch kind {
        case .customer: return try updateCustomer(found, members, turn)
        case .order: return try updateOrder(found, members, turn)
        case .product, .variation: return try updateProduct(found, members, turn)
        case .coupon: return try updateCoupon(found, members, turn)
        case .webhook: return try updateWebhook(found, members, turn)
        case .note: throw WooRefusal.noRoute
        }
    }

    /// Older shops turn whatever else has the id into an order.
    private mutating func turnIntoOrder(_ id: Int64, _ turn: WooTurn) {
        let others = WooKind.allCases.filter { $0.isPost && $0 != .order }
        guard let kind = others.first(where: { self.record($0, id) != nil }) else { return }
        records[kind]?[id] = nil
        var record = WooRecord(id: id, kind: .order, createdAt: turn.now, modifiedAt: turn.now)
        record.values = initialValues(of: .order)
        record.status = "pending"
        save(record)
    }

    static let isVariation = WooRefusal(
        404,
        "woocommerce_rest_invalid_product_id",
        "To manipulate product variations you should use the /products/<product_id>/variations/<id> endpoint."
    )

    /// Puts a record into the trash, or removes it.
    mutating func delete(
        _ kind: WooKind,
        _ id: Int64,
        parent: Int64?,
        isForced: Bool,
        _ turn: WooTurn
    ) throws -> JSONValue {
        let neverTrashed: [WooKind] = [.customer, .note, .webhook]
        if neverTrashed.contains(kind), !isForced {
            throw WooRefusal(
                501,
                "woocommerce_rest_trash_not_supported",
                kind == .customer ? "Customers do not support trashing." : "Webhooks do not support trashing."
            )
        }
        guard let found = find(kind, id, parent: parent) else { throw WooShopState.unknown(kind, status: 404) }
        if kind == .product, found.kind == .variation { throw WooShopState.isVariation }
        let answer = render(found)
        if isForced {
            erase(found, turn)
            return answer
        }
        guard !found.isTrashed else {
            throw WooRefusal(
                410,
                "woocommerce_rest_already_trashed",
                "The \(kind.rawValue) has already been deleted."
            )
        }
        trash(found, turn)
        return answer
    }

    /// Puts a record into the trash.
    mutating func trash(_ record: WooRecord, _ turn: WooTurn) {
        var record = record
        record.statusBeforeTrash = record.status
        record.status = "trash"
        record.modifiedAt = turn.now
        save(record)
        note(.trashed, record, turn)
        if record.kind == .variation { bump(.product, record.parentID, turn) }
    }

    /// Removes a record for good; the variations of a product and the notes of an order go with it.
    mutating func erase(_ record: WooRecord, _ turn: WooTurn) {
        let children: WooKind? = record.kind == .product ? .variation : record.kind == .order ? .note : nil
        if let children {
            for child in all(children) where child.parentID == record.id { records[children]?[child.id] = nil }
        }
        records[record.kind]?[record.id] = nil
        if record.kind == .customer { users[record.id] = nil }
        note(.erased, record, turn)
        if record.kind == .variation { bump(.product, record.parentID, turn) }
    }

    /// Moves a record's date without changing it.
    mutating func bump(_ kind: WooKind, _ id: Int64, _ turn: WooTurn) {
        guard var record = self.record(kind, id) else { return }
        record.modifiedAt = turn.now
        save(record)
        note(.updated, record, turn)
    }

    // MARK: Values

    /// Takes over the members that the schema lets be written; a batch is not checked and takes anything.
    func merge(_ members: JSONObject, into record: inout WooRecord, except special: Set<String> = []) {
        for field in record.kind.fields where !field.isReadOnly && !special.contains(field.name) {
            guard let value = members[field.name], field.name != "meta_data" else { continue }
            if field.type == .object, let new = value.object {
                var object = record.values[field.name]?.object ?? [:]
                for part in field.parts {
                    if let value = new[part.name] { object[part.name] = part.type == .string ? text(value) : value }
                }
                record.values[field.name] = .object(object)
            } else if field.type == .string {
                record.values[field.name] = text(value)
            } else {
                record.values[field.name] = value
            }
        }
    }

    private func text(_ value: JSONValue) -> JSONValue { value.isNull ? "" : .string(value.idText ?? value.text) }

    /// Changes a record's own fields by their ids or keys; a `null` removes one.
    mutating func merge(meta entries: JSONValue?, into meta: inout [WooMeta]) {
        for entry in entries.flatMap(WooField.items) ?? [] {
            let id = entry["id"]?.int64
            let place = meta.firstIndex { id != nil && id != 0 ? $0.id == id : $0.key == entry["key"]?.idText }
            let value = entry["value"] ?? .null
            if let place {
                if value.isNull, entry.object?["value"] != nil {
                    meta.remove(at: place)
                } else {
                    if let key = entry["key"]?.idText { meta[place].key = key }
                    if entry.object?["value"] != nil { meta[place].value = value }
                }
            } else if let key = entry["key"]?.idText, !value.isNull {
                meta.append(WooMeta(id: nextID("meta"), key: key, value: value))
            }
        }
    }

    /// The properties that nothing was written to, as the schema begins them.
    func initialValues(of kind: WooKind) -> JSONObject {
        JSONObject(kind.fields.filter { !$0.isReadOnly }.map { JSONObject.Member($0.name, $0.initial) })
    }
}
