// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// One call of a batch: its inputs, and what its answer says of each write.
struct HubSpotCall: Sendable {
    let object: HubSpotObject
    let step: HubSpotStep
    let payloads: HubSpotPayloads

    private static let stage = FieldName("lifecyclestage")

    // MARK: The request

    /// Makes the call's request.
    func request(_ inputs: [JSONValue], by requests: HubSpotRequests) throws -> HTTPRequest {
        let path: String
        switch step.verb {
        case .create: path = requests.objects(object) + "/batch/create"
        case .upsert: path = requests.objects(object) + "/batch/upsert"
        case .update, .clearStage, .setStage: path = requests.objects(object) + "/batch/update"
        case .archive: path = requests.objects(object) + "/batch/archive"
        case .associate, .nothing:
            let target = try HubSpotObject.of(step.targets.first ?? object.kind)
            path = requests.associations(object, target) + "/batch/create"
        }
        return try requests.post(path, body: ["inputs": .array(inputs)], effect: .write)
    }

    /// Writes what a write adds to the call.
    ///
    /// - Throws: ``IntegrationError`` if the write has no form in HubSpot.
    func inputs(of write: RecordWrite) throws -> [JSONValue] {
        switch step.verb {
        case .create:
            var input: JSONObject = ["properties": try created(write)]
            let associations = try write.relations.map { try association($0) }
            if !associations.isEmpty { input["associations"] = .array(associations) }
            input["objectWriteTraceId"] = .string(HubSpotCall.trace(write))
            return [.object(input)]
        case .upsert:
            let slot = try required(payloads.account.profile.keySlots[write.kind]?.field, "key property")
            for relation in write.relations { _ = try association(relation) }
            return [
                [
                    "id": .string(write.externalKey),
                    "idProperty": .string(slot.rawValue),
                    "properties": try created(write),
                    "objectWriteTraceId": .string(HubSpotCall.trace(write)),
                ]
            ]
        case .update:
            for relation in write.relations { _ = try association(relation) }
            return [["id": .string(try id(of: write)), "properties": try changed(write)]]
        case .clearStage:
            return [["id": .string(try id(of: write)), "properties": [HubSpotCall.stage.rawValue: ""]]]
        case .setStage:
            let stage = write.fields.filter { $0.key == HubSpotCall.stage }
            let properties = try payloads.properties(of: stage, kind: write.kind)
            return [["id": .string(try id(of: write)), "properties": HubSpotCall.object(properties)]]
        case .archive:
            return [["id": .string(try id(of: write))]]
        case .associate:
            return try write.relations.compactMap { relation in
                guard case .remote(let target) = relation.target, target.kind == step.targets.first else { return nil }
                let types = try association(relation)["types"] ?? []
                return [
                    "from": ["id": .string(try id(of: write))],
                    "to": ["id": .string(target.value)],
                    "types": types,
                ]
            }
        case .nothing:
            return []
        }
    }

    private func created(_ write: RecordWrite) throws -> JSONValue {
        var properties = try payloads.properties(of: write.fields, kind: write.kind)
        if let slot = payloads.account.profile.keySlots[write.kind]?.field {
            properties[slot.rawValue] = write.externalKey
        } else if let body = object.markedBody {
            properties[body.rawValue] = HubSpotMarker.append(write.externalKey, to: properties[body.rawValue] ?? "")
        }
        for (name, value) in HubSpotDefaults.properties(of: write.kind, besides: properties, in: payloads.account) {
            properties[name] = value
        }
        try check(properties)
        return HubSpotCall.object(properties)
    }

    private func changed(_ write: RecordWrite) throws -> JSONValue {
        var properties = try payloads.properties(of: write.changedFields, kind: write.kind)
        if payloads.account.profile.keySlots[write.kind]?.field == nil, let body = object.markedBody,
            let text = properties[body.rawValue]
        {
            properties[body.rawValue] = HubSpotMarker.append(write.externalKey, to: text)
        }
        try check(properties)
        return HubSpotCall.object(properties)
    }

    private func check(_ properties: [String: String]) throws {
        guard let body = object.markedBody, let limit = object.bodyLimit,
            let length = properties[body.rawValue]?.utf16.count, length > limit
        else { return }
        throw IntegrationError(
            .refused,
            "The field \(body.rawValue) has \(length) characters; HubSpot takes \(limit).",
            remedy: LocalizedText(
                "Shorten the text, or map it through a transform that cuts it off.",
                fr: "Raccourcissez le texte ou associez-le avec une transformation qui le tronque."
            ),
            context: IntegrationError.Context(platform: PlatformID.hubSpot.rawValue, fields: [body.rawValue])
        )
    }

    private func association(_ relation: Relation) throws -> JSONValue {
        guard case .remote(let target) = relation.target else {
            throw IntegrationError(
                .unsupported,
                "HubSpot associates records by their ids alone; the relation \(relation.role.rawValue) has none."
            )
        }
        guard let type = HubSpotObject.associationType(from: object.kind, to: target.kind) else {
            throw IntegrationError(
                .unsupported,
                "No association leads from \(object.kind.rawValue) to \(target.kind.rawValue) in HubSpot.",
                remedy: LocalizedText(
                    "Remove the relation from the route.",
                    fr: "Retirez cette relation de la règle d’envoi."
                ),
                retry: .afterSetup,
                concerns: .kind
            )
        }
        return [
            "to": ["id": .string(target.value)],
            "types": [["associationCategory": "HUBSPOT_DEFINED", "associationTypeId": .number(JSONNumber(type))]],
        ]
    }

    private func id(of write: RecordWrite) throws -> String {
        try required(write.state?["id"]?.string ?? write.target?.value, "record to \(step.verb.rawValue)")
    }

    private func required<Value>(_ value: Value?, _ name: String) throws -> Value {
        guard let value else { throw IntegrationError(.invalidInput, "The write names no \(name).") }
        return value
    }

    private static func object(_ properties: [String: String]) -> JSONValue {
        .object(JSONObject(properties.mapValues { .string($0) }))
    }

    private static func trace(_ write: RecordWrite) -> String { write.id.uuidString.lowercased() }

    // MARK: The answer

    /// The error of an answer that tells nothing.
    static func unanswered(mayHaveHappened: Bool) -> IntegrationError {
        IntegrationError(
            .invalidAnswer,
            "HubSpot's answer does not tell what became of the record.",
            retry: .after(nil),
            mayHaveHappened: mayHaveHappened,
            context: IntegrationError.Context(platform: PlatformID.hubSpot.rawValue)
        )
    }

    /// What a failure of the whole call means for its writes.
    func outcomes(of error: IntegrationError, body: HubSpotFailure, for writes: [RecordWrite]) -> [WriteOutcome] {
        if error.mayHaveHappened { return writes.map { _ in .unknown(error) } }
        switch error.code {
        case .refused, .conflict, .gone, .notFound:
            guard writes.count == 1 else {
                // HubSpot refuses all for one and names the first culprit alone.
                var error = error
                error.retry = .smaller
                error.concerns = .record
                return writes.map { _ in .notAttempted(error) }
            }
            if error.code == .conflict { return [exists(body.existingIDs)] }
            return [error.code == .gone && step.verb != .associate ? .gone : .refused(error)]
        default:
            return writes.map { _ in .notAttempted(error) }
        }
    }

    /// What an answer says of each write: by our trace id, the record's id, our key, the e-mail address or the marker.
    func outcomes(
        in answer: JSONValue,
        for writes: [RecordWrite],
        refusal: (HubSpotFailure) -> IntegrationError
    ) -> [WriteOutcome] {
        let failures = (answer["errors"]?.array ?? []).map { HubSpotFailure($0) }
        if step.verb == .associate || step.verb == .archive {
            guard let failure = failures.first else { return writes.map { done($0) } }
            var error = refusal(failure)
            if writes.count == 1 { return [.refused(error)] }
            error.retry = .smaller
            return writes.map { _ in .notAttempted(error) }
        }
        let results = answer["results"]?.array ?? []
        let isLone = writes.count == 1 && results.count + failures.count == 1
        let isPlain = results.allSatisfy { result in isLone || writes.contains { isResult(result, of: $0) } }
        let stray = isPlain ? failures.first { failure in !writes.contains { isFailure(failure, of: $0) } } : nil
        return writes.map { write in
            if let result = results.first(where: { isLone || isResult($0, of: write) }),
                let record = payloads.record(result, of: object)
            {
                return made(record, write)
            }
            if let failure = failures.first(where: { isLone || isFailure($0, of: write) }) {
                if failure.isConflict { return exists(failure.existingIDs) }
                return failure.isNotFound ? .gone : .refused(refusal(failure))
            }
            guard let stray else { return .unknown(HubSpotCall.unanswered(mayHaveHappened: true)) }
            // All that was done is accounted for, so a failure that names nobody is this write's or its neighbour's.
            var error = refusal(stray)
            error.retry = .smaller
            error.concerns = .record
            return .notAttempted(error)
        }
    }

    /// What it means that a step without a record in its answer is done.
    func done(_ write: RecordWrite) -> WriteOutcome {
        let id = write.state?["id"]?.string ?? write.target?.value ?? ""
        return go(on: RemoteRecord(id: RemoteID(write.kind, id)), of: write, isStageRefused: false)
    }

    private func made(_ record: RemoteRecord, _ write: RecordWrite) -> WriteOutcome {
        go(on: record, of: write, isStageRefused: isStageRefused(in: record, after: write))
    }

    /// Whether the record kept another `lifecyclestage` than the one that was sent, which HubSpot does without a word.
    ///
    /// Where the answer does not show the stage, it was taken if it lies ahead of the one that was read before.
    private func isStageRefused(in record: RemoteRecord, after write: RecordWrite) -> Bool {
        let stage = write.changedFields.filter { $0.key == HubSpotCall.stage }
        guard let wanted = (try? payloads.properties(of: stage, kind: write.kind))?[HubSpotCall.stage.rawValue],
            !wanted.isEmpty
        else { return false }
        if let stored = record.fields[HubSpotCall.stage] { return stored != .text(wanted) }
        guard write.operation == .update, case .text(let former) = write.base[HubSpotCall.stage],
            let from = HubSpotCall.stages.firstIndex(of: former), let to = HubSpotCall.stages.firstIndex(of: wanted)
        else { return write.operation == .update && write.base[HubSpotCall.stage] != .empty }
        return to < from
    }

    private static let stages = [
        "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
        "other",
    ]

    private func go(on record: RemoteRecord, of write: RecordWrite, isStageRefused: Bool) -> WriteOutcome {
        let step = HubSpotStep(of: write, in: payloads.account)
        guard let next = step.next(isStageRefused: isStageRefused) else { return .applied(record) }
        return .pending(next.state(of: record.id.value), made: record, after: .zero)
    }

    private func exists(_ ids: [String]) -> WriteOutcome {
        .exists(ids.map { RemoteID(object.kind, $0) })
    }

    private func isResult(_ result: JSONValue, of write: RecordWrite) -> Bool {
        if let trace = result["objectWriteTraceId"]?.string { return trace == HubSpotCall.trace(write) }
        let properties = result["properties"]
        switch step.verb {
        case .create, .upsert:
            if let slot = payloads.account.profile.keySlots[write.kind]?.field {
                return properties?[slot.rawValue]?.string == write.externalKey
            }
            if let body = object.markedBody {
                return properties?[body.rawValue]?.string.map { HubSpotMarker.split($0).key } == write.externalKey
            }
            guard let email = HubSpotProvider.email(of: write) else { return false }
            return properties?["email"]?.string?.lowercased() == email
        default:
            return result["id"]?.idText == (write.state?["id"]?.string ?? write.target?.value)
        }
    }

    private func isFailure(_ failure: HubSpotFailure, of write: RecordWrite) -> Bool {
        if !failure.traceIDs.isEmpty { return failure.traceIDs.contains(HubSpotCall.trace(write)) }
        let name = step.verb == .upsert ? write.externalKey : write.state?["id"]?.string ?? write.target?.value
        return name.map(failure.ids.contains) ?? false
    }
}
