// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the simulated platform answers, before correlation id and limits are added.
struct HubSpotReply: Sendable {
    var status: Int
    var body: JSONValue?
    var headers: HTTPHeaders = [:]
    /// A body that is not JSON.
    var raw: String?
    /// A body that was written before.
    var written: Data?

    /// An answer with a body.
    static func json(_ status: Int = 200, _ body: JSONValue) -> HubSpotReply {
        HubSpotReply(status: status, body: body)
    }

    /// An answer without one.
    static let noContent = HubSpotReply(status: 204, body: nil)

    /// An error with nothing but a message.
    static func plainError(_ status: Int, _ message: String) -> HubSpotReply {
        .json(status, .object(errorBody(message)))
    }

    /// An error with its category.
    static func error(
        _ status: Int,
        _ category: String,
        _ message: String,
        context: JSONObject? = nil,
        errors: [JSONValue] = [],
        subCategory: String? = nil
    ) -> HubSpotReply {
        var body = errorBody(message)
        if !errors.isEmpty { body["errors"] = .array(errors) }
        if let context { body["context"] = .object(context) }
        body["category"] = .string(category)
        if let subCategory { body["subCategory"] = .string(subCategory) }
        return .json(status, .object(body))
    }

    /// The 404 of a record.
    static let notFound = error(404, "OBJECT_NOT_FOUND", "resource not found")

    /// The 400 of a value that fails its property's rules.
    static func invalidProperties(_ faults: [PropertyFault]) -> HubSpotReply {
        let listed = faults.map { fault in
            JSONValue.object([
                "isValid": false, "message": .string(fault.message), "error": .string(fault.code),
                "name": .string(fault.property),
            ])
        }
        let isRule = faults.contains { $0.code.hasPrefix("MISSING_") }
        return error(
            400,
            "VALIDATION_ERROR",
            isRule
                ? "The property values provided are invalid"
                : "Property values were not valid: \(JSONValue.array(listed).text)",
            errors: faults.map(\.entry)
        )
    }

    private static func errorBody(_ message: String) -> JSONObject {
        ["status": "error", "message": .string(message), "correlationId": ""]
    }
}

/// Why one property's value was refused.
struct PropertyFault: Hashable, Sendable {
    var property: String
    var code: String
    var message: String

    /// The entry of an error body's `errors`.
    var entry: JSONValue {
        [
            "message": .string(message), "code": .string(code),
            "context": ["propertyName": [.string(property)]],
        ]
    }
}

/// A reply that ends the handling of a call.
struct HubSpotRefusal: Error {
    var reply: HubSpotReply

    init(_ reply: HubSpotReply) {
        self.reply = reply
    }
}

extension JSONValue {
    /// An array of strings.
    static func strings(_ values: some Sequence<String>) -> JSONValue {
        .array(values.map { .string($0) })
    }

    /// A whole number.
    static func integer(_ value: some FixedWidthInteger) -> JSONValue {
        .number(JSONNumber(value))
    }
}
