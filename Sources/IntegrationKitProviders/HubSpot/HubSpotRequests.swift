// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What HubSpot calls a kind.
struct HubSpotObject: Hashable, Sendable {
    /// The kind.
    let kind: RecordKind
    /// The name in paths.
    let path: String
    /// The number in webhooks.
    let typeID: String
    /// The property that dates the last change.
    let changeProperty: FieldName
    /// The property that a person reads first; a new property joins its group.
    let leadingProperty: FieldName
    /// The text that carries our marker where there is no key property, with what HubSpot names as its limit.
    let markedBody: FieldName?
    /// The most characters of the text; nil: not documented.
    let bodyLimit: Int?

    private init(
        _ kind: RecordKind,
        _ path: String,
        _ typeID: String,
        leading: FieldName,
        changed: FieldName = "hs_lastmodifieddate",
        marked: FieldName? = nil,
        bodyLimit: Int? = nil
    ) {
        self.kind = kind
        self.path = path
        self.typeID = typeID
        self.changeProperty = changed
        self.leadingProperty = leading
        self.markedBody = marked
        self.bodyLimit = bodyLimit
    }

    /// All kinds that are carried.
    static let all: [HubSpotObject] = [
        HubSpotObject(.contact, "contacts", "0-1", leading: "email", changed: "lastmodifieddate"),
        HubSpotObject(.company, "companies", "0-2", leading: "name"),
        HubSpotObject(.deal, "deals", "0-3", leading: "dealname"),
        HubSpotObject(.note, "notes", "0-46", leading: "hs_note_body", marked: "hs_note_body", bodyLimit: 65_536),
        HubSpotObject(.call, "calls", "0-48", leading: "hs_call_body", marked: "hs_call_body"),
        HubSpotObject(.task, "tasks", "0-27", leading: "hs_task_body", marked: "hs_task_body"),
        HubSpotObject(.ticket, "tickets", "0-5", leading: "subject"),
        HubSpotObject(.product, "products", "0-7", leading: "name"),
    ]

    /// Returns the object of a kind.
    static func of(_ kind: RecordKind) throws -> HubSpotObject {
        guard let object = all.first(where: { $0.kind == kind }) else {
            throw IntegrationError(
                .unsupported,
                "HubSpot has no kind \(kind.rawValue) here.",
                retry: .afterSetup,
                concerns: .kind,
                context: IntegrationError.Context(platform: PlatformID.hubSpot.rawValue)
            )
        }
        return object
    }

    /// The unlabelled association from one kind to another, by HubSpot's number.
    static func associationType(from: RecordKind, to: RecordKind) -> Int? {
        let types: [RecordKind: [RecordKind: Int]] = [
            .contact: [.contact: 449, .company: 279, .deal: 4, .ticket: 15],
            .company: [.contact: 280, .company: 450, .deal: 342, .ticket: 340],
            .deal: [.contact: 3, .company: 341, .ticket: 27],
            .ticket: [.contact: 16, .company: 339, .deal: 28],
            .note: [.contact: 202, .company: 190, .deal: 214, .ticket: 228],
            .call: [.contact: 194, .company: 182, .deal: 206, .ticket: 220],
            .task: [.contact: 204, .company: 192, .deal: 216, .ticket: 230],
        ]
        return types[from]?[to]
    }
}

/// Makes the requests to one account.
struct HubSpotRequests: Sendable {
    /// The version of the API.
    let version: String
    /// The account's address.
    let baseURL: URL

    /// Whether the addresses are those before dates, where associations were a version ahead.
    private var isLegacy: Bool { version.hasPrefix("v") }

    /// The path of an object's records.
    func objects(_ object: HubSpotObject) -> String {
        isLegacy ? "/crm/\(version)/objects/\(object.path)" : "/crm/objects/\(version)/\(object.path)"
    }

    /// The path of the batch calls for associations between two kinds.
    func associations(_ from: HubSpotObject, _ to: HubSpotObject) -> String {
        (isLegacy ? "/crm/v4/associations" : "/crm/associations/\(version)") + "/\(from.path)/\(to.path)"
    }

    /// The path of an object's property definitions.
    func properties(_ object: HubSpotObject) -> String {
        (isLegacy ? "/crm/\(version)/properties" : "/crm/properties/\(version)") + "/\(object.path)"
    }

    /// The path of an object's pipelines.
    func pipelines(_ object: HubSpotObject) -> String {
        (isLegacy ? "/crm/\(version)/pipelines" : "/crm/pipelines/\(version)") + "/\(object.path)"
    }

    /// The path of the account's users who can own records.
    var owners: String { isLegacy ? "/crm/\(version)/owners" : "/crm/owners/\(version)" }

    /// The path of the account's details.
    var accountDetails: String { "/account-info/\(version)/details" }

    /// Makes a request that reads.
    func get(_ path: String, query: [(name: String, value: String)] = []) throws -> HTTPRequest {
        HTTPRequest(
            .get,
            try url(path, query: query),
            headers: ["Accept": "application/json"],
            spend: spend(path)
        )
    }

    /// Makes a request with a JSON body.
    func post(
        _ path: String,
        query: [(name: String, value: String)] = [],
        body: JSONValue,
        effect: HTTPRequest.Effect
    ) throws -> HTTPRequest {
        HTTPRequest(
            .post,
            try url(path, query: query),
            headers: ["Accept": "application/json", "Content-Type": "application/json"],
            body: body.data,
            effect: effect,
            spend: spend(path)
        )
    }

    /// What a call to a path spends: searches and associations have budgets of their own.
    func spend(_ path: String) -> [Spend] {
        let own =
            path.hasSuffix("/search")
            ? HubSpotBudget.search : path.contains("/associations/") ? HubSpotBudget.associations : HubSpotBudget.burst
        return [Spend(own), Spend(HubSpotBudget.daily)]
    }

    private func url(_ path: String, query: [(name: String, value: String)]) throws -> URL {
        var text = baseURL.absoluteString
        while text.hasSuffix("/") { text.removeLast() }
        text += path
        if !query.isEmpty {
            text += "?" + query.map { "\($0.name)=\(HubSpotRequests.escape($0.value))" }.joined(separator: "&")
        }
        guard let url = URL(string: text) else {
            throw IntegrationError(.invalidInput, "The address \(path) cannot be built.", concerns: .kind)
        }
        return url
    }

    /// Escapes a text for a path or a query's value; commas may stand.
    static func escape(_ text: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,".utf8)
        return text.utf8.map { plain.contains($0) ? String(UnicodeScalar($0)) : percent($0) }.joined()
    }

    private static func percent(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "%0\(digits)" : "%\(digits)"
    }
}
