// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A platform that answers at once and stores nothing, and its provider: what is measured is the engine.
struct InstantPlatform: HTTPTransport {
    private static let headers: HTTPHeaders = ["Content-Type": "application/json"]

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        guard let body = request.body else {
            return HTTPResponse(status: 200, headers: InstantPlatform.headers, body: Data(#"{"id":"1"}"#.utf8))
        }
        let items = try JSONValue(parsing: body)["items"]?.array ?? []
        let results = items.map { item -> JSONValue in
            var result = item.object ?? [:]
            result["id"] = item["id"] ?? item["key"]
            return .object(result)
        }
        return HTTPResponse(
            status: 200,
            headers: InstantPlatform.headers,
            body: JSONValue.object(["results": .array(results)]).data
        )
    }
}

/// Knows as much of a platform as the engine needs.
struct InstantProvider: IntegrationProvider {
    static let id = PlatformID(rawValue: "instant")
    private static let fields = ["email", "first_name", "last_name", "phone", "city"]

    /// Where the platform is.
    let address: URL
    let descriptor: PlatformDescriptor

    init(address: URL) {
        self.address = address
        descriptor = PlatformDescriptor(
            id: InstantProvider.id,
            name: "Instant",
            summary: LocalizedText("Answers at once.", fr: "Répond aussitôt."),
            category: .crm,
            apiVersion: "1",
            documentation: address,
            signInMethods: [
                SignInMethod(
                    id: "api-key",
                    label: LocalizedText("Key", fr: "Clé"),
                    fields: [FormField(id: "api_key", label: LocalizedText("Key", fr: "Clé"), kind: .secret)]
                )
            ],
            kinds: [
                KindDescription(
                    kind: .contact,
                    name: LocalizedText("People", fr: "Personnes"),
                    safety: .keyed(for: nil)
                )
            ],
            routes: [
                EventRoute(.prospectCreated, .create, .contact), EventRoute(.prospectUpdated, .update, .contact),
            ],
            mappings: [
                FieldMapping(
                    hostKind: "prospect",
                    kind: .contact,
                    rules: InstantProvider.fields.map { FieldRule(FieldName($0), FieldName($0)) }
                )
            ],
            baseURL: address
        )
    }

    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) throws {
        request.headers["Authorization"] = try credential.require("api_key").withExposedValue { "Bearer \($0)" }
    }

    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        response.status == 200 ? nil : IntegrationError(.unavailable, "Status \(response.status).", retry: .after(nil))
    }

    func budgets(of account: ConnectedAccount) -> [Budget] { [] }

    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] { [] }

    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        var profile = AccountProfile(baseURL: address)
        profile.keySlots[.contact] = KeySlot(field: "key", safety: .keyed(for: nil), settle: .zero)
        return ConnectionReport(
            key: AccountKey(platform: InstantProvider.id, value: UUID().uuidString),
            name: "Instant",
            profile: profile,
            access: [.contact: .write]
        )
    }

    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch] {
        stride(from: 0, to: writes.count, by: 100).map { start in
            WriteBatch(writes: Array(writes[start..<min(start + 100, writes.count)]), safety: .keyed(for: nil))
        }
    }

    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome] {
        let items = batch.writes.map { write -> JSONValue in
            var item: JSONObject = ["key": .string(write.externalKey)]
            if let target = write.target { item["id"] = .string(target.value) }
            var values = JSONObject()
            for (name, value) in write.changedFields { values[name.rawValue] = InstantProvider.json(value) }
            item["values"] = .object(values)
            return .object(item)
        }
        let response = try await session.send(
            HTTPRequest(.post, address, body: JSONValue.object(["items": .array(items)]).data, effect: .write)
        )
        let results = try JSONValue(parsing: response.body)["results"]?.array ?? []
        return results.compactMap { InstantProvider.record($0).map { .applied($0) } }
    }

    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        writes.map { _ in .absent }
    }

    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        [ChangeStream(id: "people", kinds: [.contact], mode: .scan, order: .stableID, paging: .keyset)]
    }

    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        let page = query.page?.int64 ?? 0
        let answer = try JSONValue(
            parsing: try await session.send(HTTPRequest(.get, address.appending(path: "pages/\(page)"))).body
        )
        let records = (answer["results"]?.array ?? []).compactMap(InstantProvider.record)
        return ChangePage(changes: records.map { .updated($0) }, next: answer["next"])
    }

    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws -> [FetchResult]
    {
        ids.map { .gone($0) }
    }

    private static func json(_ value: FieldValue) -> JSONValue {
        if case .text(let text) = value { .string(text) } else { nil }
    }

    private static func record(_ json: JSONValue) -> RemoteRecord? {
        guard let id = json["id"]?.idText else { return nil }
        var record = RemoteRecord(id: RemoteID(.contact, id), version: json["version"]?.string)
        record.externalKey = json["key"]?.string
        for member in json["values"]?.object?.members ?? [] {
            record.fields[FieldName(member.key)] = member.value.string.map { .text($0) } ?? .empty
        }
        return record
    }
}
