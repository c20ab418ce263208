// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension HubSpotAccountState {
    /// Answers a call under `objects/{type}/batch`.
    mutating func answerBatch(
        _ call: HubSpotCall,
        operation: String,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let body = try call.json()
        guard let inputs = body["inputs"]?.array else {
            throw HubSpotRefusal(
                .plainError(400, "Invalid input JSON on line 1: some required fields were not set: [inputs]")
            )
        }
        let most = body["propertiesWithHistory"]?.array?.isEmpty == false ? 50 : 100
        guard inputs.count <= most else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "Batch size \(inputs.count) exceeds the maximum of \(most)")
            )
        }
        switch operation {
        case "read": return try batchRead(body, inputs: inputs, call: call, type: type, turn: turn)
        case "create": return try batchCreate(inputs, type: type, turn: turn)
        case "update": return try batchUpdate(inputs, type: type, turn: turn)
        case "upsert": return try batchUpsert(inputs, type: type, turn: turn)
        case "archive":
            for id in inputs.compactMap({ $0["id"]?.int64 }) { archive(id, of: type, turn: turn) }
            return .noContent
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    /// The body of a batch; its results come in no particular order.
    mutating func batchReply(
        _ status: Int,
        results: [JSONObject],
        errors: [JSONValue],
        now: Int64
    ) -> HubSpotReply {
        let moment = JSONValue.string(HubSpotTime.text(now))
        var body: JSONObject = [
            "status": "COMPLETE", "results": .array(random.shuffled(results).map { .object($0) }),
            "startedAt": moment, "completedAt": moment,
        ]
        if !errors.isEmpty {
            body["errors"] = .array(errors)
            body["numErrors"] = .integer(errors.count)
        }
        return .json(errors.isEmpty ? status : 207, .object(body))
    }

    /// The traces of a batch's inputs, if every input has one of its own.
    static func traces(of inputs: [JSONValue]) -> [String]? {
        let traces = inputs.compactMap { $0["objectWriteTraceId"]?.string }
        return traces.count == inputs.count && Set(traces).count == traces.count ? traces : nil
    }

    /// The entry of a refusal in the `errors` of a batch.
    static func entry(for reply: HubSpotReply, trace: String) -> JSONValue {
        var context = reply.body?["context"]?.object ?? [:]
        context["objectWriteTraceId"] = [.string(trace)]
        let message = reply.body?["message"]?.string ?? ""
        if let range = message.range(of: "Existing ID: ") {
            context["existingId"] = [.string(String(message[range.upperBound...]))]
        }
        var entry: JSONObject = [
            "status": "error", "category": reply.body?["category"] ?? "VALIDATION_ERROR", "message": .string(message),
            "context": .object(context),
        ]
        if let errors = reply.body?["errors"] { entry["errors"] = errors }
        return .object(entry)
    }

    private mutating func batchRead(
        _ body: JSONValue,
        inputs: [JSONValue],
        call: HubSpotCall,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let ids = inputs.compactMap { $0["id"]?.idText }
        try refuseDuplicates(ids)
        let wantsArchived = call.parameter("archived") == "true"
        let properties = body["properties"]?.array?.compactMap(\.string)
        var results: [JSONObject] = []
        var missing: [String] = []
        for id in ids {
            if let record = try find(id, by: body["idProperty"]?.string, of: type, followsMerges: false),
                (record.archivedAt != nil) == wantsArchived
            {
                results.append(self.body(of: record, type: type, properties: properties))
            } else {
                missing.append(id)
            }
        }
        let errors = missing.isEmpty ? [] : [HubSpotAccountState.missingEntry(missing, of: type)]
        return batchReply(200, results: results, errors: errors, now: turn.now)
    }

    private static func missingEntry(_ ids: [String], of type: HubSpotObjectType) -> JSONValue {
        let message =
            "Could not get some \(type.shoutedName) objects, they may be deleted or not exist. Check that ids are valid."
        return [
            "status": "error", "category": "OBJECT_NOT_FOUND", "message": .string(message),
            "context": ["ids": .strings(ids)],
        ]
    }

    private func refuseDuplicates(_ ids: [String]) throws {
        var seen: Set<String> = []
        var twice: [String] = []
        for id in ids where !seen.insert(id).inserted && !twice.contains(id) { twice.append(id) }
        guard twice.isEmpty else {
            throw HubSpotRefusal(
                .error(
                    400,
                    "VALIDATION_ERROR",
                    "Duplicate IDs found in batch input: [\(twice.joined(separator: ", "))]. IDs must be unique",
                    context: ["ids": .strings(twice)]
                )
            )
        }
    }

    private mutating func batchCreate(
        _ inputs: [JSONValue],
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        let traces = HubSpotAccountState.traces(of: inputs)
        if traces == nil { try refuseAnyBadCreate(inputs, type: type, turn: turn) }
        var results: [JSONObject] = []
        var errors: [JSONValue] = []
        for (place, input) in inputs.enumerated() {
            do {
                let (write, links) = try checkedCreate(input, type: type, turn: turn)
                let record = insert(write, of: type, links: links, turn: turn)
                var result = written(record, type: type, write: write, isNew: true)
                if let trace = input["objectWriteTraceId"] { result["objectWriteTraceId"] = trace }
                results.append(result)
            } catch let refusal as HubSpotRefusal {
                guard let traces else { throw refusal }
                errors.append(HubSpotAccountState.entry(for: refusal.reply, trace: traces[place]))
            }
        }
        return batchReply(201, results: results, errors: errors, now: turn.now)
    }

    /// Without traces one bad input fails the whole call, and nothing is created.
    private func refuseAnyBadCreate(_ inputs: [JSONValue], type: HubSpotObjectType, turn: HubSpotTurn) throws {
        var taken: Set<String> = []
        for input in inputs {
            let (write, _) = try checkedCreate(input, type: type, turn: turn)
            try refuseTaken(&taken, write.values, of: type)
        }
    }

    private func refuseTaken(_ taken: inout Set<String>, _ values: [String: String], of type: HubSpotObjectType) throws
    {
        for (property, key) in store(type).keys(of: values) where !key.isEmpty {
            guard !taken.insert("\(property)=\(key)").inserted else { continue }
            if property == "email" {
                throw HubSpotRefusal(.error(409, "CONFLICT", "\(type.titledName) already exists"))
            }
            let message = "\(key) already has that value."
            throw HubSpotRefusal(
                .invalidProperties([
                    PropertyFault(property: property, code: "CONFLICTING_UNIQUE_VALUE", message: message)
                ])
            )
        }
    }

    private mutating func batchUpdate(
        _ inputs: [JSONValue],
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        try refuseDuplicates(inputs.compactMap { $0["id"]?.idText })
        var prepared: [(record: HubSpotRecord, write: HubSpotWrite, trace: JSONValue?)] = []
        var missing: [String] = []
        var taken: Set<String> = []
        for input in inputs {
            let id = input["id"]?.idText ?? ""
            let idProperty = input["idProperty"]?.string
            if let idProperty { try refuseNonUnique(idProperty, verb: "update", of: type) }
            if idProperty == nil, Int64(id) == nil { try refuseNonUnique(id, verb: "update", of: type) }
            guard let former = try find(id, by: idProperty, of: type, followsMerges: false), former.archivedAt == nil
            else {
                missing.append(id)
                continue
            }
            let write = try checked(input["properties"]?.object ?? [:], of: type, former: former, turn: turn)
            try checkUnique(write.values, of: type, former: former)
            try refuseTaken(&taken, write.values, of: type)
            prepared.append((former, write, input["objectWriteTraceId"]))
        }
        let results = prepared.map { former, write, trace in
            let record = change(former, by: write, of: type, turn: turn)
            var result = written(record, type: type, write: write, isNew: false)
            if let trace { result["objectWriteTraceId"] = trace }
            return result
        }
        let errors = missing.isEmpty ? [] : [HubSpotAccountState.missingEntry(missing, of: type)]
        return batchReply(200, results: results, errors: errors, now: turn.now)
    }

    private func refuseNonUnique(_ property: String, verb: String, of type: HubSpotObjectType) throws {
        guard property != "hs_object_id", !isIdentifying(property, of: type) else { return }
        throw HubSpotRefusal(
            .plainError(400, "Unable to perform \(verb) by non-unique \(type.id) property \(property)")
        )
    }

    private mutating func batchUpsert(
        _ inputs: [JSONValue],
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        try refuseDuplicates(inputs.compactMap { $0["id"]?.idText })
        for input in inputs { try refuseNonUnique(input["idProperty"]?.string ?? "", verb: "upsert", of: type) }
        let isByEmail = inputs.contains { $0["idProperty"]?.string == "email" }
        let traces = isByEmail ? nil : HubSpotAccountState.traces(of: inputs)
        if traces == nil {
            var taken: Set<String> = []
            for input in inputs {
                let (_, write) = try checkedUpsert(input, type: type, turn: turn)
                try refuseTaken(&taken, write.values, of: type)
            }
        }
        var results: [JSONObject] = []
        var errors: [JSONValue] = []
        for (place, input) in inputs.enumerated() {
            do {
                let (former, write) = try checkedUpsert(input, type: type, turn: turn)
                let record =
                    former.map { change($0, by: write, of: type, turn: turn) }
                    ?? insert(write, of: type, links: [], turn: turn)
                var result = written(record, type: type, write: write, isNew: former == nil)
                result["new"] = .bool(former == nil)
                if let trace = input["objectWriteTraceId"] { result["objectWriteTraceId"] = trace }
                results.append(result)
            } catch let refusal as HubSpotRefusal {
                guard let traces else { throw refusal }
                errors.append(HubSpotAccountState.entry(for: refusal.reply, trace: traces[place]))
            }
        }
        return batchReply(200, results: results, errors: errors, now: turn.now)
    }

    private func checkedUpsert(
        _ input: JSONValue,
        type: HubSpotObjectType,
        turn: HubSpotTurn
    ) throws -> (former: HubSpotRecord?, write: HubSpotWrite) {
        guard let id = input["id"]?.idText, let idProperty = input["idProperty"]?.string else {
            throw HubSpotRefusal(
                .plainError(400, "Invalid input JSON on line 1: some required fields were not set: [id]")
            )
        }
        let former = try find(id, by: idProperty, of: type, followsMerges: false)
        guard idProperty != "hs_object_id" || former != nil else { throw HubSpotRefusal(.notFound) }
        var properties = input["properties"]?.object ?? [:]
        // A contact's further address finds it too, but does not become its first one.
        let isKnownByOther = former != nil && idProperty == "email"
        if idProperty != "hs_object_id", properties[idProperty] == nil, !isKnownByOther {
            properties[idProperty] = .string(id)
        }
        let write = try checked(properties, of: type, former: former, turn: turn)
        try checkUnique(write.values, of: type, former: former)
        return (former, write)
    }
}
