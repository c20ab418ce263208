// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Answers `orders/{id}/notes`.
    mutating func answerNotes(_ rest: [String], _ request: WooRequest) throws -> WooReply {
        guard let orderID = Int64(rest[1]), rest.count <= 4 else { throw WooRefusal.noRoute }
        let code = request.isReading ? "view" : request.method == .post ? "create" : "delete"
        guard [.get, .post, .delete].contains(request.method) else { throw WooRefusal.noRoute }
        try request.caller.require(code, "Sorry, you are not allowed to do that to this resource.")
        guard record(.order, orderID) != nil else {
            throw WooRefusal(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        }
        if rest.count == 4 { return try answerNote(rest[3], of: orderID, request) }
        switch request.method {
        case .get:
            let type = request.text("type") ?? "any"
            guard ["any", "customer", "internal"].contains(type) else {
                throw WooRefusal.invalid([
                    WooProblem(
                        parameter: "type",
                        code: "rest_not_in_enum",
                        message: "type is not one of any, customer, and internal."
                    )
                ])
            }
            let notes = all(.note).filter { note in
                let isForCustomer = note.values["customer_note"] == true
                return note.parentID == orderID && (type == "any" || isForCustomer == (type == "customer"))
            }
            return .json(.array(notes.reversed().map { rendered($0, request) }))
        case .post:
            let members = try checked(request.parameters, .note, isCreate: true)
            let isByUser = members["added_by_user"].flatMap(WooField.flag) ?? false
            let record = addNote(
                WooShopState.filteredHTML(members["note"]?.string ?? ""),
                to: orderID,
                author: isByUser ? request.caller.user?.login ?? "" : "WooCommerce",
                isForCustomer: members["customer_note"].flatMap(WooField.flag) ?? false,
                request.turn
            )
            return .json(rendered(record, request), status: 201)
        default: throw WooRefusal.noRoute
        }
    }

    private mutating func answerNote(
        _ text: String,
        of orderID: Int64,
        _ request: WooRequest
    ) throws -> WooReply {
        guard let id = Int64(text), request.method != .post else { throw WooRefusal.noRoute }
        guard let found = record(.note, id), found.parentID == orderID else {
            throw WooRefusal(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        }
        if request.method == .delete {
            let isForced = request.parameters["force"].flatMap(WooField.flag) ?? false
            return .json(try delete(.note, id, parent: orderID, isForced: isForced, request.turn))
        }
        return .json(rendered(found, request))
    }

    /// Adds a note; the order's date stays as it is.
    @discardableResult
    mutating func addNote(
        _ text: String,
        to orderID: Int64,
        author: String,
        isForCustomer: Bool,
        _ turn: WooTurn
    ) -> WooRecord {
        var record = WooRecord(
            id: nextID(of: .note),
            kind: .note,
            parentID: orderID,
            createdAt: turn.now,
            modifiedAt: nil
        )
        record.values = [
            "author": .string(author), "note": .string(text), "customer_note": .bool(isForCustomer),
        ]
        save(record)
        note(.created, record, turn)
        if isForCustomer {
            let buyer = self.record(.order, orderID)?.values["billing"]?["email"]?.string ?? ""
            mail(.customerNote, to: buyer, turn)
        }
        return record
    }

    /// A text without the scripts, styles and comments that the site's filter takes out.
    static func filteredHTML(_ text: String) -> String {
        var text = text
        for (start, end) in [("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->")] {
            while let open = text.range(of: start, options: .caseInsensitive) {
                let rest = open.lowerBound..<text.endIndex
                let close = text.range(of: end, options: .caseInsensitive, range: rest)?.upperBound ?? text.endIndex
                text.removeSubrange(open.lowerBound..<close)
            }
        }
        return text
    }
}
