// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension HubSpotAccountState {
    /// Answers a call under `objects/{type}/{id}/associations`.
    mutating func answerObjectAssociations(
        _ call: HubSpotCall,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let parts = Array(call.rest.dropFirst(3))
        guard let id = Int64(call.rest[1]) else { throw HubSpotRefusal(.notFound) }
        if call.method == .get, parts.count == 1 {
            return try listLinks(call, from: type, id, to: try otherType(parts[0]))
        }
        let isDefault = parts.first == "default" && parts.count == 3
        let named = isDefault ? Array(parts.dropFirst()) : parts
        guard named.count == 2, let otherID = Int64(named[1]) else { return HubSpotReply(status: 404, body: nil) }
        let other = try otherType(named[0])
        switch call.method {
        case .put:
            try refuseIfNotAllowed(turn)
            guard isLive(id, of: type), isLive(otherID, of: other) else { throw HubSpotRefusal(.notFound) }
            let to = HubSpotEnd(type: other.id, id: otherID)
            if isDefault {
                let definition = try plainDefinition(from: type, to: other)
                associate(HubSpotLink(to: to, kind: definition.kind), from: type, id, turn: turn)
                return batchReply(
                    200,
                    results: defaultResults(definition, id, otherID),
                    errors: [],
                    now: turn.now
                )
            }
            let kinds = HubSpotAccountState.kinds(in: try call.json())
            try refuseUnknown(kinds, from: type, to: other)
            for kind in kinds { associate(HubSpotLink(to: to, kind: kind), from: type, id, turn: turn) }
            return .json(201, .object(labelled(call, type, id, other, otherID, kinds: kinds)))
        case .delete:
            dissociate(type, id, other, otherID, kinds: nil, turn: turn)
            return .noContent
        default: return HubSpotReply(status: 405, body: nil)
        }
    }

    /// Answers a call under `associations/{from}/{to}`.
    mutating func answerAssociations(_ call: HubSpotCall, turn: HubSpotTurn) throws -> HubSpotReply {
        guard call.rest.count >= 3 else { return HubSpotReply(status: 404, body: nil) }
        let type = try otherType(call.rest[0])
        let other = try otherType(call.rest[1])
        let operation = call.rest.dropFirst(2).joined(separator: "/")
        if call.method == .get, operation == "labels" {
            let results = definitions(from: type, to: other).map { definition -> JSONValue in
                [
                    "category": .string(definition.kind.category), "typeId": .integer(definition.kind.typeID),
                    "label": definition.label.map { .string($0) } ?? .null,
                ]
            }
            return .json(200, ["results": .array(results)])
        }
        guard call.method == .post else { return HubSpotReply(status: 405, body: nil) }
        let inputs = try call.json()["inputs"]?.array ?? []
        let most = operation == "batch/read" ? 1_000 : 2_000
        guard inputs.count <= most else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "Batch size \(inputs.count) exceeds the maximum of \(most)")
            )
        }
        if operation != "batch/read" { try refuseIfNotAllowed(turn) }
        switch operation {
        case "batch/read": return readLinks(inputs, call: call, from: type, to: other, turn: turn)
        case "batch/create", "batch/associate/default":
            return try createLinks(inputs, call: call, from: type, to: other, turn: turn)
        case "batch/archive":
            for input in inputs {
                for to in input["to"]?.array ?? [] {
                    guard let id = input["from"]?["id"]?.int64, let otherID = to["id"]?.int64 else { continue }
                    dissociate(type, id, other, otherID, kinds: nil, turn: turn)
                }
            }
            return .noContent
        case "batch/labels/archive":
            for input in inputs {
                guard let id = input["from"]?["id"]?.int64, let otherID = input["to"]?["id"]?.int64 else { continue }
                let kinds = HubSpotAccountState.kinds(in: input["types"])
                dissociate(type, id, other, otherID, kinds: kinds, turn: turn)
            }
            return .noContent
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    private func otherType(_ name: String) throws -> HubSpotObjectType {
        guard let type = HubSpotObjectType.named(name) else {
            throw HubSpotRefusal(.plainError(400, "Unable to infer object type from: \(name)"))
        }
        return type
    }

    private func plainDefinition(
        from type: HubSpotObjectType,
        to other: HubSpotObjectType
    ) throws -> HubSpotAssociationDefinition {
        guard let definition = definitions(from: type, to: other).first(where: { $0.label == nil }) else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "\(type.name) and \(other.name) cannot be associated")
            )
        }
        return definition
    }

    private func refuseUnknown(
        _ kinds: [HubSpotLinkKind],
        from type: HubSpotObjectType,
        to other: HubSpotObjectType
    ) throws {
        let known = definitions(from: type, to: other).map(\.kind)
        guard !kinds.isEmpty, kinds.allSatisfy({ known.contains($0) }) else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "One or more association types are not valid between these objects")
            )
        }
    }

    /// An id as the version writes it: a number in v4, a string since.
    private func idBody(_ id: Int64, _ call: HubSpotCall) -> JSONValue {
        call.version.isDated ? .string(String(id)) : .integer(id)
    }

    private func listLinks(
        _ call: HubSpotCall,
        from type: HubSpotObjectType,
        _ id: Int64,
        to other: HubSpotObjectType
    ) throws -> HubSpotReply {
        guard isLive(id, of: type) else { throw HubSpotRefusal(.notFound) }
        let limit = call.parameter("limit").flatMap { Int($0) } ?? 500
        guard (1...500).contains(limit) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "limit must be between 1 and 500"))
        }
        let after = call.parameter("after").flatMap { Int64($0) } ?? .min
        let links = liveLinks(from: HubSpotEnd(type: type.id, id: id), to: other).filter { $0.id > after }
        let page = links.prefix(limit)
        let results = page.map { link -> JSONValue in
            [
                "toObjectId": idBody(link.id, call),
                "associationTypes": typesBody(link.kinds, from: type, to: other),
            ]
        }
        var body: JSONObject = ["results": .array(results)]
        if links.count > page.count, let last = page.last {
            body["paging"] = ["next": HubSpotAccountState.next(after: String(last.id), of: call)]
        }
        return .json(200, .object(body))
    }

    private mutating func readLinks(
        _ inputs: [JSONValue],
        call: HubSpotCall,
        from type: HubSpotObjectType,
        to other: HubSpotObjectType,
        turn: HubSpotTurn
    ) -> HubSpotReply {
        var results: [JSONObject] = []
        var errors: [JSONValue] = []
        for input in inputs {
            let id = input["id"]?.idText ?? ""
            let after = input["after"]?.int64 ?? .min
            let all = Int64(id).map { liveLinks(from: HubSpotEnd(type: type.id, id: $0), to: other) } ?? []
            let links = all.filter { $0.id > after }
            guard !links.isEmpty else {
                errors.append(
                    [
                        "status": "error", "category": "OBJECT_NOT_FOUND",
                        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                        "message": .string("No \(other.name) is associated with \(type.name) \(id)."),
                        "context": [
                            "fromObjectId": [.string(id)], "fromObjectType": [.string(type.name)],
                            "toObjectType": [.string(other.name)],
                        ],
                    ])
                continue
            }
            let page = links.prefix(account.associationPageSize)
            let to = page.map { link -> JSONValue in
                [
                    "toObjectId": idBody(link.id, call),
                    "associationTypes": typesBody(link.kinds, from: type, to: other),
                ]
            }
            var result: JSONObject = ["from": ["id": .string(id)], "to": .array(to)]
            if links.count > page.count, let last = page.last {
                result["paging"] = ["next": ["after": .string(String(last.id)), "link": ""]]
            }
            results.append(result)
        }
        return batchReply(200, results: results, errors: errors, now: turn.now)
    }

    private mutating func createLinks(
        _ inputs: [JSONValue],
        call: HubSpotCall,
        from type: HubSpotObjectType,
        to other: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let isDefault = call.rest.last == "default"
        let plain = isDefault ? try plainDefinition(from: type, to: other) : nil
        if !isDefault {
            for input in inputs {
                try refuseUnknown(HubSpotAccountState.kinds(in: input["types"]), from: type, to: other)
            }
        }
        var results: [JSONObject] = []
        var errors: [JSONValue] = []
        for input in inputs {
            let ids = (input["from"]?["id"]?.int64 ?? 0, input["to"]?["id"]?.int64 ?? 0)
            guard isLive(ids.0, of: type), isLive(ids.1, of: other) else {
                errors.append(
                    [
                        "status": "error", "category": "OBJECT_NOT_FOUND",
                        "message": "One or both of the objects do not exist",
                        "context": ["fromObjectId": [.string(String(ids.0))], "toObjectId": [.string(String(ids.1))]],
                    ])
                continue
            }
            let kinds = plain.map { [$0.kind] } ?? HubSpotAccountState.kinds(in: input["types"])
            for kind in kinds {
                let link = HubSpotLink(to: HubSpotEnd(type: other.id, id: ids.1), kind: kind)
                associate(link, from: type, ids.0, turn: turn)
            }
            if let plain {
                results += defaultResults(plain, ids.0, ids.1)
            } else {
                results.append(labelled(call, type, ids.0, other, ids.1, kinds: kinds))
            }
        }
        return batchReply(isDefault ? 200 : 201, results: results, errors: errors, now: turn.now)
    }

    private func labelled(
        _ call: HubSpotCall,
        _ type: HubSpotObjectType,
        _ id: Int64,
        _ other: HubSpotObjectType,
        _ otherID: Int64,
        kinds: [HubSpotLinkKind]
    ) -> JSONObject {
        let labels = definitions(from: type, to: other).filter { kinds.contains($0.kind) }.compactMap(\.label)
        return [
            "fromObjectTypeId": .string(type.id), "fromObjectId": idBody(id, call),
            "toObjectTypeId": .string(other.id), "toObjectId": idBody(otherID, call), "labels": .strings(labels),
        ]
    }

    /// The results of a default association: one for each direction.
    private func defaultResults(_ definition: HubSpotAssociationDefinition, _ id: Int64, _ otherID: Int64)
        -> [JSONObject]
    {
        [(id, otherID, definition.kind), (otherID, id, definition.reverse)].map { from, to, kind in
            [
                "from": ["id": .string(String(from))], "to": ["id": .string(String(to))],
                "associationSpec": [
                    "associationCategory": .string(kind.category), "associationTypeId": .integer(kind.typeID),
                ],
            ]
        }
    }
}
