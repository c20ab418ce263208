// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// The definition of one property of a type of object.
struct HubSpotPropertyDefinition: Codable, Sendable {
    /// One choice of an enumeration.
    struct Option: Hashable, Codable, Sendable {
        var value: String
        var label: String
        var hidden = false
    }

    var name: String
    var label: String
    var description = ""
    var groupName: String
    var type: String
    var fieldType: String
    var options: [Option] = []
    /// What the choices refer to if they stand elsewhere: `OWNER`, `PIPELINE`, `STAGE`.
    var reference: String?
    var isReadOnly = false
    var isCalculated = false
    var isHidden = false
    var isUnique = false
    var isDefinedByPlatform = true
    var isSensitive = false
    var archivedAt: Int64?
    var createdAt: Int64 = 1_577_836_800_000
    var updatedAt: Int64 = 1_577_836_800_000

    /// Whether a value is a list, joined by `;`.
    var isList: Bool { type == "enumeration" && fieldType == "checkbox" }

    /// The definition as the properties endpoint shows it.
    var body: JSONValue {
        var body: JSONObject = [
            "updatedAt": .string(HubSpotTime.text(updatedAt)),
            "createdAt": .string(HubSpotTime.text(createdAt)),
            "name": .string(name),
            "label": .string(label),
            "type": .string(type),
            "fieldType": .string(fieldType),
            "description": .string(description),
            "groupName": .string(groupName),
        ]
        body["options"] = .array(
            options.enumerated().map { place, option in
                [
                    "label": .string(option.label), "value": .string(option.value),
                    "displayOrder": .integer(place), "hidden": .bool(option.hidden),
                ]
            }
        )
        if let reference, reference == "OWNER" { body["referencedObjectType"] = .string(reference) }
        body["displayOrder"] = .integer(-1)
        body["calculated"] = .bool(isCalculated)
        body["externalOptions"] = .bool(reference != nil)
        body["archived"] = .bool(archivedAt != nil)
        if let archivedAt { body["archivedAt"] = .string(HubSpotTime.text(archivedAt)) }
        body["hasUniqueValue"] = .bool(isUnique)
        body["hidden"] = .bool(isHidden)
        if isDefinedByPlatform { body["hubspotDefined"] = true }
        var metadata: JSONObject = [
            "archivable": .bool(!isDefinedByPlatform), "readOnlyDefinition": .bool(isDefinedByPlatform),
            "readOnlyValue": .bool(isReadOnly),
        ]
        if type == "enumeration" { metadata["readOnlyOptions"] = .bool(isDefinedByPlatform && reference != nil) }
        body["modificationMetadata"] = .object(metadata)
        body["formField"] = .bool(!isReadOnly && !isHidden)
        body["dataSensitivity"] = .string(isSensitive ? "sensitive" : "non_sensitive")
        return .object(body)
    }

    /// Reads one line of the catalogue: name, type, field type, then flags and `options=a,b`.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - group: The group that the property belongs to.
    init?(catalogLine line: Substring, group: String) {
        let parts = line.split(separator: " ").map(String.init)
        guard parts.count >= 3 else { return nil }
        name = parts[0]
        type = parts[1]
        fieldType = parts[2]
        groupName = group
        label = HubSpotPropertyDefinition.label(for: parts[0])
        for flag in parts.dropFirst(3) {
            switch flag {
            case "readonly": isReadOnly = true
            case "calculated": isCalculated = true
            case "hidden": isHidden = true
            case "unique": isUnique = true
            default:
                if flag.hasPrefix("options=") {
                    options = flag.dropFirst(8).split(separator: ",").map {
                        Option(value: String($0), label: HubSpotPropertyDefinition.label(for: String($0)))
                    }
                } else if flag.hasPrefix("reference=") {
                    reference = String(flag.dropFirst(10))
                }
            }
        }
    }

    /// Creates a custom property.
    init(name: String, label: String, groupName: String, type: String, fieldType: String) {
        self.name = name
        self.label = label
        self.groupName = groupName
        self.type = type
        self.fieldType = fieldType
        isDefinedByPlatform = false
    }

    private static func label(for name: String) -> String {
        name.split(separator: "_").filter { $0 != "hs" }.map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
            .joined(separator: " ")
    }
}
