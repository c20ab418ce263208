// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct WooFaultTests {
    struct Lost: Sendable {
        var fault: SimulatedWooCommerce.Fault
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
    ]

    @Test(arguments: lost) func lostAnswersHideWhetherSomethingHappened(_ fact: Lost) async throws {
        let bench = try WooBench()
        bench.platform.fail(with: fact.fault)
        let error = await #expect(throws: IntegrationError.self) {
            try await bench.call(.post, "customers", ["email": "a@x.io"])
        }
        #expect(error?.code == fact.code)
        #expect(error?.mayHaveHappened == fact.mayHaveHappened)
        let made = bench.platform.history(of: bench.home).filter { $0.kind == .created }
        #expect(made.count == fact.records)
    }

    @Test func maintenanceIsJSONOnlyForThoseWhoAskForIt() async throws {
        let bench = try WooBench { $0.isInMaintenance = true }
        let answer = try await bench.call(.get, "orders")
        #expect(answer.status == 503)
        #expect(answer.headers["Retry-After"] == "600")
        #expect(answer.code == "wp_die")
        #expect(answer.body["additional_errors"] == [])
        let page = try await bench.send(.get, "/wp-json/wc/v3/orders", headers: [:])
        #expect(page.status == 503)
        #expect(page.headers["Content-Type"]?.hasPrefix("text/html") == true)
    }

    @Test func aBrokenDatabaseIsNoMaintenance() async throws {
        let bench = try WooBench { $0.isDatabaseDown = true }
        let answer = try await bench.call(.get, "orders")
        #expect(answer.status == 500)
        #expect(answer.code == "wp_die")
        #expect(answer.message == "Error establishing a database connection")
        #expect(answer.headers["Retry-After"] == nil)
    }

    @Test(arguments: [403, 429, 502, 504]) func whatStandsBeforeTheShopSpeaksHTML(status: Int) async throws {
        let bench = try WooBench()
        bench.platform.fail(with: .status(status))
        let answer = try await bench.call(.post, "orders", [:])
        #expect(answer.status == status)
        #expect(answer.headers["Content-Type"]?.hasPrefix("text/html") == true)
        #expect(bench.platform.records("order", in: bench.home).isEmpty)
        bench.platform.fail(with: .status(500))
        #expect(try await bench.call(.get, "orders").code == "internal_server_error")
    }

    @Test(arguments: ["\u{FEFF}", "<br />\n<b>Warning</b>: Undefined variable\n"])
    func scriptsPrintBeforeTheJSON(noise: String) async throws {
        let bench = try WooBench { $0.noise = noise }
        let answer = try await bench.send(.get, "/wp-json/")
        #expect(answer.status == 200)
        #expect(throws: (any Error).self) { try JSONValue(parsing: answer.body) }
        #expect(try JSONValue(parsingAfterNoise: answer.body)["home"] == "https://shop.example")
    }

    @Test func aBatchThatIsTooLargeGoesOnBehindItsTimeout() async throws {
        let bench = try WooBench { $0.batchSizeInTime = 2 }
        let items = (1...3).map { JSONValue.object(["email": .string("p\($0)@x.io")]) }
        let answer = try await bench.call(.post, "customers/batch", ["create": .array(items)])
        #expect(answer.status == 504)
        #expect(bench.platform.records("customer", in: bench.home).isEmpty)
        bench.clock.advance(by: .seconds(29))
        #expect(try await bench.call(.get, "customers").ids.isEmpty)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.call(.get, "customers").ids.count == 3)
    }

    @Test func anEffectCanComeAfterItsRefusal() async throws {
        let bench = try WooBench()
        bench.platform.fail(with: .statusBeforeEffect(504, after: .seconds(60)))
        #expect(try await bench.call(.post, "orders", [:]).status == 504)
        #expect(bench.platform.records("order", in: bench.home).isEmpty)
        bench.clock.advance(by: .seconds(60))
        #expect(bench.platform.records("order", in: bench.home).count == 1)
    }

    @Test func keptAnswersAreOldUnlessTheCallerSkipsThem() async throws {
        let bench = try WooBench {
            $0.version = "10.5"; $0.answersKept = .seconds(60)
        }
        let id = try await bench.create("products", ["name": "Mug"])
        let first = try await bench.call(.get, "products/\(id)")
        #expect(first.headers["X-WC-Cache"] == "MISS")
        try bench.platform.edit("product", id, in: bench.home, ["name": "Cup"])
        let kept = try await bench.call(.get, "products/\(id)")
        #expect(kept.headers["X-WC-Cache"] == "HIT")
        #expect(kept.body["name"] == "Mug")
        let stranger = try await bench.call(.get, "products/\(id)", access: .none)
        #expect(stranger.code == "woocommerce_rest_cannot_view")
        let tag = try #require(kept.headers["ETag"])
        #expect(try await bench.call(.get, "products/\(id)", headers: ["If-None-Match": tag]).status == 304)
        let skipped = try await bench.call(.get, "products/\(id)?_skip_cache=true")
        #expect(skipped.headers["X-WC-Cache"] == "SKIP")
        #expect(skipped.body["name"] == "Cup")
        bench.clock.advance(by: .seconds(60))
        #expect(try await bench.call(.get, "products/\(id)").body["name"] == "Cup")
    }

    // MARK: The page that grants keys

    private static let page =
        "https://shop.example/wc-auth/v1/authorize?app_name=App&scope=read_write&user_id=u-77"
        + "&return_url=app://done&callback_url=https://host.example/keys"

    @Test(arguments: [(200, true), (201, false), (500, false)]) func aKeyIsGrantedOnlyForAPlain200(
        status: Int,
        isGranted: Bool
    ) async throws {
        var bench = try WooBench()
        let posted = LockedRequests()
        let page = await bench.platform.visitGrantPage(try #require(URL(string: WooFaultTests.page))) { request in
            posted.append(request)
            return status
        }
        let request = try #require(posted.all.first)
        let body = try JSONValue(parsing: request.body ?? Data())
        #expect(body["user_id"] == "u-77")
        #expect(body["key_permissions"] == "read_write")
        bench.key.consumerKey = try #require(body["consumer_key"]?.string)
        bench.key.consumerSecret = try #require(body["consumer_secret"]?.string)
        #expect(try await bench.call(.get, "orders").status == (isGranted ? 200 : 401))
        #expect(page.redirect?.absoluteString == (isGranted ? "app://done?success=1&user_id=u-77" : nil))
        #expect((page.error == nil) == isGranted)
    }

    @Test func aPersonCanDenyAndAPageCanBeWrong() async throws {
        let bench = try WooBench()
        let url = try #require(URL(string: WooFaultTests.page))
        let denied = await bench.platform.visitGrantPage(url, isApproved: false) { _ in 200 }
        #expect(denied.redirect?.absoluteString == "app://done?success=0&user_id=u-77")
        for (part, error) in [
            ("&user_id=u-77", "Error: Missing parameter user_id."),
            ("https://host", "Error: The callback_url needs to be over SSL"),
        ] {
            let text = WooFaultTests.page.replacing(part, with: part.hasPrefix("&") ? "" : "http://host")
            let wrong = try #require(URL(string: text))
            let page = await bench.platform.visitGrantPage(wrong) { _ in 200 }
            #expect(page.status == 401)
            #expect(page.error == error)
        }
    }
}

/// Requests that a closure collects.
final class LockedRequests: Sendable {
    private let box = LockBox<[HTTPRequest]>([])

    var all: [HTTPRequest] { box.withLock { $0 } }

    func append(_ request: HTTPRequest) {
        box.withLock { $0.append(request) }
    }
}
