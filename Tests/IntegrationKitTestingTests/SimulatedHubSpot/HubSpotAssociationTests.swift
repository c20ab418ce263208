// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotAssociationTests {
    static let kinds: [(String, String, Int64, Int64)] = [
        ("contacts", "companies", 279, 280), ("contacts", "deals", 4, 3), ("contacts", "tickets", 15, 16),
        ("companies", "deals", 342, 341), ("notes", "contacts", 202, 201), ("calls", "contacts", 194, 193),
        ("tasks", "contacts", 204, 203), ("notes", "deals", 214, 213), ("orders", "contacts", 507, 508),
    ]

    private func properties(_ type: String) -> [String: String] {
        switch type {
        case "notes", "calls", "tasks": ["hs_timestamp": "2026-03-12T10:00:00Z"]
        case "tickets": ["subject": "A", "hs_pipeline_stage": "1"]
        case "orders": ["hs_order_name": "A"]
        case "companies": ["name": "A"]
        default: [:]
        }
    }

    @Test(arguments: kinds)
    func theDefaultAssociationHasOneKindEachWay(from: String, to: String, kind: Int64, reverse: Int64) async throws {
        let bench = HubSpotBench()
        let one = try await bench.create(from, properties(from))
        let other = try await bench.create(to, properties(to))
        let answer = try await bench.call(
            .put,
            "/crm/objects/2026-09/\(from)/\(one)/associations/default/\(to)/\(other)"
        )
        #expect(answer.status == 200)
        #expect(answer.results.count == 2)
        let there = try await bench.call(.get, "/crm/objects/2026-09/\(from)/\(one)/associations/\(to)")
        #expect(there.results[0]["toObjectId"]?.string == other)
        #expect(
            there.results[0]["associationTypes"]
                == [["category": "HUBSPOT_DEFINED", "typeId": .number(JSONNumber(kind)), "label": nil]]
        )
        let back = try await bench.call(.get, "/crm/v4/objects/\(to)/\(other)/associations/\(from)")
        #expect(back.results[0]["toObjectId"]?.number?.text == one)
        #expect(back.results[0]["associationTypes"]?[0]?["typeId"]?.int64 == reverse)
        #expect(
            try await bench.call(.delete, "/crm/objects/2026-09/\(from)/\(one)/associations/\(to)/\(other)").status
                == 204
        )
        #expect(try await bench.call(.get, "/crm/objects/2026-09/\(to)/\(other)/associations/\(from)").results.isEmpty)
    }

    @Test func aCreateMayCarryAssociations() async throws {
        let bench = HubSpotBench()
        let contact = try await bench.create("contacts", [:])
        let modified = bench.platform.record("contact", contact, in: HubSpotBench.portal)?.updatedAt
        bench.clock.advance(by: .seconds(1))
        func note(to id: String, kind: Int64) -> JSONValue {
            [
                "properties": ["hs_timestamp": "2026-03-12T10:00:00Z"],
                "associations": [
                    [
                        "to": ["id": .string(id)],
                        "types": [
                            ["associationCategory": "HUBSPOT_DEFINED", "associationTypeId": .number(JSONNumber(kind))]
                        ],
                    ]
                ],
            ]
        }
        let answer = try await bench.call(.post, "/crm/objects/2026-09/notes", note(to: contact, kind: 202))
        #expect(answer.status == 201)
        let read = try await bench.call(.get, "/crm/objects/2026-09/notes/\(answer.id)?associations=contacts")
        #expect(
            read.body["associations"]?["contacts"]?["results"] == [["id": .string(contact), "type": "note_to_contact"]]
        )
        #expect(bench.platform.record("contact", contact, in: HubSpotBench.portal)?.updatedAt == modified)
        #expect(try await bench.call(.post, "/crm/objects/2026-09/notes", note(to: "9", kind: 202)).status == 400)
        #expect(try await bench.call(.post, "/crm/objects/2026-09/notes", note(to: contact, kind: 4)).status == 400)
        #expect(bench.platform.records("note", in: HubSpotBench.portal).count == 1)
    }

    @Test func aPrimaryCompanyIsOne() async throws {
        let bench = HubSpotBench()
        let contact = try await bench.create("contacts", [:])
        for name in ["A", "B"] {
            let company = try await bench.create("companies", ["name": name])
            let answer = try await bench.call(
                .put,
                "/crm/objects/2026-09/contacts/\(contact)/associations/companies/\(company)",
                [["associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1]]
            )
            #expect(answer.status == 201)
            #expect(answer.body["labels"] == ["Primary"])
        }
        let list = try await bench.call(.get, "/crm/objects/2026-09/contacts/\(contact)/associations/companies")
        let counts = list.results.map { $0["associationTypes"]?.array?.count }
        #expect(counts == [1, 2])
    }

    @Test func aBatchReadTellsWhoHasNone() async throws {
        let bench = HubSpotBench { $0.associationPageSize = 2 }
        let contact = try await bench.create("contacts", [:])
        let lonely = try await bench.create("contacts", [:])
        var inputs: [JSONValue] = []
        for number in 0..<3 {
            let deal = try await bench.create("deals", ["dealname": "\(number)"])
            inputs.append(["from": ["id": .string(contact)], "to": ["id": .string(deal)]])
        }
        inputs.append(["from": ["id": .string(contact)], "to": ["id": "9"]])
        let made = try await bench.call(
            .post,
            "/crm/associations/2026-09/contacts/deals/batch/associate/default",
            ["inputs": .array(inputs)]
        )
        #expect(made.status == 207)
        #expect(made.results.count == 6)
        let read = try await bench.call(
            .post,
            "/crm/associations/2026-09/contacts/deals/batch/read",
            ["inputs": [["id": .string(contact)], ["id": .string(lonely)]]]
        )
        #expect(read.status == 207)
        #expect(read.results[0]["to"]?.array?.count == 2)
        #expect(read.errors[0]["category"] == "OBJECT_NOT_FOUND")
        #expect(read.errors[0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND")
        #expect(read.errors[0]["message"]?.string == "No deal is associated with contact \(lonely).")
        #expect(read.errors[0]["context"]?["fromObjectId"] == [.string(lonely)])
        let after = try #require(read.results[0]["paging"]?["next"]?["after"])
        let rest = try await bench.call(
            .post,
            "/crm/associations/2026-09/contacts/deals/batch/read",
            ["inputs": [["id": .string(contact), "after": after]]]
        )
        #expect(rest.status == 200)
        #expect(rest.results[0]["to"]?.array?.count == 1)
    }

    @Test func labelsAreListedAndUsed() async throws {
        let bench = HubSpotBench {
            $0.associationLabels = [
                .init(from: "contact", to: "deal", label: "Decision maker", typeID: 71, reverseTypeID: 72)
            ]
        }
        let labels = try await bench.call(.get, "/crm/associations/2026-09/contacts/deals/labels")
        #expect(labels.results.count == 2)
        #expect(labels.results[1] == ["category": "USER_DEFINED", "typeId": 71, "label": "Decision maker"])
        let contact = try await bench.create("contacts", [:])
        let deal = try await bench.create("deals", ["dealname": "A"])
        let kinds: JSONValue = [["associationCategory": "USER_DEFINED", "associationTypeId": 71]]
        let made = try await bench.call(
            .post,
            "/crm/associations/2026-09/contacts/deals/batch/create",
            ["inputs": [["from": ["id": .string(contact)], "to": ["id": .string(deal)], "types": kinds]]]
        )
        #expect(made.status == 201)
        #expect(made.results[0]["labels"] == ["Decision maker"])
        let archived = try await bench.call(
            .post,
            "/crm/associations/2026-09/contacts/deals/batch/labels/archive",
            ["inputs": [["from": ["id": .string(contact)], "to": ["id": .string(deal)], "types": kinds]]]
        )
        #expect(archived.status == 204)
        let rest = try await bench.call(.get, "/crm/objects/2026-09/contacts/\(contact)/associations/deals")
        #expect(rest.results[0]["associationTypes"]?.array?.count == 1)
    }

    @Test(arguments: [("2026-09", 400), ("2026-03", 200)])
    func aUserWithoutThePermissionCannotAssociate(version: String, status: Int) async throws {
        let bench = HubSpotBench()
        let contact = try await bench.create("contacts", [:])
        let deal = try await bench.create("deals", ["dealname": "A"])
        let token = bench.platform.issueToken(for: HubSpotBench.portal, kind: .oauth, mayAssociate: false)
        let answer = try await bench.call(
            .put,
            "/crm/objects/\(version)/contacts/\(contact)/associations/default/deals/\(deal)",
            token: token
        )
        #expect(answer.status == status)
        if status == 400 { #expect(answer.message == "Missing 'Edit Associations' permission.") }
    }

    @Test func archivingHidesAssociationsAndRestoringShowsThem() async throws {
        let bench = HubSpotBench()
        let contact = try await bench.create("contacts", [:])
        let deal = try await bench.create("deals", ["dealname": "A"])
        try bench.platform.associate("contact", contact, with: "deal", deal, in: HubSpotBench.portal)
        try bench.platform.archive("deal", deal, in: HubSpotBench.portal)
        #expect(bench.platform.associations(of: "contact", contact, to: "deal", in: HubSpotBench.portal).isEmpty)
        try bench.platform.restore("deal", deal, in: HubSpotBench.portal)
        #expect(bench.platform.associations(of: "contact", contact, to: "deal", in: HubSpotBench.portal) == [deal])
    }
}
