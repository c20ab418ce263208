// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// One call of a batch: what it sends, and what its answer says of each write.
struct WooCommerceCall: Sendable {
    /// A write with what the call sends for it.
    struct Item: Sendable {
        let write: RecordWrite
        let step: WooCommerceStep
        /// The list that the record stands in.
        let list: String
        /// The record's members; nil where the step sends none.
        let members: JSONObject?
    }

    let resource: WooCommerceResource
    let payloads: WooCommercePayloads
    let requests: WooCommerceRequests

    // MARK: The request

    /// Writes what a write adds to the call.
    ///
    /// - Throws: ``IntegrationError`` if the write has no form in WooCommerce.
    func item(for write: RecordWrite, _ step: WooCommerceStep) throws -> Item {
        guard let list = resource.list(under: WooCommerceStep.parent(of: write)) else {
            throw WooCommerceProvider.error(
                .refused,
                "A \(write.kind.rawValue) needs the \(resource.parentPath ?? "record") that it belongs to.",
                remedy: LocalizedText(
                    "Name the order or product in the event’s related records.",
                    fr: "Nommez la commande ou le produit parmi les fiches liées de l’événement."
                )
            )
        }
        switch step {
        case .create:
            return Item(write: write, step: step, list: list, members: try created(write))
        case .update:
            guard resource.kind != .note else {
                throw WooCommerceProvider.error(
                    .unsupported,
                    "WooCommerce lets nobody change an order note.",
                    remedy: LocalizedText(
                        "Drop the job, or send what changed as a note of its own.",
                        fr: "Abandonnez l’envoi, ou envoyez le changement dans une nouvelle note."
                    )
                )
            }
            var members: JSONObject = ["id": .number(try id(of: write))]
            for member in try changed(write).members { members[member.key] = member.value }
            return Item(write: write, step: step, list: list, members: members)
        case .check:
            // What has no form is refused before anybody is asked.
            return Item(write: write, step: step, list: list, members: try created(write))
        case .delete, .deleteForGood, .nothing:
            _ = try id(of: write)
            return Item(write: write, step: step, list: list, members: nil)
        }
    }

    /// Makes the call's request: one record at its own address, which checks types, or several as a batch.
    func request(for items: [Item]) throws -> HTTPRequest {
        guard items.count == 1, let item = items.first else {
            var body = JSONObject()
            for (key, step) in [("create", WooCommerceStep.create), ("update", .update)] {
                let own = items.filter { $0.step == step }.compactMap { $0.members.map(JSONValue.object) }
                if !own.isEmpty { body[key] = .array(own) }
            }
            return try requests.send(.post, "\(items.first?.list ?? resource.path)/batch", body: .object(body))
        }
        switch item.step {
        case .create:
            return try requests.send(.post, item.list, body: item.members.map(JSONValue.object))
        case .update:
            var members = item.members ?? JSONObject()
            members["id"] = nil
            return try requests.send(.put, try path(of: item), body: .object(members))
        case .check(let number):
            let check = WooCommerceCheck.all(of: item.write)[number]
            return try requests.get(
                check.path,
                [
                    (check.filter, check.values.joined(separator: ",")), ("per_page", "100"), ("status", "any"),
                    ("_fields", "id,sku"),
                ]
            )
        case .delete where resource.hasTrash:
            return try requests.send(.delete, try path(of: item))
        case .delete, .deleteForGood, .nothing:
            return try requests.send(.delete, try path(of: item), [("force", "true")])
        }
    }

    private func path(of item: Item) throws -> String { "\(item.list)/\(try id(of: item.write).text)" }

    private func id(of write: RecordWrite) throws -> JSONNumber {
        guard let id = write.target.flatMap({ Int64($0.value) }), id > 0 else {
            throw IntegrationError(.invalidInput, "The write names no record of the shop.")
        }
        return JSONNumber(id)
    }

    private func created(_ write: RecordWrite) throws -> JSONObject {
        if resource.kind == .note { return try note(write) }
        var members = try payloads.members(of: write.fields, kind: resource.kind, isNew: true)
        switch resource.kind {
        case .customer:
            guard WooCommerceProvider.email(of: write)?.contains("@") ?? false else {
                throw payloads.unfit("email", "is needed for a customer", fr: "est requis pour un client")
            }
        case .order:
            members["created_via"] = .string(write.externalKey)
            if members["status"] == nil, let status = payloads.account.settings[WooCommerceSetting.orderStatus]?.string
            {
                members["status"] = .string(status)
            }
            addCustomer(of: write, to: &members)
            if let lines = members["line_items"]?.array {
                members["line_items"] = .array(lines.map { WooCommerceLines.resolved($0, in: write) })
            }
        default:
            manageStock(in: &members)
        }
        WooCommercePayloads.add(meta: WooCommerceFields.key, write.externalKey, to: &members)
        return members
    }

    private func changed(_ write: RecordWrite) throws -> JSONObject {
        if resource.kind == .customer, !write.mayNotifyPeople { try refuseMail(of: write) }
        var members = try payloads.members(of: write.changedFields, kind: resource.kind, isNew: false)
        if resource.kind == .order { addCustomer(of: write, to: &members) } else { manageStock(in: &members) }
        return members
    }

    /// WordPress tells a person at their old address that their e-mail address or password was changed.
    private func refuseMail(of write: RecordWrite) throws {
        guard let name = ["email", "password"].first(where: { write.changed.contains(FieldName($0)) }) else { return }
        throw WooCommerceProvider.error(
            .unsupported,
            "WordPress mails the person whenever a customer’s \(name) changes, and the host has not agreed to that.",
            remedy: LocalizedText(
                "Set mayNotifyPeople in the integration's settings, then replay; or change it in the shop.",
                fr: "Activez mayNotifyPeople dans les réglages, puis relancez ; ou modifiez-le dans la boutique."
            ),
            fields: [name]
        )
    }

    private func addCustomer(of write: RecordWrite, to members: inout JSONObject) {
        guard members["customer_id"] == nil, let id = WooCommerceStep.customer(of: write).flatMap({ Int64($0) }) else {
            return
        }
        members["customer_id"] = .number(JSONNumber(id))
    }

    /// A quantity says nothing to a shop that does not count the product.
    private func manageStock(in members: inout JSONObject) {
        guard members["manage_stock"] == nil, members["stock_quantity"]?.number != nil else { return }
        members["manage_stock"] = true
    }

    /// A note with our marker; one for the customer only where the host agreed that the shop mails it.
    private func note(_ write: RecordWrite) throws -> JSONObject {
        guard case .text(let text) = write.fields["note"], !text.isEmpty else {
            throw payloads.unfit("note", "is needed for a note", fr: "est requis pour une note")
        }
        let isForCustomer = write.mayNotifyPeople && write.fields["customer_note"] == .flag(true)
        return [
            "note": .string(WooCommerceMarker.append(write.externalKey, to: text)),
            "customer_note": .bool(isForCustomer),
            "added_by_user": true,
        ]
    }

    // MARK: The answer

    /// The error of an answer that tells nothing.
    static func unanswered(mayHaveHappened: Bool) -> IntegrationError {
        WooCommerceProvider.error(
            .invalidAnswer,
            "The shop’s answer does not tell what became of the record.",
            retry: .after(nil),
            mayHaveHappened: mayHaveHappened
        )
    }

    /// What a failure of the whole call means for its writes.
    func outcomes(of error: IntegrationError, body: WooCommerceFailure, for items: [Item]) -> [WriteOutcome] {
        if error.mayHaveHappened { return items.map { _ in .unknown(error) } }
        guard items.count == 1, let item = items.first else {
            var error = error
            if error.concerns == .record { error.retry = .smaller }
            return items.map { _ in .notAttempted(error) }
        }
        if item.step == .delete, body.code == "woocommerce_rest_trash_not_supported" {
            return [.pending(["step": "force"], made: nil, after: .zero)]
        }
        switch error.code {
        case .refused where error.retry == .smaller: return [.refused(error)]
        case .refused, .conflict, .gone, .unsupported: return [outcome(of: body, error, for: item)]
        // Shops refuse some changes of staff's accounts; several such refusals in a row are the key's.
        case .forbidden where resource.kind == .customer && item.write.target != nil && body.isDenial:
            return [.refused(WooCommerceCall.guarded(body))]
        // A note whose order is not there, and every record at an address that is not there, is found out by reading.
        case .notFound: return [item.step == .create ? .refused(error) : .notAttempted(error)]
        default: return [.notAttempted(error)]
        }
    }

    /// What a refusal of one record means.
    private func outcome(of body: WooCommerceFailure, _ error: IntegrationError, for item: Item) -> WriteOutcome {
        let isCreate = item.step == .create
        if body.isNotFound { return isCreate ? .refused(WooCommerceCall.lost(parentOf: item.write)) : .gone }
        if body.isNameRace { return .notAttempted(error) }
        guard body.isHeld, isCreate else { return .refused(error) }
        return .exists(
            body.holder.map { [RemoteID(resource.kind, $0, parent: WooCommerceStep.parent(of: item.write))] } ?? []
        )
    }

    /// The error of an account that the shop does not let its API change or delete.
    private static func guarded(_ body: WooCommerceFailure) -> IntegrationError {
        WooCommerceProvider.error(
            .refused,
            "The shop does not let its API change or delete this account.",
            remedy: LocalizedText(
                "Accounts of the shop’s staff are changed in WordPress: do it there and drop the job. If customers are "
                    + "refused too, give the key to a user with the role Administrator.",
                fr:
                    "Les comptes de l’équipe se modifient dans WordPress : faites-le là-bas et abandonnez l’envoi. Si des "
                    + "clients sont aussi refusés, attribuez la clé à un utilisateur Administrateur."
            ),
            retry: .afterSetup,
            concerns: .kind,
            status: 403,
            body: body
        )
    }

    /// The error of a record whose order or product is gone.
    private static func lost(parentOf write: RecordWrite) -> IntegrationError {
        WooCommerceProvider.error(
            .refused,
            "What the \(write.kind.rawValue) belongs to is not in the shop any more.",
            remedy: LocalizedText(
                "Restore the order or product in the shop, or drop the job.",
                fr: "Rétablissez la commande ou le produit dans la boutique, ou abandonnez l’envoi."
            )
        )
    }

    /// What an answer says of each write.
    func outcomes(
        in answer: JSONValue,
        for items: [Item],
        refusal: (WooCommerceFailure) -> IntegrationError
    ) -> [WriteOutcome] {
        if items.count == 1, let item = items.first {
            switch item.step {
            case .check(let number): return [checked(answer, number, item.write)]
            case .delete, .deleteForGood:
                return [.applied(RemoteRecord(id: item.write.target ?? RemoteID(resource.kind, "")))]
            default: return [outcome(in: answer, for: item, refusal)]
            }
        }
        let results: [WooCommerceStep: [JSONValue]] = [
            .create: results(answer["create"]?.array ?? [], of: items.filter { $0.step == .create }),
            .update: results(answer["update"]?.array ?? [], of: items.filter { $0.step == .update }),
        ]
        var places: [WooCommerceStep: Int] = [:]
        return items.map { item in
            let place = places[item.step, default: 0]
            places[item.step] = place + 1
            guard let result = results[item.step]?[place], !result.isNull else {
                return .unknown(WooCommerceCall.unanswered(mayHaveHappened: true))
            }
            return outcome(in: result, for: item, refusal)
        }
    }

    /// Finds each item's entry in a list of a batch's answer; null: there is none.
    ///
    /// A record is known by our key or its id. An error names nobody: it belongs to the item at its place, as long as no
    /// record stands at a place that is not its own.
    private func results(_ list: [JSONValue], of items: [Item]) -> [JSONValue] {
        let isInOrder =
            list.count == items.count
            && zip(list, items).allSatisfy { $0["error"] != nil || isResult($0, of: $1) }
        return items.enumerated().map { place, item in
            if isInOrder { return list[place] }
            return list.first { isResult($0, of: item) } ?? .null
        }
    }

    /// Whether an entry of a batch is the record that a write made or changed.
    private func isResult(_ json: JSONValue, of item: Item) -> Bool {
        guard json["error"] == nil, let record = payloads.record(json, kind: resource.kind) else { return false }
        if item.step == .update { return record.id.value == item.write.target?.value }
        return record.externalKey == item.write.externalKey
    }

    private func outcome(in json: JSONValue, for item: Item, _ refusal: (WooCommerceFailure) -> IntegrationError)
        -> WriteOutcome
    {
        if let error = json["error"] {
            let body = WooCommerceFailure(error)
            return outcome(of: body, refusal(body), for: item)
        }
        let parent = WooCommerceStep.parent(of: item.write)
        guard let record = payloads.record(json, kind: resource.kind, parent: resource.parentPath == nil ? nil : parent)
        else { return .unknown(WooCommerceCall.unanswered(mayHaveHappened: true)) }
        // Shops change records in the trash without a word.
        if item.step == .update, WooCommercePayloads.isTrashed(json) { return .gone }
        return .applied(record)
    }

    private func checked(_ answer: JSONValue, _ number: Int, _ write: RecordWrite) -> WriteOutcome {
        let check = WooCommerceCheck.all(of: write)[number]
        let member = check.filter == "sku" ? "sku" : "id"
        let found = Set((answer.array ?? []).compactMap { $0[member]?.idText?.lowercased() })
        let missing = check.values.filter { !found.contains($0.lowercased()) }
        guard missing.isEmpty else {
            return .refused(
                WooCommerceProvider.error(
                    .refused,
                    "The order names \(missing.count) product(s) that the shop does not have.",
                    remedy: LocalizedText(
                        "Create the products in the shop, or correct their SKU or id in the order, then replay.",
                        fr:
                            "Créez les produits dans la boutique, ou corrigez leur UGS ou identifiant dans la commande, puis "
                            + "relancez."
                    ),
                    // The products may be on their way.
                    retry: .after(.seconds(60)),
                    fields: ["line_items"]
                )
            )
        }
        return .pending(["checked": .number(JSONNumber(number + 1))], made: nil, after: .zero)
    }
}
