// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@testable import IntegrateCommands

@Suite struct RecordsFileTests {
    let folder: TemporaryFolder
    let file: URL
    let ada = HostReference(tenant: "default", kind: "customer", id: "c-1")

    init() throws {
        folder = try TemporaryFolder()
        file = folder.url.appending(path: "records.jsonl")
    }

    private func records() -> RecordsFile { RecordsFile(file, tenant: "default") }

    private func change(
        _ action: InboundChange.Action,
        _ host: HostReference?,
        remote: String = "7",
        version: String? = "1",
        expecting: String? = nil,
        _ fields: [FieldName: FieldValue] = [:]
    ) -> InboundChange {
        InboundChange(
            integration: "int_a",
            action: action,
            remote: RemoteID("customer", remote),
            version: version,
            host: host,
            expecting: expecting,
            fields: fields
        )
    }

    private func reference(_ outcome: InboundOutcome?) -> HostReference? {
        if case .applied(let reference, _) = outcome { reference } else { nil }
    }

    private func event(_ kind: EventKind, _ id: String, _ fields: [FieldName: FieldValue] = [:]) -> DomainEvent {
        DomainEvent(kind, id: id, of: "c-1", for: "default", fields: fields)
    }

    @Test func `what was applied is there after a restart, value by value`() async throws {
        let fields: [FieldName: FieldValue] = [
            "email": "ada@example.fr", "total": .money(10.5, currency: "EUR"), "born": .day("1815-12-10"),
        ]
        _ = try await records().apply([change(.create, ada, fields)])
        let again = try await records().current([ada])
        #expect(again[ada]?.fields == fields)
        #expect(again[ada]?.revision != nil)
    }

    @Test func `a create that comes again is about the record made first, also under another version and id`()
        async throws
    {
        let records = records()
        _ = try await records.apply([change(.create, ada, ["email": "a@example.fr"])])
        let other = HostReference(tenant: "default", kind: "customer", id: "proposed-anew")
        let same = try await records.apply([change(.create, other, ["email": "a@example.fr"])])
        let newer = try await self.records().apply([change(.create, other, version: "2", ["email": "b@example.fr"])])
        #expect(reference(same.first) == ada)
        #expect(reference(newer.first) == ada)
        #expect(try await records.current([ada, other]).mapValues(\.fields) == [ada: ["email": "b@example.fr"]])
    }

    @Test func `a change that comes again does not undo what was edited since`() async throws {
        let update = change(.update, ada, version: "2", ["city": "Lille"])
        _ = try await records().apply([change(.create, ada, ["city": "Brest"]), update])
        try folder.write(try folder.read("records.jsonl").replacing("Lille", with: "Nantes"), to: "records.jsonl")
        _ = try await records().apply([update])
        #expect(try await records().current([ada])[ada]?.fields["city"] == "Nantes")
    }

    @Test func `an edit by hand is another revision, and a change that has not seen it is stale`() async throws {
        let records = records()
        _ = try await records.apply([change(.create, ada, ["city": "Brest"])])
        let before = try #require(try await records.current([ada])[ada]?.revision)
        try folder.write(try folder.read("records.jsonl").replacing("Brest", with: "Nantes"), to: "records.jsonl")
        let outcome = try await records.apply([change(.update, ada, version: "2", expecting: before, ["city": "Lille"])]
        )
        guard case .stale = try #require(outcome.first) else {
            Issue.record("the edit was overwritten")
            return
        }
        #expect(try await records.current([ada])[ada]?.fields["city"] == "Nantes")
    }

    @Test func `a line that a crash cut off is dropped, and the file goes on`() async throws {
        _ = try await records().apply([change(.create, ada, ["city": "Brest"])])
        let whole = try folder.read("records.jsonl")
        try folder.write(whole + String(whole.prefix(whole.count / 2)), to: "records.jsonl")
        let records = records()
        #expect(try await records.current([ada])[ada]?.fields["city"] == "Brest")
        _ = try await records.apply([change(.update, ada, version: "2", ["city": "Lille"])])
        #expect(try await self.records().current([ada])[ada]?.fields["city"] == "Lille")
    }

    @Test(arguments: ["no json", #"{"kind": "customer"}"#, #"{"kind": "c", "id": "1", "feilds": {}}"#])
    func `a line that is no record is named, and nothing is written`(line: String) async throws {
        try folder.write("{\"kind\": \"customer\", \"id\": \"c-1\", \"fields\": {}}\n\(line)\n", to: "records.jsonl")
        let before = try folder.read("records.jsonl")
        let error = try await #require(throws: IntegrationError.self) {
            try await records().apply([change(.create, ada, remote: "9", ["city": "Brest"])])
        }
        #expect(error.message.contains("line 2"))
        #expect(try folder.read("records.jsonl") == before)
    }

    @Test func `a line that a person typed needs only kind, id and fields, and no line end`() async throws {
        try folder.write(#"{"kind": "customer", "id": "c-1", "fields": {"city": "Brest"}}"#, to: "records.jsonl")
        let records = records()
        #expect(try await records.current([ada])[ada]?.fields == ["city": "Brest"])
        _ = try await records.apply([change(.update, ada, ["zip": "29200"])])
        #expect(try await self.records().current([ada])[ada]?.fields == ["city": "Brest", "zip": "29200"])
    }

    @Test func `an event is taken in once, however often it is pushed`() async throws {
        let created = event("customer.created", "evt-1", ["city": "Brest"])
        try await records().take([created])
        _ = try await records().apply([change(.update, ada, ["city": "Lille"])])
        try await records().take([created])
        #expect(try await records().current([ada])[ada]?.fields["city"] == "Lille")
    }

    @Test func `an old event does not bring a deleted record back, a new one does`() async throws {
        let records = records()
        let created = event("customer.created", "evt-1", ["city": "Brest"])
        try await records.take([created, event("customer.deleted", "evt-2")])
        #expect(try await records.current([ada]).isEmpty)
        try await records.tidy()
        try await self.records().take([created])
        #expect(try await self.records().current([ada]).isEmpty)
        try await self.records().take([event("customer.created", "evt-3", ["city": "Lille"])])
        #expect(try await self.records().current([ada])[ada]?.fields == ["city": "Lille"])
    }

    @Test func `tidying leaves one line per record in the order of their coming`() async throws {
        let records = records()
        let bob = HostReference(tenant: "default", kind: "customer", id: "c-2")
        _ = try await records.apply([change(.create, ada, ["n": "1"]), change(.create, bob, remote: "8", ["n": "2"])])
        for number in 0..<5 {
            _ = try await records.apply([change(.update, ada, version: "v\(number)", ["n": .text("\(number)")])])
        }
        #expect(try folder.read("records.jsonl").split(separator: "\n").count == 7)
        try await records.tidy()
        let lines = try folder.read("records.jsonl").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""id":"c-1""#))
        #expect(try await self.records().current([ada, bob]) == records.current([ada, bob]))
    }

    @Test func `a change to a record that was deleted here does not bring it back`() async throws {
        let records = records()
        _ = try await records.apply([change(.create, ada, ["city": "Brest"])])
        try await records.take([event("customer.deleted", "evt-1")])
        let outcome = try await records.apply([change(.update, ada, version: "2", ["city": "Lille"])])
        #expect(reference(outcome.first) == ada)
        #expect(try await records.current([ada]).isEmpty)
    }

    @Test func `only the owner can read the file`() async throws {
        _ = try await records().apply([change(.create, ada, ["city": "Brest"])])
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path(percentEncoded: false))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
}
