// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

@Suite struct HubSpotErrorTests {
    private let provider = HubSpotProvider()

    private func request(_ path: String = "/crm/objects/2026-09/contacts/batch/create", spend: String = "burst") throws
        -> HTTPRequest
    {
        let url = try #require(URL(string: "https://api.hubapi.com" + path))
        return HTTPRequest(.post, url, effect: .write, spend: [Spend(spend)])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var status: Int
        var fixture: String?
        var code: IntegrationError.Code
        var retry: IntegrationError.RetryAdvice
        var concerns: IntegrationError.Concern
        var mayHaveHappened = false
        var budget: String?
        var testDescription: String { "\(status) \(fixture ?? "")" }
    }

    @Test(arguments: [
        Row(status: 400, fixture: "error-400-property", code: .refused, retry: .afterSetup, concerns: .kind),
        Row(status: 400, fixture: "error-400-required", code: .refused, retry: .afterSetup, concerns: .kind),
        Row(status: 400, fixture: "error-400-email", code: .refused, retry: .never, concerns: .record),
        Row(status: 400, fixture: "error-400-duplicate-ids", code: .refused, retry: .never, concerns: .record),
        Row(
            status: 401,
            fixture: "error-401-missing",
            code: .reauthorizationRequired,
            retry: .afterReauthorization,
            concerns: .account
        ),
        Row(
            status: 401,
            fixture: "error-401-expired",
            code: .reauthorizationRequired,
            retry: .afterReauthorization,
            concerns: .account
        ),
        Row(status: 530, code: .reauthorizationRequired, retry: .afterReauthorization, concerns: .account),
        Row(status: 403, fixture: "error-403-scopes", code: .forbidden, retry: .afterSetup, concerns: .kind),
        Row(status: 404, fixture: "error-404-object", code: .gone, retry: .never, concerns: .record),
        Row(status: 404, code: .notFound, retry: .never, concerns: .record),
        Row(status: 409, fixture: "error-409-conflict", code: .conflict, retry: .never, concerns: .record),
        Row(status: 414, code: .refused, retry: .smaller, concerns: .kind),
        Row(status: 423, code: .unavailable, retry: .after(.seconds(2)), concerns: .record),
        Row(
            status: 429,
            fixture: "error-429-burst",
            code: .limited,
            retry: .after(.seconds(10)),
            concerns: .account,
            budget: "burst"
        ),
        Row(
            status: 429,
            fixture: "error-429-search",
            code: .limited,
            retry: .after(.seconds(1)),
            concerns: .account,
            budget: "search"
        ),
        Row(
            status: 429,
            fixture: "error-429-daily",
            code: .limited,
            retry: .after(.seconds(3_600)),
            concerns: .account,
            budget: "daily"
        ),
        Row(status: 429, code: .limited, retry: .after(.seconds(10)), concerns: .account, budget: "burst"),
        Row(status: 477, code: .unavailable, retry: .after(.seconds(3_600)), concerns: .account),
        Row(status: 500, code: .unavailable, retry: .after(nil), concerns: .account, mayHaveHappened: true),
        Row(status: 503, code: .unavailable, retry: .after(nil), concerns: .account, mayHaveHappened: true),
        Row(status: 521, code: .unavailable, retry: .after(nil), concerns: .account, mayHaveHappened: true),
        Row(status: 302, code: .invalidAnswer, retry: .after(nil), concerns: .account, mayHaveHappened: true),
    ])
    func `Every failure says what it is, whom it concerns and what helps`(row: Row) throws {
        let response = try row.fixture.map { try HTTPResponse.fixture($0, status: row.status) }
        let error = try #require(
            provider.failure(in: response ?? HTTPResponse(status: row.status), to: try request())
        )
        #expect(error.code == row.code)
        #expect(error.retry == row.retry)
        #expect(error.concerns == row.concerns)
        #expect(error.mayHaveHappened == row.mayHaveHappened)
        #expect(error.budget == row.budget)
        #expect(error.context.status == row.status)
    }

    @Test func `Retry-After and the request id are passed on`() throws {
        let response = HTTPResponse(
            status: 477,
            headers: ["retry-after": "120", "X-HubSpot-Correlation-Id": "c-1"]
        )
        let error = try #require(provider.failure(in: response, to: try request()))
        #expect(error.retry == .after(.seconds(120)))
        #expect(error.context.requestID == "c-1")
        let body = try #require(provider.failure(in: .fixture("error-403-scopes", status: 403), to: try request()))
        #expect(body.context.requestID == "a996e7d6-0000-4000-8000-000000000007")
        #expect(body.message.contains("custom-object-read"))
    }

    @Test func `No content of a record is in an error, only the names of its fields`() throws {
        let error = try #require(provider.failure(in: .fixture("error-400-email", status: 400), to: try request()))
        #expect(error.context.fields == ["email"])
        #expect(error.context.platformCode == "INVALID_EMAIL")
        #expect(!"\(error)".contains("secret@bad"))
        #expect(!error.remedy.text(in: "fr").isEmpty)
    }

    @Test func `A limit without a policy is that of the request`() throws {
        for budget in ["search", "associations", "burst"] {
            let error = provider.failure(in: HTTPResponse(status: 429), to: try request(spend: budget))
            #expect(error?.budget == budget)
        }
    }

    @Test func `A success is JSON, or has nothing to tell`() throws {
        let request = try request()
        #expect(provider.failure(in: HTTPResponse(status: 204), to: request) == nil)
        #expect(provider.failure(in: .json([:], status: 207), to: request) == nil)
        #expect(provider.failure(in: HTTPResponse(status: 200), to: request)?.code == .invalidAnswer)
    }

    @Test func `The day's calls start anew at the account's midnight`() async throws {
        // 2026-11-25 20:30 in New York.
        let now = Date(timeIntervalSince1970: 1_795_656_600)
        let session = Desk.hubSpot.session(now: now) { _ in try .fixture("error-429-daily", status: 429) }
        let error = await #expect(throws: IntegrationError.self) {
            try await provider.fetchRecords([RemoteID(.contact, "1")], fields: [], in: session)
        }
        #expect(error?.retry == .after(.seconds(3 * 3_600 + 1_800)))
    }

    @Test func `Limits are those that the account's answers told`() {
        let facts: [String: JSONValue] = ["burst.maximum": 190, "burst.interval": 10_000, "daily.maximum": 625_000]
        let budgets = provider.budgets(of: .portal(facts: facts))
        #expect(budgets.map(\.id) == ["burst", "search", "associations", "daily"])
        #expect(budgets[0].rule == .window(190, per: .seconds(10)))
        #expect(budgets[1].rule == .window(4, per: .seconds(1)))
        #expect(budgets[3].rule == .quota(625_000, resetsAt: nil))
        #expect(provider.budgets(of: .portal())[0].rule == .window(100, per: .seconds(10)))
    }

    @Test func `Rate limit headers are read`() throws {
        let headers: HTTPHeaders = [
            "x-hubspot-ratelimit-max": "110", "x-hubspot-ratelimit-remaining": "101",
            "x-hubspot-ratelimit-daily": "250000", "x-hubspot-ratelimit-daily-remaining": "249000",
        ]
        let readings = provider.readings(in: HTTPResponse(status: 200, headers: headers), to: try request())
        #expect(
            readings == [
                BudgetReading("burst", limit: 110, remaining: 101),
                BudgetReading("daily", limit: 250_000, remaining: 249_000),
            ]
        )
        #expect(provider.readings(in: HTTPResponse(status: 200), to: try request()).isEmpty)
    }
}
