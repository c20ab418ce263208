// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct HubSpotLookUpTests {
    private let provider = HubSpotProvider()
    private let desk = Desk.hubSpot

    private func name(_ result: LookupResult) -> String {
        switch result {
        case .found(let record, let byKey): "found \(record.id.value) \(byKey)"
        case .several(let ids): "several \(ids.map(\.value))"
        case .absent: "absent"
        case .tooEarly(let wait): "tooEarly \(wait)"
        case .undecidable: "undecidable"
        }
    }

    @Test func `A hundred contacts are two calls: by our key, then by e-mail`() async throws {
        let session = desk.session(.portal(keyed: [.contact])) { request in
            let body = try JSONValue(parsing: request.body ?? Data())
            guard body["idProperty"]?.string == "email" else { return try .fixture("batch-upsert-complete") }
            return .json(["results": [["id": "503", "properties": ["email": "c@x.com"]]]], status: 207)
        }
        var writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "ada@example.com"]),
            .sample(.create, .contact, "c", fields: ["email": "C@x.com"]),
            .sample(.create, .contact, "d", fields: ["firstname": "D"]),
        ]
        writes += (0..<97).map { number in
            RecordWrite(
                id: UUID(),
                operation: .create,
                kind: .contact,
                externalKey: "ik\(number)",
                naturalKeys: ["email": .text("n\(number)@x.com")]
            )
        }
        let results = try await provider.lookUp(writes, in: session).map(name)
        #expect(results.prefix(4) == ["found 501 true", "found 503 false", "absent", "absent"])
        #expect(
            desk.requests.map(\.url.path) == Array(repeating: "/crm/objects/2026-09/contacts/batch/read", count: 2)
        )
        #expect(desk.requests.allSatisfy { $0.effect == .read })
    }

    @Test func `A secondary address is an address too`() async throws {
        let record: JSONValue = [
            "id": "7", "properties": ["email": "main@x.com", "hs_additional_emails": "old@x.com;older@x.com"],
        ]
        let session = desk.session { _ in .json(["results": [record]]) }
        let write = RecordWrite.sample(.create, .contact, fields: ["email": "older@x.com"])
        #expect(try await provider.lookUp([write], in: session).map(name) == ["found 7 false"])
    }

    @Test func `What has no key and no unique property is undecidable, and nothing is asked`() async throws {
        let session = desk.session { _ in HTTPResponse(status: 500) }
        let writes: [RecordWrite] = [
            .sample(.create, .deal), .sample(.create, .contact, "b"), .sample(.create, .note, "c"),
            .sample(.create, .company, "d"),
        ]
        let results = try await provider.lookUp(writes, in: session).map(name)
        #expect(results == Array(repeating: "undecidable", count: 4))
        #expect(desk.requests.isEmpty)
    }

    @Test func `A note is found by its marker among the newest of its contact`() async throws {
        let session = desk.session { request in
            try .fixture(request.url.path.contains("associations") ? "associations-batch-read" : "notes-batch-read")
        }
        let writes: [RecordWrite] = [
            .sample(.create, .note, "a", contact: "501"), .sample(.create, .note, "b", contact: "501"),
            .sample(.create, .note, "c", contact: "502"),
        ]
        let results = try await provider.lookUp(writes, in: session)
        #expect(results.map(name) == ["found 29022297490 true", "absent", "absent"])
        #expect(
            desk.requests.map(\.url.path) == [
                "/crm/associations/2026-09/contacts/notes/batch/read", "/crm/objects/2026-09/notes/batch/read",
            ]
        )
        guard case .found(let record, _) = results[0] else { return }
        #expect(record.fields["hs_note_body"] == "Sent the quote")
    }

    @Test(arguments: [(60.0, "tooEarly 3540.0 seconds"), (7_200, "undecidable")])
    func `The search's silence is no proof`(age: Double, expected: String) async throws {
        let now = Date(timeIntervalSince1970: 1_795_600_000)
        let session = desk.session(now: now) { _ in .json(["total": 0, "results": []]) }
        let write = RecordWrite.sample(
            .create,
            .product,
            fields: ["hs_sku": "S-1"],
            firstSentAt: now.addingTimeInterval(-age)
        )
        #expect(try await provider.lookUp([write], in: session).map(name) == [expected])
    }

    @Test func `Companies of one domain are several, and only a person can choose`() async throws {
        let records: JSONValue = [
            "results": [
                ["id": "1", "properties": ["domain": "x.com"]], ["id": "2", "properties": ["domain": "X.com"]],
                ["id": "3", "properties": ["domain": "y.com"]],
            ]
        ]
        let session = desk.session(.portal(keyed: [.company])) { request in
            let body = try JSONValue(parsing: request.body ?? Data())
            return body["idProperty"] == nil ? .json(records) : .json(["results": []])
        }
        let writes: [RecordWrite] = [
            .sample(.create, .company, "a", fields: ["domain": "x.com"]),
            .sample(.create, .company, "b", fields: ["domain": "y.com"]),
            .sample(.create, .company, "c", fields: ["domain": "z.com"]),
        ]
        let results = try await provider.lookUp(writes, in: session).map(name)
        #expect(results == [#"several ["1", "2"]"#, "found 3 false", "absent"])
    }
}
