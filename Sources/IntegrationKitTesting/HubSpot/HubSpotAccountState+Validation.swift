// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Values that passed their properties' rules; an empty one clears.
struct HubSpotWrite: Sendable {
    var values: [String: String] = [:]
    var warnings: [JSONValue] = []
}

extension HubSpotAccountState {
    /// Checks the `properties` of an input.
    ///
    /// - Parameters:
    ///   - properties: The properties as they came.
    ///   - type: The type of the record.
    ///   - former: The record as it was; nil for one that is created.
    ///   - turn: Who writes.
    /// - Returns: What to store.
    /// - Throws: A refusal that names every faulty property.
    func checked(
        _ properties: JSONObject,
        of type: HubSpotObjectType,
        former: HubSpotRecord?,
        turn: HubSpotTurn
    ) throws -> HubSpotWrite {
        var write = HubSpotWrite()
        var faults: [PropertyFault] = []
        for member in properties.members {
            guard let definition = definition(member.key, of: type) else {
                let message = "Property \"\(member.key)\" does not exist"
                faults.append(PropertyFault(property: member.key, code: "PROPERTY_DOESNT_EXIST", message: message))
                continue
            }
            guard !definition.isReadOnly, !definition.fieldType.hasPrefix("calculation") else {
                let message = "\"\(member.key)\" is a read only property; its value cannot be set."
                faults.append(PropertyFault(property: member.key, code: "READ_ONLY_VALUE", message: message))
                continue
            }
            guard let raw = HubSpotAccountState.text(of: member.value) else {
                throw HubSpotRefusal(.plainError(400, "Invalid input JSON on line 1: Cannot deserialize value of type"))
            }
            do {
                let value = try normalized(raw, by: definition, of: type, former: former)
                if turn.isStrict, raw != value, definition.type == "date" || definition.type == "datetime" {
                    write.warnings.append(
                        [
                            "category": "PROPERTY_VALUE_NORMALIZED",
                            "message": .string("The value of \(member.key) was normalized"),
                            "context": [
                                "propertyName": .string(member.key), "rawValue": .string(raw),
                                "normalizedValue": .string(value),
                            ],
                        ])
                }
                write.values[member.key] = value
            } catch let fault as InvalidValue {
                faults.append(PropertyFault(property: member.key, code: fault.code, message: fault.message))
            }
        }
        guard faults.isEmpty else { throw HubSpotRefusal(.invalidProperties(faults)) }
        try checkStage(in: write.values, of: type, former: former)
        keepLifecycleForward(&write, of: type, former: former)
        try checkRequired(write.values, of: type, former: former, turn: turn)
        return write
    }

    /// Refuses values that another live record of the type holds.
    func checkUnique(_ values: [String: String], of type: HubSpotObjectType, former: HubSpotRecord?) throws {
        let store = store(type)
        var merged = former?.values ?? [:]
        merged.merge(values) { $1 }
        for (property, key) in store.keys(of: merged).sorted(by: { $0.property == "email" || $0.property < $1.property }
        ) {
            guard !key.isEmpty, let holder = store.holder(of: key, in: property), holder != former?.id else { continue }
            if property == "email" {
                throw HubSpotRefusal(
                    .error(409, "CONFLICT", "\(type.titledName) already exists. Existing ID: \(holder)")
                )
            }
            let message = "\(key) already has that value."
            let fault = PropertyFault(property: property, code: "CONFLICTING_UNIQUE_VALUE", message: message)
            throw HubSpotRefusal(.invalidProperties([fault]))
        }
    }

    /// A JSON value as the text that is stored; nil if it is no scalar.
    static func text(of value: JSONValue) -> String? {
        switch value {
        case .null: ""
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "true" : "false"
        case .array, .object: nil
        }
    }

    private struct InvalidValue: Error {
        var code: String
        var message: String
    }

    private func normalized(
        _ raw: String,
        by definition: HubSpotPropertyDefinition,
        of type: HubSpotObjectType,
        former: HubSpotRecord?
    ) throws -> String {
        guard !raw.isEmpty else { return raw }
        guard raw.utf16.count <= 65_536 else {
            throw InvalidValue(code: "PROPERTY_TOO_LONG", message: "The value of \(definition.name) is too long")
        }
        switch definition.type {
        case "number":
            guard Double(raw) != nil, raw.allSatisfy({ $0.isNumber || "+-.eE".contains($0) }) else {
                throw InvalidValue(code: "INVALID_INTEGER", message: "\(raw) was not a valid number.")
            }
            return raw
        case "bool":
            guard ["true", "false"].contains(raw.lowercased()) else { throw invalidOption(raw, ["true", "false"]) }
            return raw.lowercased()
        case "date":
            guard let moment = HubSpotTime.parse(raw) else {
                throw InvalidValue(code: "INVALID_DATE", message: "\(raw) was not a valid date.")
            }
            return HubSpotTime.day(moment)
        case "datetime":
            guard let moment = HubSpotTime.parse(raw) else {
                throw InvalidValue(code: "INVALID_DATE", message: "\(raw) was not a valid date.")
            }
            return HubSpotTime.text(moment)
        case "enumeration": return try choice(raw, by: definition, of: type, former: former)
        default: break
        }
        if type == .contact, definition.name == "email" {
            guard HubSpotAccountState.isEmailAddress(raw) else {
                throw InvalidValue(code: "INVALID_EMAIL", message: "Email address \(raw) is invalid")
            }
            return raw.lowercased()
        }
        return raw
    }

    private func choice(
        _ raw: String,
        by definition: HubSpotPropertyDefinition,
        of type: HubSpotObjectType,
        former: HubSpotRecord?
    ) throws -> String {
        if definition.name == "hs_additional_emails" {
            let addresses = raw.split(separator: ";").map { $0.lowercased() }
            guard let wrong = addresses.first(where: { !HubSpotAccountState.isEmailAddress($0) }) else {
                return addresses.joined(separator: ";")
            }
            throw InvalidValue(code: "INVALID_EMAIL", message: "Email address \(wrong) is invalid")
        }
        if definition.reference == "OWNER" {
            guard account.owners.contains(where: { String($0.id) == raw && !$0.isArchived }) else {
                throw InvalidValue(code: "INVALID_OWNER_ID", message: "Owner \(raw) does not exist")
            }
            return raw
        }
        if definition.reference == "PIPELINE" || definition.reference == "STAGE" {
            let pipelines = account.pipelines[type.plural] ?? []
            let known =
                definition.reference == "PIPELINE" ? pipelines.map(\.id) : pipelines.flatMap { $0.stages.map(\.id) }
            guard known.contains(raw) else { throw invalidOption(raw, known) }
            return raw
        }
        guard !definition.options.isEmpty, definition.reference == nil else { return raw }
        let allowed = definition.options.map(\.value)
        guard definition.isList else {
            guard allowed.contains(raw) else { throw invalidOption(raw, allowed) }
            return raw
        }
        let chosen = raw.split(separator: ";").map(String.init)
        if let wrong = chosen.first(where: { !allowed.contains($0) }) { throw invalidOption(wrong, allowed) }
        var present: [String] = []
        if raw.hasPrefix(";") {
            present = (former?.values[definition.name] ?? "").split(separator: ";").map(String.init)
        }
        return (present + chosen.filter { !present.contains($0) }).joined(separator: ";")
    }

    private func invalidOption(_ value: String, _ allowed: [String]) -> InvalidValue {
        let list = allowed.prefix(20).joined(separator: ", ")
        return InvalidValue(code: "INVALID_OPTION", message: "\(value) was not one of the allowed options: [\(list)]")
    }

    private func checkStage(in values: [String: String], of type: HubSpotObjectType, former: HubSpotRecord?) throws {
        let names: (pipeline: String, stage: String)? =
            switch type {
            case .deal: ("pipeline", "dealstage")
            case .ticket, .order: ("hs_pipeline", "hs_pipeline_stage")
            default: nil
            }
        guard let names, let stage = values[names.stage], !stage.isEmpty, let pipeline = values[names.pipeline] else {
            return
        }
        let stages = (account.pipelines[type.plural] ?? []).first { $0.id == pipeline }?.stages.map(\.id) ?? []
        guard stages.contains(stage) else {
            let fault = invalidOption(stage, stages)
            throw HubSpotRefusal(
                .invalidProperties([PropertyFault(property: names.stage, code: fault.code, message: fault.message)])
            )
        }
    }

    /// Drops a lifecycle stage that lies before the present one.
    private func keepLifecycleForward(_ write: inout HubSpotWrite, of type: HubSpotObjectType, former: HubSpotRecord?) {
        guard let wanted = write.values["lifecyclestage"], !wanted.isEmpty,
            let present = former?.values["lifecyclestage"],
            let options = definition("lifecyclestage", of: type)?.options.map(\.value),
            let wantedPlace = options.firstIndex(of: wanted), let presentPlace = options.firstIndex(of: present),
            wantedPlace < presentPlace
        else { return }
        write.values["lifecyclestage"] = nil
    }

    private func checkRequired(
        _ values: [String: String],
        of type: HubSpotObjectType,
        former: HubSpotRecord?,
        turn: HubSpotTurn
    ) throws {
        var merged = former?.values ?? [:]
        merged.merge(values) { $1 }
        if former == nil {
            var missing = type.required.filter { (merged[$0] ?? "").isEmpty }
            if type == .company, (merged["name"] ?? "").isEmpty, (merged["domain"] ?? "").isEmpty {
                missing = ["domain", "name"]
            }
            guard missing.isEmpty else {
                throw HubSpotRefusal(
                    .error(
                        400,
                        "VALIDATION_ERROR",
                        "Error creating \(type.shoutedName). Some required properties were not set.",
                        context: ["properties": .strings(missing)]
                    )
                )
            }
        }
        guard turn.isStrict, turn.appID != nil else { return }
        let faults = account.rules.compactMap { rule -> PropertyFault? in
            guard HubSpotObjectType.named(rule.objectType) == type, (merged[rule.property] ?? "").isEmpty else {
                return nil
            }
            if let condition = rule.condition {
                guard merged[condition.property] == condition.value else { return nil }
            } else if former != nil, values[rule.property] == nil {
                return nil
            }
            return PropertyFault(
                property: rule.property,
                code: rule.condition == nil ? "MISSING_REQUIRED_PROPERTY" : "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
                message: "\(rule.property) is required"
            )
        }
        guard faults.isEmpty else { throw HubSpotRefusal(.invalidProperties(faults)) }
    }

    /// Whether a text looks like an address to the platform: one `@`, no blanks, a dotted domain.
    static func isEmailAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !text.contains(where: \.isWhitespace) else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy { !$0.isEmpty } && !text.contains("..")
    }
}
