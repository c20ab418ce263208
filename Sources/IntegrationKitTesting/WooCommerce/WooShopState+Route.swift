// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension WooShopState {
    /// Answers a call of the API.
    mutating func answer(_ call: WooCall, route: [String], turn: WooTurn) throws -> WooReply {
        let caller = try caller(of: call, route, now: turn.milliseconds)
        if route.isEmpty { return .json(index) }
        guard route.count > 2, route[0] == "wc", route[1] == "v3" else { throw WooRefusal.noRoute }
        let rest = Array(route.dropFirst(2))
        if call.method == .options, let kind = WooShopState.kind(of: rest) { return .json(schema(of: kind)) }
        var turn = turn
        turn.userID = caller.user?.id ?? 0
        let request = WooRequest(call: call, caller: caller, turn: turn, parameters: try call.parameters())
        switch rest[0] {
        case "system_status", "data", "settings": return try answerSite(rest, request)
        case "products" where rest.dropFirst() == ["custom-fields", "names"]: return try customFieldNames(request)
        case "orders" where rest.count >= 3 && rest[2] == "notes": return try answerNotes(rest, request)
        case "variations" where rest.count == 1:
            guard shop.version >= "10.3", request.isReading else { throw WooRefusal.noRoute }
            return try list(.variation, parent: nil, request)
        case "products" where rest.count >= 3 && rest[2] == "variations":
            guard let parent = Int64(rest[1]) else { throw WooRefusal.noRoute }
            return try answer(.variation, parent: parent, Array(rest.dropFirst(3)), request)
        default:
            guard let kind = WooShopState.kind(of: rest) else { throw WooRefusal.noRoute }
            return try answer(kind, parent: nil, Array(rest.dropFirst()), request)
        }
    }

    private static func kind(of rest: [String]) -> WooKind? {
        switch rest[0] {
        case "customers": .customer
        case "products": rest.count >= 3 && rest[2] == "variations" ? .variation : .product
        case "orders": rest.count >= 3 && rest[2] == "notes" ? .note : .order
        case "coupons": .coupon
        case "webhooks": .webhook
        default: nil
        }
    }

    /// Answers what all resources have in common.
    private mutating func answer(
        _ kind: WooKind,
        parent: Int64?,
        _ rest: [String],
        _ request: WooRequest
    ) throws -> WooReply {
        switch (rest.count, request.method) {
        case (0, .get): return try list(kind, parent: parent, request)
        case (0, .post):
            try request.caller.require("create", "Sorry, you are not allowed to create resources.")
            let members = try checked(request.parameters, kind, isCreate: true)
            let record = try create(kind, members, parent: parent, request.turn)
            var reply = WooReply.json(rendered(record, request), status: 201)
            reply.headers["Location"] = restAddress("wc/v3/\(WooShopState.path(of: record))")
            return reply
        case (1, .post) where rest[0] == "batch", (1, .put) where rest[0] == "batch",
            (1, .patch) where rest[0] == "batch":
            return try batch(kind, parent: parent, request)
        case (1, _):
            guard let id = Int64(rest[0]) else { throw WooRefusal.noRoute }
            return try answerOne(kind, id, parent: parent, request)
        default: throw WooRefusal.noRoute
        }
    }

    private mutating func answerOne(
        _ kind: WooKind,
        _ id: Int64,
        parent: Int64?,
        _ request: WooRequest
    ) throws -> WooReply {
        let found = find(kind, id, parent: parent)
        switch request.method {
        case .get:
            try checkAccess(kind, found, "view", "Sorry, you cannot view this resource.", request)
            guard let found else { throw WooShopState.unknown(kind, status: 404) }
            return .json(rendered(found, request))
        case .post, .put, .patch:
            try checkAccess(kind, found, "edit", "Sorry, you are not allowed to edit this resource.", request)
            let members = try checked(request.parameters, kind, isCreate: false)
            if let found, changesSignIn(of: found, members) { try checkRole(of: found, "edit") }
            return .json(rendered(try update(kind, id, members, parent: parent, request.turn), request))
        case .delete:
            try checkAccess(
                kind,
                found,
                "delete",
                "Sorry, you are not allowed to delete this resource.",
                request
            )
            if let found { try checkRole(of: found, "delete") }
            let isForced = request.parameters["force"].flatMap(WooField.flag) ?? false
            return .json(try delete(kind, id, parent: parent, isForced: isForced, request.turn))
        default: throw WooRefusal.noRoute
        }
    }

    /// Newer shops let nobody but customers and subscribers be deleted, or get another e-mail address or password.
    ///
    /// A batch is not asked. In which version that began is not known.
    private func checkRole(of record: WooRecord, _ code: String) throws {
        guard record.kind == .customer, shop.version >= "10.4",
            !["customer", "subscriber"].contains(role(of: record))
        else { return }
        throw WooRefusal(
            403,
            "woocommerce_rest_cannot_\(code)",
            "Sorry, this is not possible for a user with the role \(role(of: record))."
        )
    }

    private func changesSignIn(of record: WooRecord, _ members: JSONObject) -> Bool {
        members["password"] != nil || members["email"].map { $0.string != record.text("email") } ?? false
    }

    /// Products and coupons that are not there are told so even to nobody.
    private func checkAccess(
        _ kind: WooKind,
        _ found: WooRecord?,
        _ code: String,
        _ message: String,
        _ request: WooRequest
    ) throws {
        if found == nil, kind == .product || kind == .coupon { return }
        try request.caller.require(code, message)
    }

    /// A record by its id, at the address of its kind.
    func find(_ kind: WooKind, _ id: Int64, parent: Int64?) -> WooRecord? {
        switch kind {
        case .product: record(.product, id) ?? record(.variation, id)
        case .variation: record(.variation, id).flatMap { parent == nil || $0.parentID == parent ? $0 : nil }
        default: record(kind, id)
        }
    }

    static func unknown(_ kind: WooKind, status: Int) -> WooRefusal {
        kind == .customer
            ? WooRefusal(status, "woocommerce_rest_invalid_id", "Invalid resource ID.")
            : WooRefusal(status, "woocommerce_rest_\(kind.codeName)_invalid_id", "Invalid ID.")
    }

    static func path(of record: WooRecord) -> String {
        switch record.kind {
        case .variation: "products/\(record.parentID)/variations/\(record.id)"
        case .note: "orders/\(record.parentID)/notes/\(record.id)"
        default: "\(record.kind.path)/\(record.id)"
        }
    }

    /// Checks parameters against the schema and leaves those that it knows.
    func checked(_ parameters: JSONObject, _ kind: WooKind, isCreate: Bool) throws -> JSONObject {
        if isCreate {
            let missing = kind.fields.filter { field in
                field.isRequired && (parameters[field.name] ?? .null).isNull
            }.map(\.name)
            if !missing.isEmpty { throw WooRefusal.missing(missing) }
        }
        var members = JSONObject()
        var problems: [WooProblem] = []
        if let id = parameters["id"] { members["id"] = id }
        for field in kind.fields where !field.isReadOnly {
            guard let value = parameters[field.name] else { continue }
            if value.isNull, field.type != .string { continue }
            members[field.name] = field.checked(value, parameter: field.name, path: field.name, &problems)
        }
        guard problems.isEmpty else { throw WooRefusal.invalid(problems) }
        return members
    }
}

/// A call with everything that answering it needs.
struct WooRequest: Sendable {
    var call: WooCall
    var caller: WooCaller
    var turn: WooTurn
    var parameters: JSONObject

    /// The method; `HEAD` asks for what `GET` would.
    var method: HTTPMethod { call.method == .head ? .get : call.method }
    var isReading: Bool { method == .get }

    func text(_ name: String) -> String? { parameters[name]?.idText }
    func list(_ name: String) -> [String]? {
        parameters[name].flatMap(WooField.items).map { $0.compactMap(\.idText) }
    }
}
