// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension HubSpotAccountState {
    /// Answers a call under `objects/{type}`.
    mutating func answerObjects(_ call: HubSpotCall, type: HubSpotObjectType, turn: HubSpotTurn) throws -> HubSpotReply
    {
        let rest = Array(call.rest.dropFirst())
        if rest.count >= 2, rest[1] == "associations" {
            return try answerObjectAssociations(call, type: type, turn: turn)
        }
        switch (call.method, rest.first, rest.count) {
        case (.get, nil, _): return try list(call, type: type)
        case (.post, nil, _): return try create(call, type: type, turn: turn)
        case (.post, "batch", 2): return try answerBatch(call, operation: rest[1], type: type, turn: turn)
        case (.post, "search", 1): return try search(call, type: type, now: turn.now)
        case (.post, "merge", 1): return try merge(call, type: type, turn: turn)
        case (.post, "gdpr-delete", 1): return try eraseForPrivacy(call, type: type, turn: turn)
        case (.get, let id?, 1): return try read(call, id: id, type: type)
        case (.patch, let id?, 1): return try update(call, id: id, type: type, turn: turn)
        case (.delete, let id?, 1):
            if let number = Int64(id) { archive(number, of: type, turn: turn) }
            return .noContent
        default: return HubSpotReply(status: 405, body: nil)
        }
    }

    /// Finds a record by id or by a unique property's value.
    ///
    /// - Parameters:
    ///   - id: The id or value.
    ///   - idProperty: The property; nil for the id.
    ///   - type: The type.
    ///   - followsMerges: Whether a merge's loser leads to its winner.
    /// - Returns: The record, archived or not.
    /// - Throws: A refusal if the property's values are not unique.
    func find(
        _ id: String,
        by idProperty: String?,
        of type: HubSpotObjectType,
        followsMerges: Bool = true
    ) throws -> HubSpotRecord? {
        let store = store(type)
        guard let idProperty, idProperty != "hs_object_id" else {
            guard let number = Int64(id) else { return nil }
            return store.records[followsMerges ? store.redirects[number] ?? number : number]
        }
        guard isIdentifying(idProperty, of: type) else {
            throw HubSpotRefusal(
                .plainError(400, "Unable to perform read by non-unique \(type.id) property \(idProperty)")
            )
        }
        return store.holder(of: id, in: idProperty).flatMap { store.records[$0] }
    }

    /// Whether records can be told apart by a property.
    func isIdentifying(_ property: String, of type: HubSpotObjectType) -> Bool {
        (type == .contact && property == "email") || definition(property, of: type)?.isUnique == true
    }

    /// A record as a body.
    ///
    /// - Parameters:
    ///   - record: The record.
    ///   - type: Its type.
    ///   - properties: The properties that were asked for; nil for the type's usual ones.
    ///   - showsURL: Whether the record's address is part of it.
    /// - Returns: The body, with the properties in order of their names.
    func body(
        of record: HubSpotRecord,
        type: HubSpotObjectType,
        properties: [String]?,
        showsURL: Bool = true
    ) -> JSONObject {
        let system = [type.createdProperty, type.modifiedProperty, "hs_object_id"]
        var names = Set((properties ?? type.defaults).filter { definition($0, of: type) != nil })
        names.formUnion(system)
        return body(of: record, type: type, showing: names.sorted(), showsURL: showsURL)
    }

    /// A record as a write answers it: what was written and what the platform set.
    func written(_ record: HubSpotRecord, type: HubSpotObjectType, write: HubSpotWrite, isNew: Bool) -> JSONObject {
        var names = Set(write.values.keys.filter { isNew ? record.values[$0] != nil : true })
        names.formUnion([type.createdProperty, type.modifiedProperty, "hs_object_id"])
        if isNew { names.formUnion(record.values.keys) }
        if type.isActivity, record.value(of: "hs_body_preview") != nil { names.insert("hs_body_preview") }
        var body = self.body(of: record, type: type, showing: names.sorted(), showsURL: true)
        if !write.warnings.isEmpty { body["warnings"] = .array(write.warnings) }
        return body
    }

    private func body(
        of record: HubSpotRecord,
        type: HubSpotObjectType,
        showing names: [String],
        showsURL: Bool
    ) -> JSONObject {
        var body: JSONObject = [
            "id": .string(String(record.id)),
            "properties": .object(
                JSONObject(
                    names.map { name in
                        JSONObject.Member(name, record.value(of: name).map { .string($0) } ?? .null)
                    }
                )
            ),
            "createdAt": .string(HubSpotTime.text(record.createdAt)),
            "updatedAt": .string(HubSpotTime.text(record.updatedAt)),
            "archived": .bool(record.archivedAt != nil),
        ]
        if let archivedAt = record.archivedAt { body["archivedAt"] = .string(HubSpotTime.text(archivedAt)) }
        if showsURL {
            let path = "contacts/\(account.portalID)/record/\(type.id)/\(record.id)"
            body["url"] = .string("https://\(account.uiDomain)/\(path)")
        }
        return body
    }

    private mutating func create(_ call: HubSpotCall, type: HubSpotObjectType, turn: HubSpotTurn) throws -> HubSpotReply
    {
        let input = try call.json()
        let (write, links) = try checkedCreate(input, type: type, turn: turn)
        let record = insert(write, of: type, links: links, turn: turn)
        return .json(201, .object(written(record, type: type, write: write, isNew: true)))
    }

    /// Checks the input of a create: properties, uniqueness and associations.
    func checkedCreate(
        _ input: JSONValue,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> (HubSpotWrite, [HubSpotLink]) {
        guard let properties = input["properties"]?.object else {
            throw HubSpotRefusal(
                .plainError(400, "Invalid input JSON on line 1: some required fields were not set: [properties]")
            )
        }
        let write = try checked(properties, of: type, former: nil, turn: turn)
        try checkUnique(write.values, of: type, former: nil)
        let links = try checkedLinks(input["associations"]?.array ?? [], from: type, turn: turn)
        if type == .lead {
            guard links.contains(where: { [578, 610].contains($0.kind.typeID) }) else {
                throw HubSpotRefusal(
                    .error(400, "VALIDATION_ERROR", "A lead must be associated with a primary contact or company.")
                )
            }
        }
        return (write, links)
    }

    private func read(_ call: HubSpotCall, id: String, type: HubSpotObjectType) throws -> HubSpotReply {
        let wantsArchived = call.parameter("archived") == "true"
        guard let record = try find(id, by: call.parameter("idProperty"), of: type),
            (record.archivedAt != nil) == wantsArchived
        else { throw HubSpotRefusal(.notFound) }
        var body = self.body(of: record, type: type, properties: call.list("properties"))
        if let associations = try associationsBody(of: record, type: type, asked: call.list("associations")) {
            body["associations"] = .object(associations)
        }
        return .json(200, .object(body))
    }

    private mutating func update(
        _ call: HubSpotCall,
        id: String,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let input = try call.json()
        guard let properties = input["properties"]?.object else {
            throw HubSpotRefusal(
                .plainError(400, "Invalid input JSON on line 1: some required fields were not set: [properties]")
            )
        }
        guard let former = try find(id, by: call.parameter("idProperty"), of: type), former.archivedAt == nil else {
            throw HubSpotRefusal(.notFound)
        }
        let write = try checked(properties, of: type, former: former, turn: turn)
        try checkUnique(write.values, of: type, former: former)
        let record = change(former, by: write, of: type, turn: turn)
        return .json(200, .object(written(record, type: type, write: write, isNew: false)))
    }

    private func list(_ call: HubSpotCall, type: HubSpotObjectType) throws -> HubSpotReply {
        let most = call.query["propertiesWithHistory"] == nil ? 100 : 50
        let limit = call.parameter("limit").map { Int($0) ?? -1 } ?? 10
        guard (1...most).contains(limit) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "limit must be between 1 and \(most)"))
        }
        let store = store(type)
        let ids = call.parameter("archived") == "true" ? store.archivedIDs : store.liveIDs
        var place = 0
        if let after = call.parameter("after") {
            guard let last = Int64(after) else {
                throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "Invalid paging cursor \(after)"))
            }
            place = ids.lowerBound(last + 1)
        }
        let page = ids[place..<min(ids.count, place + limit)]
        let properties = call.list("properties")
        let asked = call.list("associations")
        let results = try page.compactMap { store.records[$0] }.map { record in
            var body = self.body(of: record, type: type, properties: properties)
            if let associations = try associationsBody(of: record, type: type, asked: asked) {
                body["associations"] = .object(associations)
            }
            return JSONValue.object(body)
        }
        var body: JSONObject = ["results": .array(results)]
        if let last = page.last, place + page.count < ids.count {
            body["paging"] = ["next": HubSpotAccountState.next(after: String(last), of: call)]
        }
        return .json(200, .object(body))
    }

    /// The `next` of a page.
    static func next(after: String, of call: HubSpotCall) -> JSONValue {
        var components = URLComponents(url: call.url, resolvingAgainstBaseURL: true) ?? URLComponents()
        var items = (components.queryItems ?? []).filter { $0.name != "after" }
        items.append(URLQueryItem(name: "after", value: after))
        components.queryItems = items
        return ["after": .string(after), "link": .string(components.string ?? "")]
    }

    private mutating func merge(_ call: HubSpotCall, type: HubSpotObjectType, turn: HubSpotTurn) throws -> HubSpotReply
    {
        guard [.contact, .company, .deal, .ticket].contains(type) else { return HubSpotReply(status: 404, body: nil) }
        let input = try call.json()
        guard let primary = input["primaryObjectId"]?.idText, let other = input["objectIdToMerge"]?.idText,
            let winner = try find(primary, by: nil, of: type), winner.archivedAt == nil,
            let loser = try find(other, by: nil, of: type), loser.archivedAt == nil
        else { throw HubSpotRefusal(.notFound) }
        guard winner.id != loser.id else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "Cannot merge an object with itself"))
        }
        let record = merge(loser, into: winner, of: type, turn: turn)
        return .json(200, .object(self.body(of: record, type: type, properties: nil)))
    }

    private mutating func eraseForPrivacy(
        _ call: HubSpotCall,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let input = try call.json()
        let record = try input["objectId"]?.idText.flatMap { try find($0, by: input["idProperty"]?.string, of: type) }
        if let record { erase(record.id, of: type, turn: turn) }
        return .noContent
    }
}
