// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotSearchTests {
    private let path = "/crm/objects/2026-09/contacts/search"

    static func filter(_ property: String, _ comparison: String, _ more: JSONObject = [:]) -> JSONValue {
        var filter: JSONObject = ["propertyName": .string(property), "operator": .string(comparison)]
        for member in more.members { filter[member.key] = member.value }
        return .object(filter)
    }

    static func query(_ filters: [JSONValue], limit: Int64 = 200, after: String? = nil) -> JSONValue {
        var query: JSONObject = [
            "filterGroups": [["filters": .array(filters)]], "limit": .number(JSONNumber(limit)),
            "sorts": [["propertyName": "lastmodifieddate", "direction": "ASCENDING"]],
        ]
        if let after { query["after"] = .string(after) }
        return .object(query)
    }

    static let filters: [(JSONValue, [String])] = [
        (filter("firstname", "EQ", ["value": "ADA"]), ["Ada"]),
        (filter("firstname", "NEQ", ["value": "ada"]), ["Bob", "Cy"]),
        (filter("firstname", "IN", ["values": ["ada", "bob"]]), ["Ada", "Bob"]),
        (filter("firstname", "IN", ["values": ["Ada"]]), []),
        (filter("firstname", "NOT_IN", ["values": ["ada"]]), ["Bob", "Cy"]),
        (filter("phone", "HAS_PROPERTY"), ["Bob"]),
        (filter("phone", "NOT_HAS_PROPERTY"), ["Ada", "Cy"]),
        (filter("email", "CONTAINS_TOKEN", ["value": "*ample.com"]), ["Ada", "Bob"]),
        (filter("email", "CONTAINS_TOKEN", ["value": "exam*"]), ["Ada", "Bob"]),
        (filter("email", "NOT_CONTAINS_TOKEN", ["value": "exam*"]), ["Cy"]),
        (filter("email", "EQ", ["value": "second@x.io"]), []),
        (filter("hs_additional_emails", "EQ", ["value": "second@x.io"]), ["Ada"]),
        (filter("lifecyclestage", "EQ", ["value": "customer"]), ["Cy"]),
        (filter("lifecyclestage", "EQ", ["value": "Customer"]), []),
        (filter("lastmodifieddate", "GTE", ["value": "1800000001000"]), ["Bob", "Cy"]),
        (filter("lastmodifieddate", "GT", ["value": "1800000001000"]), ["Cy"]),
        (filter("lastmodifieddate", "LT", ["value": "2027-01-15T08:00:01Z"]), ["Ada"]),
        (filter("lastmodifieddate", "LTE", ["value": "1800000001000"]), ["Ada", "Bob"]),
        (filter("lastmodifieddate", "EQ", ["value": "1800000001000"]), ["Bob"]),
        (
            filter("lastmodifieddate", "BETWEEN", ["value": "1800000001000", "highValue": "1800000002000"]),
            ["Bob", "Cy"]
        ),
    ]

    @Test(arguments: filters) func operatorsFind(filter: JSONValue, names: [String]) async throws {
        let bench = HubSpotBench()
        let people = [
            ["firstname": "Ada", "email": "ada@example.com", "hs_additional_emails": "second@x.io"],
            ["firstname": "Bob", "email": "bob@example.com", "phone": "1"],
            ["firstname": "Cy", "email": "cy@other.org", "lifecyclestage": "customer"],
        ]
        for person in people {
            _ = try await bench.create("contacts", person)
            bench.clock.advance(by: .seconds(1))
        }
        let answer = try await bench.call(.post, path, HubSpotSearchTests.query([filter]))
        #expect(answer.status == 200)
        #expect(answer.results.compactMap { $0["properties"]?["firstname"]?.string } == names)
        #expect(answer.body["total"]?.int64 == Int64(names.count))
        #expect(answer.body["paging"] == nil)
    }

    @Test func aSearchAnswersWithoutTheLimitsHeaders() async throws {
        let bench = HubSpotBench(limits: SimulatedHubSpot.Limits())
        let answer = try await bench.call(.post, path, [:])
        #expect(answer.status == 200)
        #expect(answer.headers.fields.allSatisfy { !$0.name.lowercased().contains("ratelimit") })
    }

    static let refused: [(String, JSONValue)] = [
        ("limit", ["limit": 201]),
        ("a list's cursor", ["after": "734931097788x"]),
        ("two sorts", ["sorts": [["propertyName": "email"], ["propertyName": "city"]]]),
        ("operator", ["filterGroups": [["filters": [["propertyName": "email", "operator": "LIKE", "value": "a"]]]]]),
        ("property", ["filterGroups": [["filters": [["propertyName": "nonsense", "operator": "EQ", "value": "a"]]]]]),
        ("a long body", ["properties": .array(Array(repeating: "firstname", count: 300))]),
        ("beyond the cap", ["after": "9900", "limit": 200]),
        ("at the cap", ["after": "10000"]),
        (
            "six groups",
            [
                "filterGroups": .array(
                    Array(repeating: ["filters": [["propertyName": "email", "operator": "HAS_PROPERTY"]]], count: 6)
                )
            ]
        ),
        (
            "seven filters",
            ["filters": .array(Array(repeating: ["propertyName": "email", "operator": "HAS_PROPERTY"], count: 7))]
        ),
    ]

    @Test(arguments: refused) func searchRefuses(what: String, body: JSONValue) async throws {
        #expect(try await HubSpotBench().call(.post, path, body).status == 400)
    }

    @Test func aBoundAtTheEpochBreaksThePlatform() async throws {
        let filter = HubSpotSearchTests.filter("lastmodifieddate", "GTE", ["value": "0"])
        let answer = try await HubSpotBench().call(.post, path, HubSpotSearchTests.query([filter]))
        #expect(answer.status == 500)
        #expect(answer.category == "INTERNAL_ERROR")
    }

    @Test func writtenRecordsAppearAfterTheLagAndArchivedOnesNever() async throws {
        let bench = HubSpotBench { $0.searchLag = .seconds(5) ... .seconds(5) }
        let id = try await bench.create("contacts", ["firstname": "Ada"])
        #expect(try await bench.call(.post, path, [:]).results.isEmpty)
        #expect(try await bench.call(.get, "/crm/objects/2026-09/contacts/\(id)").status == 200)
        bench.clock.advance(by: .seconds(6))
        #expect(try await bench.call(.post, path, [:]).results.count == 1)
        try bench.platform.edit("contact", id, in: HubSpotBench.portal, ["firstname": "Eve"])
        let stale = try await bench.call(.post, path, [:])
        #expect(stale.results[0]["properties"]?["firstname"] == "Ada")
        try bench.platform.archive("contact", id, in: HubSpotBench.portal)
        bench.clock.advance(by: .seconds(6))
        #expect(try await bench.call(.post, path, [:]).results.isEmpty)
    }

    @Test func anOffsetShiftsWhenRecordsChange() async throws {
        let bench = HubSpotBench()
        var ids: [String] = []
        for number in 0..<4 {
            ids.append(try await bench.create("contacts", ["lastname": "\(number)"]))
            bench.clock.advance(by: .seconds(1))
        }
        let filters = [HubSpotSearchTests.filter("lastmodifieddate", "GTE", ["value": "1700000000000"])]
        let first = try await bench.call(.post, path, HubSpotSearchTests.query(filters, limit: 2))
        #expect(first.body["paging"]?["next"]?["after"] == "2")
        try bench.platform.archive("contact", ids[0], in: HubSpotBench.portal)
        let second = try await bench.call(.post, path, HubSpotSearchTests.query(filters, limit: 2, after: "2"))
        #expect(second.results.compactMap { $0["id"]?.string } == [ids[3]])
    }

    @Test func recordsAreFoundByTheirAssociation() async throws {
        let bench = HubSpotBench()
        let contact = try await bench.create("contacts", [:])
        let deal = try await bench.create("deals", ["dealname": "A"])
        _ = try await bench.create("deals", ["dealname": "B"])
        try bench.platform.associate("deal", deal, with: "contact", contact, in: HubSpotBench.portal)
        let answer = try await bench.call(
            .post,
            "/crm/objects/2026-09/deals/search",
            ["filters": [["propertyName": "associations.contact", "operator": "EQ", "value": .string(contact)]]]
        )
        #expect(answer.results.compactMap { $0["id"]?.string } == [deal])
    }

    /// A world of this size must stay quick to fill and to read.
    @Test(.timeLimit(.minutes(5))) func fiftyThousandContactsCanBeReadThroughTheCap() async throws {
        let bench = HubSpotBench()
        for number in 0..<50_000 {
            try bench.platform.create("contact", in: HubSpotBench.portal, ["email": "p\(number)@x.io"])
            if number % 7 == 0 { bench.clock.advance(by: .milliseconds(1)) }
        }
        var seen: Set<String> = []
        var low: Int64 = 1_700_000_000_000
        var after: String?
        while true {
            let filters = [HubSpotSearchTests.filter("lastmodifieddate", "GTE", ["value": .string(String(low))])]
            let page = try await bench.call(.post, path, HubSpotSearchTests.query(filters, after: after))
            try #require(page.status == 200)
            seen.formUnion(page.results.compactMap { $0["id"]?.string })
            guard let next = page.body["paging"]?["next"]?["after"]?.string else { break }
            after = next
            if next == "10000" {
                let newest = page.results.last?["properties"]?["lastmodifieddate"]?.string ?? ""
                low = try #require(
                    try? Date(
                        newest,
                        strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: newest.contains("."))
                    )
                ).timeIntervalSince1970.milliseconds
                after = nil
            }
        }
        #expect(seen.count == 50_000)
    }
}

extension TimeInterval {
    fileprivate var milliseconds: Int64 { Int64((self * 1000).rounded()) }
}
