// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct HubSpotPushTests {
    private let provider = HubSpotProvider()
    private let desk = Desk.hubSpot

    private func push(_ writes: [RecordWrite], as account: ConnectedAccount, _ answer: HTTPResponse) async throws
        -> [WriteOutcome]
    {
        let session = desk.session(account) { _ in answer }
        return try await provider.push(WriteBatch(writes: writes, safety: .uncertain), in: session)
    }

    private func body(_ request: HTTPRequest?) -> String {
        String(decoding: request?.body ?? Data(), as: UTF8.self)
    }

    // MARK: Plan

    @Test func `A thousand creates of one kind are ten calls`() {
        let writes = (0..<1_000).map { number in
            RecordWrite(id: UUID(), operation: .create, kind: .company, externalKey: "ik\(number)")
        }
        let batches = provider.plan(writes, for: .portal(keyed: [.company]))
        #expect(batches.map(\.writes.count) == Array(repeating: 100, count: 10))
        #expect(batches.flatMap(\.writes) == writes)
        #expect(batches.allSatisfy { $0.spend == [Spend("burst"), Spend("daily")] })
    }

    @Test func `Kinds, verbs and safeties are kept apart, and equal writes are planned equally`() {
        let writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "ada@example.com"]),
            .sample(.create, .contact, "b", fields: ["firstname": "Bob"]),
            .sample(.update, .contact, "c", target: "3", fields: ["firstname": "Cy"]),
            .sample(.delete, .contact, "d", target: "4"),
            .sample(.create, .note, "e", contact: "501"),
            .sample(.create, .note, "f"),
            .sample(.create, .deal, "g"),
        ]
        let account = ConnectedAccount.portal()
        let batches = provider.plan(writes, for: account)
        #expect(batches.map { $0.writes.map(\.externalKey.last) } == writes.map { [$0.externalKey.last] })
        #expect(
            batches.map(\.safety) == [
                .found, .uncertain, .keyed(for: nil), .keyed(for: nil), .marked, .uncertain, .uncertain,
            ]
        )
        #expect(provider.plan(writes, for: account).map(\.writes) == batches.map(\.writes))
    }

    @Test func `No call holds one record, key or e-mail address twice`() {
        let batches = provider.plan(
            [
                .sample(.update, .contact, "a", target: "501", fields: ["firstname": "A"]),
                .sample(.update, .contact, "b", target: "501", fields: ["lastname": "B"]),
                .sample(.create, .contact, "c", fields: ["email": "Ada@Example.com"]),
                .sample(.create, .contact, "d", fields: ["email": "ada@example.com"]),
            ],
            for: .portal()
        )
        #expect(batches.map(\.writes.count) == [1, 1, 1, 1])
        #expect(batches[0].exclusive == ["contact:501"])
        #expect(batches[3].exclusive == ["email:ada@example.com", "key:\(RecordWrite.key("d"))"])
    }

    // MARK: Requests, whole

    @Test func `An upsert by our key is exactly this request`() async throws {
        let write = RecordWrite.sample(
            .create,
            .contact,
            fields: ["email": "ada@example.com", "firstname": "Ada", "lifecyclestage": "lead"]
        )
        _ = try await push([write], as: .portal(keyed: [.contact]), .fixture("batch-upsert-complete"))
        let request = try #require(desk.requests.first)
        #expect(request.method == .post)
        #expect(request.url.absoluteString == "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/upsert")
        #expect(request.headers == ["Accept": "application/json", "Content-Type": "application/json"])
        #expect(request.effect == .write)
        #expect(request.spend == [Spend("burst"), Spend("daily")])
        #expect(
            body(request) == #"{"inputs":[{"id":"\#(RecordWrite.key("a"))","idProperty":"integrationkit_key","#
                + #""properties":{"email":"ada@example.com","firstname":"Ada","#
                + #""integrationkit_key":"\#(RecordWrite.key("a"))","lifecyclestage":"lead"},"#
                + #""objectWriteTraceId":"00000000-0000-4000-8000-000000000001"}]}"#
        )
    }

    @Test func `A note carries its marker, its contact and its trace id`() async throws {
        let write = RecordWrite.sample(
            .create,
            .note,
            fields: ["hs_timestamp": .instant(Date(timeIntervalSince1970: 1_773_309_600)), "hs_note_body": "Sent"],
            contact: "713492963559"
        )
        _ = try await push([write], as: .portal(settings: ["owner": "88842095"]), .json(["results": []]))
        #expect(desk.requests.first?.url.path == "/crm/objects/2026-09/notes/batch/create")
        #expect(
            body(desk.requests.first)
                == #"{"inputs":[{"properties":{"hs_note_body":"Sent<br>ref: \#(RecordWrite.key("a"))","#
                + #""hs_timestamp":"2026-03-12T10:00:00Z","hubspot_owner_id":"88842095"},"#
                + #""associations":[{"to":{"id":"713492963559"},"types":[{"associationCategory":"HUBSPOT_DEFINED","#
                + #""associationTypeId":202}]}],"objectWriteTraceId":"00000000-0000-4000-8000-000000000001"}]}"#
        )
    }

    @Test func `An update sends what changed alone, and empties with an empty text`() async throws {
        let write = RecordWrite.sample(
            .update,
            .contact,
            target: "501",
            fields: ["firstname": "Ada", "phone": .empty, "city": "Paris"],
            changed: ["firstname", "phone"]
        )
        let outcomes = try await push([write], as: .portal(), .fixture("batch-update-unknown-id", status: 207))
        #expect(outcomes.map(name) == ["applied 501"])
        #expect(body(desk.requests.first) == #"{"inputs":[{"id":"501","properties":{"firstname":"Ada","phone":""}}]}"#)
    }

    @Test func `A deletion archives`() async throws {
        let writes: [RecordWrite] = [
            .sample(.delete, .deal, "a", target: "7"), .sample(.delete, .deal, "b", target: "8"),
        ]
        let outcomes = try await push(writes, as: .portal(), HTTPResponse(status: 204))
        #expect(outcomes.map(name) == ["applied 7", "applied 8"])
        #expect(desk.requests.first?.url.path == "/crm/objects/2026-09/deals/batch/archive")
        #expect(body(desk.requests.first) == #"{"inputs":[{"id":"7"},{"id":"8"}]}"#)
    }

    @Test(
        arguments: [
            (["dealname": "V"], [:], #""dealname":"V","dealstage":"appointmentscheduled","pipeline":"default""#),
            (
                ["dealname": "V"], ["deal.pipeline": "77", "deal.stage": "7701"],
                #""dealname":"V","dealstage":"7701","pipeline":"77""#
            ),
            (
                ["dealname": "V", "dealstage": "closedwon"], ["deal.pipeline": "77", "deal.stage": "7701"],
                #""dealname":"V","dealstage":"closedwon","pipeline":"77""#
            ),
            (["dealname": "V", "pipeline": "99"], ["deal.stage": "7701"], #""dealname":"V","pipeline":"99""#),
        ] as [([FieldName: FieldValue], [String: JSONValue], String)]
    )
    func `A new deal gets a pipeline and a stage that belong together`(
        fields: [FieldName: FieldValue],
        settings: [String: JSONValue],
        properties: String
    ) async throws {
        _ = try await push(
            [.sample(.create, .deal, fields: fields)],
            as: .portal(settings: settings),
            .json(["results": []])
        )
        #expect(body(desk.requests.first).contains("{\"properties\":{\(properties)}"))
    }

    @Test func `The addresses before dates have associations one version ahead`() async throws {
        let old = HubSpotProvider(version: "v3")
        let session = desk.session { _ in HTTPResponse(status: 204) }
        let state: JSONValue = ["step": "associate", "id": "7", "targets": ["contact"]]
        for write in [
            RecordWrite.sample(.delete, .deal, target: "7"),
            RecordWrite.sample(.update, .deal, target: "7", contact: "501", state: state),
        ] { _ = try await old.push(WriteBatch(writes: [write], safety: .uncertain), in: session) }
        #expect(
            desk.requests.map(\.url.path) == [
                "/crm/v3/objects/deals/batch/archive", "/crm/v4/associations/deals/contacts/batch/create",
            ]
        )
    }

    // MARK: Outcomes

    @Test func `Outcomes are found by our trace id, whatever their order`() async throws {
        let writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "x@hubspot.com"]),
            .sample(.create, .contact, "b", fields: ["email": "siena.dyer@hubspot.com"]),
            .sample(.create, .contact, "c", fields: ["email": "lost@hubspot.com"]),
        ]
        let outcomes = try await push(writes, as: .portal(), .fixture("batch-create-partial", status: 207))
        #expect(
            outcomes.map(name) == [
                #"exists ["171591000198"]"#, "applied 171596044870", "unknown invalid-answer true",
            ]
        )
    }

    @Test func `Upserts are found by our key, whatever their order`() async throws {
        let writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "ada@example.com"]),
            .sample(.create, .contact, "b", fields: ["email": "grace@example.com"]),
        ]
        let outcomes = try await push(
            writes,
            as: .portal(keyed: [.contact]),
            .fixture("batch-upsert-complete")
        )
        #expect(outcomes.map(name) == ["applied 501", "applied 502"])
        guard case .applied(let record) = outcomes[0] else { return }
        #expect(record.externalKey == RecordWrite.key("a"))
        #expect(record.version == "2026-03-12T07:33:46.615Z")
        #expect(record.fields["integrationkit_key"] == nil)
    }

    @Test func `A record that the batch does not know is gone`() async throws {
        let writes: [RecordWrite] = [
            .sample(.update, .contact, "a", target: "999", fields: ["firstname": "A"]),
            .sample(.update, .contact, "b", target: "501", fields: ["firstname": "Ada"]),
        ]
        let outcomes = try await push(writes, as: .portal(), .fixture("batch-update-unknown-id", status: 207))
        #expect(outcomes.map(name) == ["gone", "applied 501"])
    }

    @Test func `A failure that names nobody sends the rest again in smaller calls`() async throws {
        let answer: JSONValue = [
            "results": [["id": "501", "properties": ["hs_object_id": "501"]]],
            "errors": [["status": "error", "category": "VALIDATION_ERROR", "message": "bad"]],
        ]
        let writes: [RecordWrite] = [
            .sample(.update, .contact, "a", target: "501", fields: ["firstname": "A"]),
            .sample(.update, .contact, "b", target: "502", fields: ["firstname": "B"]),
        ]
        let outcomes = try await push(writes, as: .portal(), .json(answer, status: 207))
        #expect(outcomes.map(name) == ["applied 501", "notAttempted refused smaller"])
    }

    @Test(arguments: [
        ("error-400-property", 400, "refused refused", "notAttempted refused smaller"),
        ("error-409-conflict", 409, #"exists ["12345"]"#, "notAttempted conflict smaller"),
        ("error-409-conflict-without-id", 409, "exists []", "notAttempted conflict smaller"),
        (
            "error-401-missing", 401, "notAttempted reauthorization-required afterReauthorization",
            "notAttempted reauthorization-required afterReauthorization"
        ),
        ("error-403-scopes", 403, "notAttempted forbidden afterSetup", "notAttempted forbidden afterSetup"),
    ])
    func `A refused call says what it means for one write and for two`(
        fixture: String,
        status: Int,
        alone: String,
        together: String
    ) async throws {
        let writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "a@example.com"]),
            .sample(.create, .contact, "b", fields: ["email": "b@example.com"]),
        ]
        let answer = try HTTPResponse.fixture(fixture, status: status)
        #expect(try await push([writes[0]], as: .portal(), answer).map(name) == [alone])
        #expect(try await push(writes, as: .portal(), answer).map(name) == [together, together])
    }

    @Test(arguments: [
        HTTPResponse(status: 500), HTTPResponse(status: 502, body: Data("<html>".utf8)), HTTPResponse(status: 200),
        HTTPResponse(status: 201, body: Data("<html>".utf8)), HTTPResponse(status: 200, body: Data("{\"resul".utf8)),
        HTTPResponse(status: 404, body: Data("<html>".utf8)),
    ])
    func `An answer that cannot be trusted leaves every write unknown`(answer: HTTPResponse) async throws {
        let outcomes = try await push(
            [.sample(.create, .company, "a"), .sample(.create, .company, "b")],
            as: .portal(),
            answer
        )
        for outcome in outcomes {
            guard case .unknown(let error) = outcome else {
                Issue.record("\(name(outcome))")
                continue
            }
            #expect(error.mayHaveHappened)
        }
    }

    @Test func `Only a failure before the first byte is thrown`() async throws {
        let batch = WriteBatch(writes: [.sample(.create, .company)], safety: .uncertain)
        let before = desk.session { _ in throw IntegrationError(.network, "refused", mayHaveHappened: false) }
        await #expect(throws: IntegrationError.self) { try await provider.push(batch, in: before) }
        let after = desk.session { _ in throw IntegrationError(.timedOut, "late", mayHaveHappened: true) }
        #expect(try await provider.push(batch, in: after).map(name) == ["unknown timed-out true"])
        let cancelled = desk.session { _ in throw CancellationError() }
        #expect(try await provider.push(batch, in: cancelled).map(name) == ["unknown invalid-answer true"])
    }

    @Test func `What has no form in HubSpot is refused alone, and the others go`() async throws {
        let writes: [RecordWrite] = [
            .sample(.create, .deal, "a", fields: ["amount": .money(10, currency: "XYZ")]),
            .sample(.create, .deal, "b", fields: ["amount": .money(10_000, currency: "USD")]),
        ]
        let outcomes = try await push(writes, as: .portal(), .json(["results": [["id": "9", "properties": [:]]]]))
        #expect(outcomes.map(name) == ["refused refused", "applied 9"])
        #expect(body(desk.requests.first).contains(#""amount":"10000","dealstage""#))
    }

    @Test func `A note that is too long with its marker is refused, not cut`() async throws {
        let room = 65_536 - "<br>ref: ".count - 54
        for (length, expected) in [(room, 1), (room + 1, 0)] {
            let text = String(repeating: "x", count: length)
            let desk = Desk.hubSpot
            let session = desk.session { _ in .json(["results": []]) }
            let write = RecordWrite.sample(.create, .note, fields: ["hs_note_body": .text(text)], contact: "1")
            let outcomes = try await provider.push(WriteBatch(writes: [write], safety: .marked), in: session)
            #expect(desk.requests.count == expected)
            guard expected == 0 else { continue }
            guard case .refused(let error) = outcomes[0] else {
                Issue.record("\(name(outcomes[0]))")
                continue
            }
            #expect(error.message.contains("65537") && error.message.contains("65536"))
        }
    }

    // MARK: Steps

    @Test func `An upsert with relations goes on, each kind in a call of its own`() async throws {
        var write = RecordWrite.sample(.create, .contact, fields: ["email": "ada@example.com"])
        write.relations = [
            Relation(.company, .remote(RemoteID(.company, "31"))), Relation(.deal, .remote(RemoteID(.deal, "41"))),
            Relation(.deal, .remote(RemoteID(.deal, "42"))),
        ]
        let account = ConnectedAccount.portal(keyed: [.contact])
        let ok = HTTPResponse.json(["status": "COMPLETE", "results": []], status: 201)
        let session = desk.session(account, try .fixture("batch-upsert-complete"), ok, ok)
        var names: [String] = []
        for _ in 0..<3 {
            let batch = try #require(provider.plan([write], for: account).first)
            let outcome = try #require(try await provider.push(batch, in: session).first)
            names.append(name(outcome))
            if case .pending(let state, _, _) = outcome { write.state = state }
        }
        #expect(
            names == [
                #"pending {"step":"associate","id":"501","targets":["company","deal"]} 501"#,
                #"pending {"step":"associate","id":"501","targets":["deal"]} 501"#,
                "applied 501",
            ]
        )
        #expect(desk.requests[1].url.path == "/crm/associations/2026-09/contacts/companies/batch/create")
        #expect(desk.requests[1].spend == [Spend("associations"), Spend("daily")])
        #expect(
            body(desk.requests[2])
                == #"{"inputs":[{"from":{"id":"501"},"to":{"id":"41"},"types":[{"associationCategory":"#
                + #""HUBSPOT_DEFINED","associationTypeId":4}]},{"from":{"id":"501"},"to":{"id":"42"},"types":"#
                + #"[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":4}]}]}"#
        )
    }

    @Test func `A lifecycle stage that did not go back is emptied, then set`() async throws {
        var write = RecordWrite.sample(.update, .contact, target: "501", fields: ["lifecyclestage": "lead"])
        let kept = try HTTPResponse.fixture("batch-update-stage-kept")
        let session = desk.session(.portal(), kept, kept, kept)
        var names: [String] = []
        for _ in 0..<3 {
            let batch = try #require(provider.plan([write], for: .portal()).first)
            let outcome = try #require(try await provider.push(batch, in: session).first)
            names.append(name(outcome))
            if case .pending(let state, _, _) = outcome { write.state = state }
        }
        #expect(
            names == [
                #"pending {"step":"clear-stage","id":"501","targets":[]} 501"#,
                #"pending {"step":"set-stage","id":"501","targets":[]} 501"#,
                "applied 501",
            ]
        )
        #expect(
            desk.requests.map { body($0) } == [
                #"{"inputs":[{"id":"501","properties":{"lifecyclestage":"lead"}}]}"#,
                #"{"inputs":[{"id":"501","properties":{"lifecyclestage":""}}]}"#,
                #"{"inputs":[{"id":"501","properties":{"lifecyclestage":"lead"}}]}"#,
            ]
        )
    }

    @Test(
        arguments: [
            ("lead", .text("customer"), true), ("customer", .text("lead"), false), ("lead", .text("lead"), false),
            ("lead", .empty, false), ("lead", nil, true), ("90210", .text("lead"), true), ("", .text("lead"), false),
        ] as [(String, FieldValue?, Bool)]
    )
    func `An answer that does not show the stage is read by the stage before`(
        wanted: String,
        base: FieldValue?,
        isRepeated: Bool
    ) async throws {
        var write = RecordWrite.sample(.update, .contact, target: "501", fields: ["lifecyclestage": .text(wanted)])
        write.base = base.map { ["lifecyclestage": $0] } ?? [:]
        let outcomes = try await push([write], as: .portal(), .json(["results": [["id": "501", "properties": [:]]]]))
        let step = #"pending {"step":"clear-stage","id":"501","targets":[]} 501"#
        #expect(outcomes.map(name) == [isRepeated ? step : "applied 501"])
    }

    @Test func `Each write of a batch goes on by its own relations`() async throws {
        let writes: [RecordWrite] = [
            .sample(.create, .contact, "a", fields: ["email": "ada@example.com"], contact: "77"),
            .sample(.create, .contact, "b", fields: ["email": "grace@example.com"]),
        ]
        let outcomes = try await push(writes, as: .portal(keyed: [.contact]), .fixture("batch-upsert-complete"))
        #expect(
            outcomes.map(name) == [
                #"pending {"step":"associate","id":"501","targets":["contact"]} 501"#, "applied 502",
            ]
        )
    }

    @Test func `A relation that HubSpot does not know is refused before anything is sent`() async throws {
        let outcomes = try await push(
            [.sample(.create, .product, fields: ["name": "Chair"], contact: "1")],
            as: .portal(keyed: [.product]),
            .json([:])
        )
        #expect(outcomes.map(name) == ["refused unsupported"])
        #expect(desk.requests.isEmpty)
    }
}
