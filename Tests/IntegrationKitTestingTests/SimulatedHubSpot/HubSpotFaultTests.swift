// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotFaultTests {
    private let contacts = "/crm/objects/2026-09/contacts"

    struct Lost: Sendable {
        var fault: SimulatedHubSpot.Fault
        var code: IntegrationError.Code
        var mayHaveHappened: Bool
        var records: Int
    }

    static let lost = [
        Lost(fault: .noConnection, code: .network, mayHaveHappened: false, records: 0),
        Lost(fault: .lostAnswerBefore, code: .network, mayHaveHappened: true, records: 0),
        Lost(fault: .lostAnswerAfter, code: .network, mayHaveHappened: true, records: 1),
        Lost(fault: .timeout, code: .timedOut, mayHaveHappened: true, records: 0),
        Lost(fault: .timeoutAfterEffect, code: .timedOut, mayHaveHappened: true, records: 1),
        Lost(fault: .hugeBody, code: .invalidAnswer, mayHaveHappened: true, records: 1),
    ]

    @Test(arguments: lost) func lostAnswersHideWhetherSomethingHappened(_ fact: Lost) async throws {
        let bench = HubSpotBench()
        bench.platform.fail(with: fact.fault)
        let error = await #expect(throws: IntegrationError.self) {
            try await bench.call(.post, contacts, HubSpotBench.input(["email": "a@x.io"]))
        }
        #expect(error?.code == fact.code)
        #expect(error?.mayHaveHappened == fact.mayHaveHappened)
        #expect(
            bench.platform.creationCount(of: "contact", where: "email", is: "a@x.io", in: HubSpotBench.portal)
                == fact.records
        )
        #expect(try await bench.call(.get, contacts).status == 200)
    }

    @Test(
        arguments: [
            (423, nil), (429, nil), (500, "INTERNAL_ERROR"), (503, "SERVICE_UNAVAILABLE"),
        ] as [(Int, String?)]
    )
    func refusalsHaveTheirBodies(status: Int, category: String?) async throws {
        let bench = HubSpotBench()
        bench.platform.fail(2, .init(method: .post, path: "contacts"), with: .status(status))
        #expect(try await bench.call(.get, contacts).status == 200)
        for _ in 0..<2 {
            let answer = try await bench.call(.post, contacts, HubSpotBench.input([:]))
            #expect(answer.status == status)
            #expect(answer.category == category)
        }
        #expect(try await bench.call(.post, contacts, HubSpotBench.input([:])).status == 201)
        #expect(bench.platform.records("contact", in: HubSpotBench.portal).count == 1)
    }

    @Test func answersOfTheEdgeAreHTMLAndBrokenBodiesAreNoJSON() async throws {
        let bench = HubSpotBench()
        bench.platform.fail(with: .status(502))
        bench.platform.fail(with: .html)
        bench.platform.fail(with: .truncatedBody)
        bench.platform.fail(with: .moving(retryAfter: 3600))
        bench.platform.fail(with: .statusAfterEffect(504))
        let edge = try await bench.send(.get, contacts, nil)
        #expect(edge.status == 502)
        #expect(edge.headers["Content-Type"]?.hasPrefix("text/html") == true)
        let page = try await bench.send(.get, contacts, nil)
        #expect(page.status == 200)
        #expect(String(decoding: page.body, as: UTF8.self).hasPrefix("<!DOCTYPE html>"))
        let truncated = try await bench.send(.get, contacts, nil)
        #expect(throws: (any Error).self) { try JSONValue(parsing: truncated.body) }
        let moving = try await bench.send(.get, contacts, nil)
        #expect(moving.status == 477)
        #expect(moving.headers["Retry-After"] == "3600")
        #expect(try await bench.send(.post, contacts, HubSpotBench.input([:]).data).status == 504)
        #expect(bench.platform.records("contact", in: HubSpotBench.portal).count == 1)
    }

    @Test func aSlowAnswerTakesTheClocksTime() async throws {
        let clock = ManualClock(skippingSleepsUpTo: .seconds(60))
        let platform = SimulatedHubSpot(time: clock.timeSource)
        platform.fail(with: .slow(.seconds(20)))
        platform.fail(with: .slow(.seconds(40)))
        let start = platform.now
        let url = try #require(URL(string: "https://api.hubapi.com/account-info/2026-09/details"))
        let context = OperationContext(platform: "hubspot", operation: "test", timeout: .seconds(30))
        #expect(try await platform.send(HTTPRequest(.get, url), context: context).status == 401)
        #expect(platform.now - start == 20_000)
        let error = await #expect(throws: IntegrationError.self) {
            try await platform.send(HTTPRequest(.get, url), context: context)
        }
        #expect(error?.code == .timedOut)
        #expect(platform.now - start == 50_000)
    }

    @Test(arguments: 1..<6 as Range<UInt64>) func faultsAtRandomFollowTheSeed(seed: UInt64) async throws {
        func run() async throws -> [Int?] {
            let bench = HubSpotBench(seed: seed)
            bench.platform.failAtRandom(rate: 0.5, faults: [.status(500), .status(503)])
            for _ in 0..<40 { _ = try await bench.call(.get, contacts) }
            bench.platform.stopFailing()
            for _ in 0..<5 { #expect(try await bench.call(.get, contacts).status == 200) }
            return bench.platform.calls.map(\.status)
        }
        let statuses = try await run()
        #expect(try await run() == statuses)
        #expect(Set(statuses) == [200, 500, 503])
    }

    @Test func aHookStepsInBetweenEffectAndAnswer() async throws {
        struct Crash: Error {}
        let bench = HubSpotBench()
        bench.platform.onStep { if $0.moment == .performed, $0.request.method == .post { throw Crash() } }
        await #expect(throws: Crash.self) { try await bench.call(.post, contacts, HubSpotBench.input([:])) }
        bench.platform.onStep(nil)
        #expect(bench.platform.records("contact", in: HubSpotBench.portal).count == 1)
        #expect(bench.platform.callCounts == ["POST objects/contacts": 1])
    }

    @Test func theHistoryTellsWhoDidWhat() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", ["city": "Rome"])
        try bench.platform.edit("contact", id, in: HubSpotBench.portal, ["city": ""])
        let history = bench.platform.history(of: HubSpotBench.portal)
        #expect(history.map(\.kind) == [.created, .updated])
        #expect(history.map(\.source) == [.api(call: 1), .person])
        #expect(history[1].values == ["city": ""])
    }
}
