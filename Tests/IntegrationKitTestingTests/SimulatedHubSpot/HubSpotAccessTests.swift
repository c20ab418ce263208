// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotAccessTests {
    private let contacts = "/crm/objects/2026-09/contacts"

    @Test func tokensAreRefusedWithTheirReasons() async throws {
        let bench = HubSpotBench()
        let unknown = try await bench.call(.get, contacts, token: "pat-eu1-nobody")
        #expect(unknown.status == 401)
        #expect(unknown.category == "INVALID_AUTHENTICATION")
        let malformed = try await bench.send(.get, contacts, nil, token: "pat eu1")
        #expect(malformed.status == 530)
        let token = bench.platform.issueToken(for: HubSpotBench.portal, kind: .oauth)
        #expect(try await bench.call(.get, contacts, token: token).status == 200)
        bench.clock.advance(by: .seconds(1801))
        let expired = try await bench.call(.get, contacts, token: token)
        #expect(expired.status == 401)
        #expect(expired.category == "EXPIRED_AUTHENTICATION")
        #expect(expired.message == "The OAuth token used to make this call expired 1 second(s) ago.")
        #expect(expired.body["context"]?["expire time"] == ["2027-01-15T08:30:00Z"])
        bench.platform.revokeToken(bench.token)
        #expect(try await bench.call(.get, contacts).status == 401)
    }

    static let scopes: [(HTTPMethod, String, String)] = [
        (.get, "/crm/objects/2026-09/contacts", "crm.objects.contacts.read"),
        (.post, "/crm/objects/2026-09/deals", "crm.objects.deals.write"),
        (.post, "/crm/objects/2026-09/companies/search", "crm.objects.companies.read"),
        (.post, "/crm/objects/2026-09/notes", "crm.objects.contacts.write"),
        (.get, "/crm/objects/2026-09/tickets", "tickets"),
        (.get, "/crm/owners/2026-09", "crm.objects.owners.read"),
        (.post, "/crm/properties/2026-09/contacts", "crm.schemas.contacts.write"),
    ]

    @Test(arguments: scopes) func aMissingScopeIsNamed(method: HTTPMethod, path: String, scope: String) async throws {
        let bench = HubSpotBench()
        bench.platform.setScopes(["oauth"], of: bench.token)
        let answer = try await bench.call(method, path, method == .post ? [:] : nil)
        #expect(answer.status == 403)
        #expect(answer.category == "MISSING_SCOPES")
        #expect(answer.body["context"]?["requiredGranularScopes"]?.array?.contains(.string(scope)) == true)
        #expect(try await bench.call(.get, "/account-info/2026-09/details").status == 200)
    }

    @Test(arguments: [("2026-09", true), ("2026-03", false), ("v3", false)])
    func theAccountTellsWhoItIs(version: String, hasName: Bool) async throws {
        let answer = try await HubSpotBench().call(.get, "/account-info/\(version)/details")
        #expect(answer.body["portalId"]?.int64 == HubSpotBench.portal)
        #expect(answer.body["utcOffset"] == "-05:00")
        #expect(answer.body["utcOffsetMilliseconds"] == -18_000_000)
        #expect((answer.body["portalName"] == "Example") == hasName)
    }

    @Test func theBurstLimitIsRollingAndTold() async throws {
        var limits = SimulatedHubSpot.Limits()
        limits.burst = 3
        let bench = HubSpotBench(limits: limits)
        let first = try await bench.call(.get, contacts)
        #expect(first.headers["X-HubSpot-RateLimit-Max"] == "3")
        #expect(first.headers["X-HubSpot-RateLimit-Remaining"] == "2")
        #expect(first.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000")
        #expect(first.headers["X-HubSpot-RateLimit-Daily"] == "625000")
        #expect(first.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "624999")
        bench.platform.spendLimits(2, of: HubSpotBench.portal)
        let refused = try await bench.call(.get, contacts)
        #expect(refused.status == 429)
        #expect(refused.category == nil)
        #expect(refused.body["errorType"] == "RATE_LIMIT")
        #expect(refused.body["policyName"] == "TEN_SECONDLY_ROLLING")
        #expect(refused.headers["Retry-After"] == nil)
        bench.clock.advance(by: .seconds(10))
        #expect(try await bench.call(.get, contacts).status == 200)
    }

    @Test func anAuthorisedApplicationHasNoDailyLimit() async throws {
        let bench = HubSpotBench(limits: SimulatedHubSpot.Limits())
        let token = bench.platform.issueToken(for: HubSpotBench.portal, kind: .oauth)
        let answer = try await bench.call(.get, contacts, token: token)
        #expect(answer.headers["X-HubSpot-RateLimit-Max"] == "110")
        #expect(answer.headers["X-HubSpot-RateLimit-Daily"] == nil)
    }

    @Test func searchesHaveALimitOfTheirOwn() async throws {
        let bench = HubSpotBench(limits: SimulatedHubSpot.Limits())
        for _ in 0..<5 { #expect(try await bench.call(.post, contacts + "/search", [:]).status == 200) }
        let refused = try await bench.call(.post, contacts + "/search", [:])
        #expect(refused.status == 429)
        #expect(refused.body["policyName"] == "SECONDLY")
        #expect(try await bench.call(.get, contacts).status == 200)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.call(.post, contacts + "/search", [:]).status == 200)
    }

    @Test func theDailyLimitEndsAtTheAccountsMidnight() async throws {
        var limits = SimulatedHubSpot.Limits()
        limits.daily = 1
        let bench = HubSpotBench(limits: limits)
        #expect(try await bench.call(.get, contacts).status == 200)
        let refused = try await bench.call(.get, contacts)
        #expect(refused.status == 429)
        #expect(refused.body["policyName"] == "DAILY")
        // The clock starts at 08:00 UTC, 03:00 in the account's zone.
        bench.clock.advance(by: .seconds(21 * 3600 - 1))
        #expect(try await bench.call(.get, contacts).status == 429)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.call(.get, contacts).status == 200)
    }

    @Test func ownersComeInPages() async throws {
        let bench = HubSpotBench { account in
            account.owners = (1...5).map { number in
                .init(
                    id: 80_000_000 + number,
                    email: "o\(number)@x.io",
                    firstName: "O",
                    lastName: "\(number)",
                    isArchived: number == 5
                )
            }
        }
        let first = try await bench.call(.get, "/crm/owners/2026-09?limit=3")
        #expect(first.results.count == 3)
        let after = try #require(first.body["paging"]?["next"]?["after"]?.string)
        #expect(try await bench.call(.get, "/crm/v3/owners?limit=3&after=\(after)").results.count == 1)
        #expect(try await bench.call(.get, "/crm/owners/2026-09?email=O2@x.io").results[0]["id"] == "80000002")
        #expect(try await bench.call(.get, "/crm/owners/2026-09?archived=true").results.count == 1)
    }

    @Test func pipelinesCarryTheirStages() async throws {
        let bench = HubSpotBench()
        let deals = try await bench.call(.get, "/crm/pipelines/2026-09/deals")
        #expect(deals.results[0]["id"] == "default")
        #expect(deals.results[0]["stages"]?[0]?["metadata"] == ["isClosed": "false", "probability": "0.2"])
        let tickets = try await bench.call(.get, "/crm/v3/pipelines/tickets")
        #expect(tickets.results[0]["stages"]?.array?.compactMap { $0["id"]?.string } == ["1", "2", "3", "4"])
        #expect(try await bench.call(.get, "/crm/pipelines/2026-09/order").results[0]["id"]?.string?.count == 36)
    }

    @Test func propertiesAreDefinedOnceAndKeepTheirKind() async throws {
        let bench = HubSpotBench()
        let list = try await bench.call(.get, "/crm/properties/2026-09/contacts")
        let owner = try #require(list.results.first { $0["name"] == "hubspot_owner_id" })
        #expect(owner["externalOptions"] == true)
        #expect(owner["referencedObjectType"] == "OWNER")
        #expect(owner["options"] == [])
        let score = try #require(list.results.first { $0["name"] == "hubspotscore" })
        #expect(score["calculated"] == false)
        #expect(score["modificationMetadata"]?["readOnlyValue"] == false)
        #expect(score["fieldType"] == "calculation_score")
        try await bench.createKey(of: "contacts")
        let again = try await bench.call(
            .post,
            "/crm/properties/2026-09/contacts",
            [
                "name": "my_key", "label": "Key", "type": "string", "fieldType": "text",
                "groupName": "contactinformation",
            ]
        )
        #expect(again.status == 409)
        #expect(again.category == "OBJECT_ALREADY_EXISTS")
        #expect(again.body["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS")
        #expect(try await bench.call(.get, "/crm/v3/properties/0-1/my_key").body["hasUniqueValue"] == true)
        #expect(try await bench.call(.delete, "/crm/properties/2026-09/contacts/my_key").status == 204)
        #expect(try await bench.call(.get, "/crm/properties/2026-09/contacts/my_key").status == 404)
    }

    @Test func aTypeHasAtMostTenUniqueProperties() async throws {
        let bench = HubSpotBench()
        for number in 0..<10 { try await bench.createKey(of: "deals", named: "key_\(number)") }
        let answer = try await bench.call(
            .post,
            "/crm/properties/2026-09/deals",
            [
                "name": "key_10", "label": "Key", "type": "string", "fieldType": "text",
                "groupName": "dealinformation", "hasUniqueValue": true,
            ]
        )
        #expect(answer.status == 400)
    }

    @Test func authorisingGivesTokensThatRefresh() async throws {
        let bench = HubSpotBench()
        bench.platform.configureApp {
            $0.clientID = "app"
            $0.clientSecret = "secret"
        }
        let code = bench.platform.authorize(HubSpotBench.portal, redirectURI: "https://h/cb")
        func token(_ form: String) async throws -> HubSpotBench.Answer {
            let body = Data((form + "&client_id=app&client_secret=secret").utf8)
            let response = try await bench.send(
                .post,
                "/oauth/2026-09/token",
                body,
                type: "application/x-www-form-urlencoded"
            )
            return .init(
                status: response.status,
                headers: response.headers,
                body: try JSONValue(parsing: response.body)
            )
        }
        let first = try await token("grant_type=authorization_code&code=\(code)&redirect_uri=https%3A%2F%2Fh%2Fcb")
        #expect(first.body["expires_in"] == 1800)
        #expect(first.body["hub_id"]?.int64 == HubSpotBench.portal)
        let access = try #require(first.body["access_token"]?.string)
        let refresh = try #require(first.body["refresh_token"]?.string)
        #expect(try await bench.call(.get, contacts, token: access).status == 200)
        #expect(try await token("grant_type=refresh_token&refresh_token=\(refresh)").status == 200)
        #expect(try await token("grant_type=authorization_code&code=\(code)").body["status"] == "BAD_AUTH_CODE")
        bench.platform.uninstallApp(from: HubSpotBench.portal)
        let refused = try await token("grant_type=refresh_token&refresh_token=\(refresh)")
        #expect(refused.status == 400)
        #expect(refused.body["error"] == "invalid_grant")
        #expect(refused.body["status"] == "BAD_REFRESH_TOKEN")
        #expect(try await bench.call(.get, contacts, token: access).status == 401)
    }
}
