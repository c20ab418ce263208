// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension HubSpotAccountState {
    /// Answers a call under `properties/{type}`.
    mutating func answerProperties(_ call: HubSpotCall, type: HubSpotObjectType, turn: HubSpotTurn) throws
        -> HubSpotReply
    {
        let rest = Array(call.rest.dropFirst())
        switch (call.method, rest.first, rest.count) {
        case (.get, nil, _):
            let wantsArchived = call.parameter("archived") == "true"
            let wantsSensitive = call.parameter("dataSensitivity") == "sensitive"
            let list = "\(type.id) \(wantsArchived) \(wantsSensitive)"
            if let written = propertyLists[list] { return HubSpotReply(status: 200, written: written) }
            let known = (properties[type.id] ?? [:]).values.sorted { $0.name < $1.name }
            let shown = known.filter { ($0.archivedAt != nil) == wantsArchived && $0.isSensitive == wantsSensitive }
            let written = JSONValue.object(["results": .array(shown.map(\.body))]).data
            propertyLists[list] = written
            return HubSpotReply(status: 200, written: written)
        case (.post, nil, _):
            let definition = try createProperty(try call.json(), of: type, turn: turn)
            return .json(201, definition.body)
        case (.get, "groups", 1):
            let names = Set((properties[type.id] ?? [:]).values.map(\.groupName)).sorted()
            let results = names.map { name -> JSONValue in
                ["name": .string(name), "label": .string(name), "displayOrder": 0, "archived": false]
            }
            return .json(200, ["results": .array(results)])
        case (.post, "batch", 2): return try batchProperties(call, operation: rest[1], type: type, turn: turn)
        case (.get, let name?, 1):
            guard let definition = definition(name, of: type) else { throw HubSpotRefusal(.notFound) }
            return .json(200, definition.body)
        case (.patch, let name?, 1):
            let definition = try changeProperty(name, by: try call.json(), of: type, turn: turn)
            return .json(200, definition.body)
        case (.delete, let name?, 1):
            guard let definition = definition(name, of: type) else { return .noContent }
            guard !definition.isDefinedByPlatform else {
                throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "\(name) cannot be archived"))
            }
            properties[type.id]?[name]?.archivedAt = turn.now
            return .noContent
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    /// Creates a property from its definition.
    mutating func createProperty(
        _ input: JSONValue,
        of type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotPropertyDefinition {
        let needed = ["name", "label", "type", "fieldType", "groupName"]
        let missing = needed.filter { (input[$0]?.string ?? "").isEmpty }
        guard missing.isEmpty else {
            throw HubSpotRefusal(
                .plainError(
                    400,
                    "Invalid input JSON on line 1: some required fields were not set: [\(missing.joined(separator: ", "))]"
                )
            )
        }
        let texts = needed.map { input[$0]?.string ?? "" }
        let name = texts[0]
        guard let first = name.first, first.isLetter,
            name.allSatisfy({ $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") })
        else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "Property name must be lowercase, but given: \(name)"))
        }
        if let former = properties[type.id]?[name] {
            guard former.archivedAt != nil else {
                throw HubSpotRefusal(
                    .error(
                        409,
                        "OBJECT_ALREADY_EXISTS",
                        "A property named '\(name)' already exists.",
                        subCategory: "Properties.PROPERTY_WITH_NAME_EXISTS"
                    )
                )
            }
            // An archived property comes back with its old definition.
            properties[type.id]?[name]?.archivedAt = nil
            return definition(name, of: type) ?? former
        }
        let types = ["string", "number", "bool", "date", "datetime", "enumeration", "phone_number", "json"]
        guard types.contains(texts[2]) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "\(texts[2]) is not a type of property"))
        }
        var definition = HubSpotPropertyDefinition(
            name: name,
            label: texts[1],
            groupName: texts[4],
            type: texts[2],
            fieldType: texts[3]
        )
        definition.description = input["description"]?.string ?? ""
        definition.isHidden = input["hidden"]?.bool ?? false
        definition.isUnique = input["hasUniqueValue"]?.bool ?? false
        definition.isSensitive = input["dataSensitivity"]?.string == "sensitive"
        definition.options = HubSpotAccountState.options(input["options"])
        definition.createdAt = turn.now
        definition.updatedAt = turn.now
        if definition.isUnique {
            let present = (properties[type.id] ?? [:]).values.filter { $0.isUnique && !$0.isDefinedByPlatform }
            guard present.count < 10 else {
                throw HubSpotRefusal(
                    .error(400, "VALIDATION_ERROR", "At most 10 properties with unique values are allowed")
                )
            }
            stores[type.id]?.addUniqueProperty(name)
        }
        properties[type.id]?[name] = definition
        history.append(
            SimulatedHubSpot.Effect(
                kind: .propertyCreated,
                portalID: account.portalID,
                objectType: type.name,
                objectID: name,
                values: [:],
                time: turn.now,
                source: turn.source
            )
        )
        return definition
    }

    private mutating func changeProperty(
        _ name: String,
        by input: JSONValue,
        of type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotPropertyDefinition {
        guard var definition = definition(name, of: type) else { throw HubSpotRefusal(.notFound) }
        guard !definition.isDefinedByPlatform || input["options"] != nil else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "\(name) cannot be changed"))
        }
        if let label = input["label"]?.string { definition.label = label }
        if let description = input["description"]?.string { definition.description = description }
        if let hidden = input["hidden"]?.bool { definition.isHidden = hidden }
        if let options = input["options"] { definition.options = HubSpotAccountState.options(options) }
        definition.updatedAt = turn.now
        properties[type.id]?[name] = definition
        return definition
    }

    private mutating func batchProperties(
        _ call: HubSpotCall,
        operation: String,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let inputs = try call.json()["inputs"]?.array ?? []
        var results: [JSONObject] = []
        var errors: [JSONValue] = []
        for input in inputs {
            do {
                switch operation {
                case "read":
                    guard let definition = definition(input["name"]?.string ?? "", of: type) else {
                        throw HubSpotRefusal(.notFound)
                    }
                    if let body = definition.body.object { results.append(body) }
                case "create":
                    if let body = try createProperty(input, of: type, turn: turn).body.object { results.append(body) }
                default: return HubSpotReply(status: 404, body: nil)
                }
            } catch let refusal as HubSpotRefusal {
                var entry = refusal.reply.body?.object ?? [:]
                entry["correlationId"] = nil
                entry["context"] = ["name": [input["name"] ?? ""]]
                errors.append(.object(entry))
            }
        }
        return batchReply(operation == "create" ? 201 : 200, results: results, errors: errors, now: turn.now)
    }

    private static func options(_ value: JSONValue?) -> [HubSpotPropertyDefinition.Option] {
        (value?.array ?? []).compactMap { entry in
            guard let value = entry["value"]?.string else { return nil }
            return HubSpotPropertyDefinition.Option(
                value: value,
                label: entry["label"]?.string ?? value,
                hidden: entry["hidden"]?.bool ?? false
            )
        }
    }
}
