// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotRecordTests {
    /// What a create of one record answers.
    struct Create: Sendable, CustomTestStringConvertible {
        var type: String
        var properties: [String: String]
        var status = 201
        var code: String?
        var version = "2026-09"
        var testDescription: String {
            "\(version) \(type) \(properties.sorted { $0.key < $1.key }) -> \(status) \(code ?? "")"
        }
    }

    static let creates = [
        Create(type: "contacts", properties: ["email": "Ada@Example.com"]),
        Create(type: "0-1", properties: ["firstname": "Ada"]),
        Create(type: "contact", properties: ["lifecyclestage": "customer"], version: "v3"),
        Create(type: "contacts", properties: ["nonsense": "1"], status: 400, code: "PROPERTY_DOESNT_EXIST"),
        Create(type: "contacts", properties: ["lifecyclestage": "Lead"], status: 400, code: "INVALID_OPTION"),
        Create(type: "contacts", properties: ["email": "no address"], status: 400, code: "INVALID_EMAIL"),
        Create(type: "contacts", properties: ["hs_object_id": "1"], status: 400, code: "READ_ONLY_VALUE"),
        Create(type: "contacts", properties: ["hubspotscore": "1"], status: 400, code: "READ_ONLY_VALUE"),
        Create(type: "contacts", properties: ["hubspot_owner_id": "5"], status: 400, code: "INVALID_OWNER_ID"),
        Create(type: "contacts", properties: ["hubspot_owner_id": "88842095"]),
        Create(
            type: "companies",
            properties: ["numberofemployees": "1,000", "name": "A"],
            status: 400,
            code: "INVALID_INTEGER"
        ),
        Create(type: "companies", properties: ["city": "Paris"], status: 400),
        Create(type: "companies", properties: ["domain": "example.com"]),
        Create(type: "deals", properties: ["dealname": "No stage"]),
        Create(type: "deals", properties: ["dealstage": "nowhere"], status: 400, code: "INVALID_OPTION"),
        Create(type: "deals", properties: ["closedate": "tomorrow"], status: 400, code: "INVALID_DATE"),
        Create(type: "tickets", properties: ["subject": "Help"], status: 400),
        Create(type: "tickets", properties: ["subject": "Help", "hs_pipeline_stage": "1"]),
        Create(type: "notes", properties: ["hs_note_body": "x"], status: 400),
        Create(type: "notes", properties: ["hs_timestamp": "2026-03-12T10:00:00Z"]),
        Create(type: "calls", properties: ["hs_call_status": "COMPLETED"], status: 400),
        Create(type: "tasks", properties: ["hs_timestamp": "1767225600000", "hs_task_type": "TODO"]),
        Create(type: "products", properties: ["price": "1"], status: 400),
        Create(type: "orders", properties: ["hs_order_name": "1001"]),
        Create(type: "leads", properties: ["hs_lead_name": "Alone"], status: 400),
        Create(type: "butterflies", properties: [:], status: 400),
    ]

    @Test(arguments: creates) func creatingAnswersWithThePlatformsStatus(_ fact: Create) async throws {
        let bench = HubSpotBench()
        let path =
            fact.version == "v3" ? "/crm/v3/objects/\(fact.type)" : "/crm/objects/\(fact.version)/\(fact.type)"
        let answer = try await bench.call(.post, path, HubSpotBench.input(fact.properties))
        #expect(answer.status == fact.status)
        #expect(answer.headers["X-HubSpot-Correlation-Id"]?.isEmpty == false)
        if fact.status == 201 {
            #expect(try #require(Int64(answer.id)) > 1 << 32)
            #expect(answer.body["archived"] == false)
            #expect(answer.body["url"]?.string?.hasSuffix(answer.id) == true)
        } else {
            #expect(answer.body["status"] == "error")
            #expect(answer.body["correlationId"]?.string == answer.headers["X-HubSpot-Correlation-Id"])
        }
        if let code = fact.code {
            #expect(answer.category == "VALIDATION_ERROR")
            #expect(answer.errors[0]["code"]?.string == code)
            #expect(answer.message.hasPrefix("Property values were not valid: [{\"isValid\":false"))
        }
    }

    @Test func aMissingTimestampIsNamed() async throws {
        let answer = try await HubSpotBench().call(.post, "/crm/objects/2026-09/tasks", HubSpotBench.input([:]))
        #expect(answer.message == "Error creating TASK. Some required properties were not set.")
        #expect(answer.body["context"]?["properties"] == ["hs_timestamp"])
    }

    @Test func valuesComeBackAsTextsWithTheirModifiedDates() async throws {
        let bench = HubSpotBench()
        let created = try await bench.call(
            .post,
            "/crm/objects/2026-09/contacts",
            ["properties": ["email": "ADA@Example.com", "firstname": "Ada"]]
        )
        #expect(created.body["properties"]?["email"] == "ada@example.com")
        #expect(created.body["properties"]?["lifecyclestage"] == "lead")
        bench.clock.advance(by: .milliseconds(1500))
        let changed = try await bench.call(
            .patch,
            "/crm/objects/2026-09/contacts/ADA@example.com?idProperty=email",
            ["properties": ["lastname": "Byron", "firstname": ""]]
        )
        #expect(changed.status == 200)
        #expect(changed.body["updatedAt"] != created.body["updatedAt"])
        let read = try await bench.call(
            .get,
            "/crm/v3/objects/contacts/\(created.id)?properties=firstname,lastname,phone,nonsense"
        )
        let properties = try #require(read.body["properties"])
        #expect(properties["firstname"] == JSONValue.null)
        #expect(properties["phone"] == JSONValue.null)
        #expect(properties["nonsense"] == nil)
        #expect(properties["lastname"] == "Byron")
        #expect(properties["lastmodifieddate"] == read.body["updatedAt"])
    }

    @Test func theLifecycleStageMovesOnlyForward() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", ["lifecyclestage": "customer"])
        let path = "/crm/objects/2026-09/contacts/\(id)"
        _ = try await bench.call(.patch, path, ["properties": ["lifecyclestage": "lead"]])
        #expect(
            bench.platform.record("contact", id, in: HubSpotBench.portal)?.properties["lifecyclestage"] == "customer"
        )
        _ = try await bench.call(.patch, path, ["properties": ["lifecyclestage": ""]])
        _ = try await bench.call(.patch, path, ["properties": ["lifecyclestage": "lead"]])
        #expect(bench.platform.record("contact", id, in: HubSpotBench.portal)?.properties["lifecyclestage"] == "lead")
    }

    @Test(arguments: [("2026-09", true), ("2026-03", false)])
    func onlyTheNewVersionWarnsOfDatesItNormalised(version: String, warns: Bool) async throws {
        let answer = try await HubSpotBench().call(
            .post,
            "/crm/objects/\(version)/deals",
            ["properties": ["dealname": "A", "closedate": "2026-12-01T09:00:00+02:00", "amount": 10_000]]
        )
        #expect(answer.body["properties"]?["closedate"] == "2026-12-01T07:00:00Z")
        #expect(answer.body["properties"]?["amount"] == "10000")
        #expect((answer.body["warnings"]?[0]?["category"] == "PROPERTY_VALUE_NORMALIZED") == warns)
        if warns {
            #expect(answer.body["warnings"]?[0]?["context"]?["normalizedValue"] == "2026-12-01T07:00:00Z")
        }
    }

    @Test(arguments: [("2026-09", 400), ("2026-03", 201), ("v3", 201)])
    func onlyTheNewVersionEnforcesAdminsRules(version: String, status: Int) async throws {
        let bench = HubSpotBench {
            $0.rules = [
                .init("phone", of: "contact"),
                .init("city", of: "contact", if: .init(property: "country", value: "France")),
            ]
        }
        let path = version == "v3" ? "/crm/v3/objects/contacts" : "/crm/objects/\(version)/contacts"
        let answer = try await bench.call(.post, path, HubSpotBench.input(["country": "France"]))
        #expect(answer.status == status)
        if status == 400 {
            #expect(answer.message == "The property values provided are invalid")
            #expect(
                answer.errors.compactMap { $0["code"]?.string } == [
                    "MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
                ]
            )
            #expect(answer.errors[0]["context"]?["propertyName"] == ["phone"])
        }
    }

    @Test func anAddressIsUniqueAlsoAsAFurtherOne() async throws {
        let bench = HubSpotBench()
        let first = try await bench.create("contacts", ["email": "a@x.io", "hs_additional_emails": "b@x.io;c@x.io"])
        for email in ["a@x.io", "B@x.io", "c@x.io"] {
            let answer = try await bench.call(
                .post,
                "/crm/objects/2026-09/contacts",
                HubSpotBench.input(["email": email])
            )
            #expect(answer.status == 409)
            #expect(answer.category == "CONFLICT")
            #expect(answer.message == "Contact already exists. Existing ID: \(first)")
        }
        try bench.platform.archive("contact", first, in: HubSpotBench.portal)
        _ = try await bench.create("contacts", ["email": "a@x.io"])
        #expect(throws: IntegrationError.self) {
            try bench.platform.restore("contact", first, in: HubSpotBench.portal)
        }
    }

    @Test func aSecondActiveProductWithTheSameSKUIsRefused() async throws {
        let bench = HubSpotBench()
        let first = try await bench.create("products", ["name": "A", "hs_sku": "S-1"])
        let body = HubSpotBench.input(["name": "B", "hs_sku": "S-1"])
        #expect(try await bench.call(.post, "/crm/objects/2026-09/products", body).status == 400)
        #expect(try await bench.call(.delete, "/crm/objects/2026-09/products/\(first)").status == 204)
        #expect(try await bench.call(.post, "/crm/objects/2026-09/products", body).status == 201)
    }

    @Test func archivedRecordsAreListedApartAndComeBack() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("companies", ["name": "A"])
        for _ in 0..<2 { #expect(try await bench.call(.delete, "/crm/objects/2026-09/companies/\(id)").status == 204) }
        let gone = try await bench.call(.get, "/crm/objects/2026-09/companies/\(id)")
        #expect(gone.status == 404)
        #expect(gone.category == "OBJECT_NOT_FOUND")
        let archived = try await bench.call(.get, "/crm/objects/2026-09/companies?archived=true")
        #expect(archived.results.compactMap { $0["id"]?.string } == [id])
        #expect(archived.results[0]["archivedAt"]?.string != nil)
        try bench.platform.restore("company", id, in: HubSpotBench.portal)
        #expect(try await bench.call(.get, "/crm/objects/2026-09/companies/\(id)").status == 200)
    }

    @Test func theLoserOfAMergeLeadsToTheWinnerForSingleCallsOnly() async throws {
        let bench = HubSpotBench()
        let winner = try await bench.create("contacts", ["email": "w@x.io"])
        let loser = try await bench.create("contacts", ["email": "l@x.io", "phone": "1"])
        let merged = try await bench.call(
            .post,
            "/crm/objects/2026-09/contacts/merge",
            ["primaryObjectId": .string(winner), "objectIdToMerge": .string(loser)]
        )
        #expect(merged.body["id"]?.string == winner)
        let path = "/crm/objects/2026-09/contacts"
        let read = try await bench.call(
            .get,
            "\(path)/\(loser)?properties=hs_merged_object_ids,phone,hs_additional_emails"
        )
        #expect(read.body["id"]?.string == winner)
        #expect(read.body["properties"]?["hs_merged_object_ids"]?.string == loser)
        #expect(read.body["properties"]?["phone"] == "1")
        #expect(read.body["properties"]?["hs_additional_emails"] == "l@x.io")
        #expect(try await bench.call(.patch, "\(path)/\(loser)", ["properties": ["city": "Rome"]]).status == 200)
        let batch = try await bench.call(
            .post,
            "\(path)/batch/update",
            ["inputs": [["id": .string(loser), "properties": ["city": "Oslo"]]]]
        )
        #expect(batch.status == 207)
        #expect(batch.errors[0]["context"]?["ids"] == [.string(loser)])
        #expect(try await bench.call(.get, "\(path)?archived=true").results.isEmpty)
    }

    @Test func anErasedContactLeavesNothing() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", ["email": "a@x.io"])
        let body: JSONValue = ["objectId": "a@x.io", "idProperty": "email"]
        #expect(try await bench.call(.post, "/crm/objects/2026-09/contacts/gdpr-delete", body).status == 204)
        #expect(bench.platform.record("contact", id, in: HubSpotBench.portal) == nil)
        #expect(try await bench.call(.get, "/crm/objects/2026-09/contacts?archived=true").results.isEmpty)
    }

    @Test func pagesFollowTheCursorAndEndWithoutOne() async throws {
        let bench = HubSpotBench()
        for number in 0..<5 { _ = try await bench.create("deals", ["dealname": "\(number)"]) }
        let first = try await bench.call(.get, "/crm/objects/2026-09/deals?limit=3&properties=dealname")
        #expect(first.results.count == 3)
        let after = try #require(first.body["paging"]?["next"]?["after"]?.string)
        #expect(first.body["paging"]?["next"]?["link"]?.string?.contains("after=\(after)") == true)
        let second = try await bench.call(.get, "/crm/objects/2026-09/deals?limit=3&after=\(after)")
        #expect(second.results.count == 2)
        #expect(second.body["paging"] == nil)
    }

    @Test(arguments: [("limit=101", 400), ("limit=100", 200), ("limit=51&propertiesWithHistory=email", 400)])
    func aListHasItsLimit(query: String, status: Int) async throws {
        #expect(try await HubSpotBench().call(.get, "/crm/objects/2026-09/contacts?\(query)").status == status)
    }

    @Test func aTooLongAddressIsRefused() async throws {
        let path = "/crm/objects/2026-09/contacts?properties=" + String(repeating: "property,", count: 1000)
        #expect(try await HubSpotBench().call(.get, path).status == 414)
    }
}
