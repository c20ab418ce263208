// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Creates, changes and deletes in one call: one by one in that order, without checking schemas.
    mutating func batch(_ kind: WooKind, parent: Int64?, _ request: WooRequest) throws -> WooReply {
        try request.caller.require("batch", "Sorry, you are not allowed to batch manipulate this resource.")
        let items = ["create", "update", "delete"].map { WooField.items(request.parameters[$0] ?? []) ?? [] }
        guard items.reduce(0, { $0 + $1.count }) <= shop.batchLimit else {
            throw WooRefusal(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than \(shop.batchLimit) items for this request."
            )
        }
        var turn = request.turn
        turn.isBatch = true
        var answer = JSONObject()
        if !items[0].isEmpty {
            answer["create"] = .array(
                items[0].map { item in
                    outcome(0) { state in
                        let record = try state.create(kind, item.object ?? [:], parent: parent, turn)
                        return state.rendered(record, request)
                    }
                }
            )
        }
        if !items[1].isEmpty {
            answer["update"] = .array(
                items[1].map { item in
                    let id = item["id"]?.int64 ?? 0
                    return outcome(id) { state in
                        let record = try state.update(kind, id, item.object ?? [:], parent: parent, turn)
                        return state.rendered(record, request)
                    }
                }
            )
        }
        if !items[2].isEmpty {
            answer["delete"] = .array(
                items[2].compactMap { item in
                    guard let id = item.int64, id != 0 else { return nil }
                    return outcome(id) { try $0.delete(kind, id, parent: parent, isForced: true, turn) }
                }
            )
        }
        return .json(.object(answer))
    }

    private mutating func outcome(
        _ id: Int64,
        _ body: (inout WooShopState) throws -> JSONValue
    ) -> JSONValue {
        do {
            return try body(&self)
        } catch let refusal as WooRefusal {
            return ["id": .integer(id), "error": refusal.json]
        } catch {
            return [
                "id": .integer(id),
                "error": WooRefusal(500, "internal_server_error", "There has been a critical error.").json,
            ]
        }
    }
}
