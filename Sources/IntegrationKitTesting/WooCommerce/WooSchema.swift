// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// One property of a resource's schema.
struct WooField: Sendable {
    enum Kind: String, Sendable {
        case string, integer, number, boolean, object, array, mixed
    }

    var name: String
    var type: Kind
    var isReadOnly = false
    var isWriteOnly = false
    var isRequired = false
    var format: String?
    var options: [String]?
    var initial: JSONValue = .null
    var parts: [WooField] = []

    static func text(_ name: String, _ initial: String = "", of options: [String]? = nil) -> WooField {
        WooField(name: name, type: .string, options: options, initial: .string(initial))
    }
    static func email(_ name: String, isRequired: Bool = false) -> WooField {
        WooField(name: name, type: .string, isRequired: isRequired, format: "email", initial: "")
    }
    static func whole(_ name: String, _ initial: JSONValue = 0) -> WooField {
        WooField(name: name, type: .integer, initial: initial)
    }
    static func flag(_ name: String, _ initial: Bool = false) -> WooField {
        WooField(name: name, type: .boolean, initial: .bool(initial))
    }
    static func list(_ name: String, _ parts: [WooField] = []) -> WooField {
        WooField(name: name, type: .array, initial: [], parts: parts)
    }
    static func group(_ name: String, _ parts: [WooField]) -> WooField {
        let members = parts.map { JSONObject.Member($0.name, $0.initial) }
        return WooField(name: name, type: .object, initial: .object(JSONObject(members)), parts: parts)
    }
    /// A property that is told and cannot be written.
    static func told(_ name: String, _ type: Kind = .string, format: String? = nil) -> WooField {
        WooField(name: name, type: type, isReadOnly: true, format: format)
    }

    var isWritten: WooField {
        var field = self
        field.isWriteOnly = true
        return field
    }

    /// The property in the form that `OPTIONS` shows.
    var schema: JSONValue {
        var schema: JSONObject = ["type": .string(type.rawValue)]
        if let format { schema["format"] = .string(format) }
        if let options { schema["enum"] = .strings(options) }
        schema["context"] = isWriteOnly ? ["edit"] : ["view", "edit"]
        if isReadOnly { schema["readonly"] = true }
        if type == .object, !parts.isEmpty { schema["properties"] = .object(WooField.properties(parts)) }
        if type == .array, !parts.isEmpty {
            schema["items"] = ["type": "object", "properties": .object(WooField.properties(parts))]
        }
        return .object(schema)
    }

    static func properties(_ fields: [WooField]) -> JSONObject {
        JSONObject(fields.map { JSONObject.Member($0.name, $0.schema) })
    }
}

extension WooField {
    /// Checks a value against the property, and returns it as the property's type.
    func checked(_ value: JSONValue, parameter: String, path: String, _ problems: inout [WooProblem]) -> JSONValue {
        func refuse(_ code: String, _ message: String) {
            problems.append(WooProblem(parameter: parameter, code: code, message: message))
        }
        func refuseType() { refuse("rest_invalid_type", "\(path) is not of type \(type.rawValue).") }
        switch type {
        case .mixed: return value
        case .string:
            guard let text = value.string else {
                if format == "date-time", value.isNull { return value }
                refuseType()
                return value
            }
            if let options, !options.contains(text) {
                refuse("rest_not_in_enum", "\(path) is not one of \(WooField.listed(options)).")
            }
            if format == "email", !WooField.isEmail(text) { refuse("rest_invalid_email", "Invalid email address.") }
            if format == "date-time", !text.isEmpty, ISO8601.date(from: text, assuming: .gmt) == nil {
                refuse("rest_invalid_date", "Invalid date.")
            }
            return value
        case .integer:
            if value.isNull { return value }
            guard let number = value.int64 else {
                refuseType()
                return value
            }
            return .integer(number)
        case .number:
            if value.number != nil || value.string.flatMap({ JSONNumber(text: $0) }) != nil { return value }
            refuseType()
            return value
        case .boolean:
            if let flag = WooField.flag(value) { return .bool(flag) }
            refuseType()
            return value
        case .object:
            guard let object = value.object ?? (value.array == [] ? [:] : nil) else {
                refuseType()
                return value
            }
            return .object(checked(object, parameter: parameter, path: path, &problems))
        case .array:
            guard let items = WooField.items(value) else {
                refuseType()
                return value
            }
            guard !parts.isEmpty else { return .array(items) }
            return .array(
                items.enumerated().map { place, item in
                    guard let object = item.object else {
                        refuse("rest_invalid_type", "\(path)[\(place)] is not of type object.")
                        return item
                    }
                    return .object(
                        checked(object, parameter: parameter, path: "\(path)[\(place)]", &problems)
                    )
                }
            )
        }
    }

    private func checked(
        _ object: JSONObject,
        parameter: String,
        path: String,
        _ problems: inout [WooProblem]
    ) -> JSONObject {
        var object = object
        for part in parts where !part.isReadOnly {
            guard let value = object[part.name] else { continue }
            object[part.name] = part.checked(
                value,
                parameter: parameter,
                path: "\(path)[\(part.name)]",
                &problems
            )
        }
        return object
    }

    /// A list, or the object with numbers as keys that PHP makes of one, or a text with commas.
    static func items(_ value: JSONValue) -> [JSONValue]? {
        switch value {
        case .array(let items): return items
        case .object(let object) where object.keys.allSatisfy({ Int($0) != nil }): return object.members.map(\.value)
        case .string(let text):
            return text.split(whereSeparator: { $0 == "," || $0 == " " }).map { .string(String($0)) }
        case .number: return [value]
        default: return nil
        }
    }

    /// A Boolean in one of PHP's spellings.
    static func flag(_ value: JSONValue) -> Bool? {
        switch value {
        case .bool(let flag): flag
        case .string(let text):
            switch text.lowercased() {
            case "true", "1": true
            case "false", "0", "": false
            default: nil
            }
        case .number(let number): number.text == "1" ? true : number.text == "0" ? false : nil
        default: nil
        }
    }

    static func isEmail(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, text.utf8.count >= 6 else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && !text.contains(" ")
            && labels.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } }
    }

    static func listed(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + ", and " + (words.last ?? "")
    }
}
