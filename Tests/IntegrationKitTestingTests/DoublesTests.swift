// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct ManualClockTests {
    @Test func `A sleep ends when the clock reaches its time, and not before`() async throws {
        let clock = ManualClock()
        async let slept: Void = clock.timeSource.sleep(.seconds(10))
        try await clock.waitForSleeps()
        #expect(clock.pendingSleeps == [.seconds(10)])
        clock.advance(by: .seconds(9))
        #expect(clock.pendingSleeps == [.seconds(1)])
        clock.advance(by: .seconds(1))
        try await slept
        #expect(clock.pendingSleeps.isEmpty)
    }

    @Test func `A cancelled sleep throws and is pending no longer`() async throws {
        let clock = ManualClock()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await clock.sleep(until: clock.now.advanced(by: .seconds(10))) }
            try await clock.waitForSleeps()
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
        #expect(clock.pendingSleeps.isEmpty)
    }

    @Test func `Short sleeps are skipped and move the clock`() async throws {
        let clock = ManualClock(skippingSleepsUpTo: .seconds(2))
        let wall = clock.wall
        try await clock.timeSource.sleep(.seconds(2))
        #expect(clock.now.offset == .seconds(2))
        #expect(clock.wall == wall.addingTimeInterval(2))
    }

    @Test func `A jump of the wall clock moves no time`() {
        let clock = ManualClock()
        let time = clock.timeSource
        clock.setWall(Date(timeIntervalSince1970: 5))
        #expect(time.elapsed() == .zero)
        clock.advance(by: .seconds(3))
        #expect(time.elapsed() == .seconds(3))
        #expect(time.now() == Date(timeIntervalSince1970: 8))
    }
}

@Suite struct ScriptedTransportTests {
    let context = OperationContext(platform: "test", operation: "test")

    private func request(_ method: HTTPMethod, _ url: String, body: String? = nil) throws -> HTTPRequest {
        let url = try #require(URL(string: url))
        return HTTPRequest(method, url, headers: ["X-A": "1"], body: body.map { Data($0.utf8) })
    }

    @Test func `Requests are answered in the order of the script`() async throws {
        let transport = ScriptedTransport()
        transport.expect(.request(.get, "https://x.example/1", headers: ["x-a": "1"]), answering: .json("{}"))
        transport.expect(.request(.post, "https://x.example/2", body: .text("b")), answering: .status(503))
        #expect(transport.remaining.count == 2)
        #expect(throws: RuleViolation.self) { try transport.verify() }
        let first = try await transport.send(request(.get, "https://x.example/1"), context: context)
        #expect(first.headers["content-type"] == "application/json" && first.body == Data("{}".utf8))
        let second = try await transport.send(request(.post, "https://x.example/2", body: "b"), context: context)
        #expect(second.status == 503)
        try transport.verify()
        #expect(transport.requests.map(\.method) == [.get, .post])
    }

    @Test(arguments: [
        ("GET", "https://x.example/2", "b"), ("POST", "https://x.example/1", "b"), ("POST", "https://x.example/2", "c"),
    ])
    func `A request that differs fails, also when it is verified later`(
        method: String,
        url: String,
        body: String
    ) async throws {
        for matcher in [
            RequestMatcher.request(.post, "https://x.example/2", body: .text("b")),
            .golden(try request(.post, "https://x.example/2", body: "b")),
        ] {
            let transport = ScriptedTransport()
            transport.expect(matcher, answering: .status(200))
            let wrong = try request(HTTPMethod(rawValue: method), url, body: body)
            await #expect(throws: RuleViolation.self) { try await transport.send(wrong, context: context) }
            #expect(throws: RuleViolation.self) { try transport.verify() }
        }
    }

    @Test func `A golden request counts every header field, in any order`() throws {
        let golden = try request(.get, "https://x.example/1")
        var more = golden
        more.headers.fields.append(.init("X-B", "2"))
        #expect(RequestMatcher.golden(golden).mismatch(more) != nil)
        var swapped = more
        swapped.headers.fields.reverse()
        #expect(RequestMatcher.golden(more).mismatch(swapped) == nil)
    }

    @Test func `A request after the end of the script fails, and a scripted failure is thrown`() async throws {
        let transport = ScriptedTransport()
        transport.expect(.request(.get, "https://x.example/1"), answering: .failure(IntegrationError(.network, "x")))
        let get = try request(.get, "https://x.example/1")
        await #expect(throws: IntegrationError.self) { try await transport.send(get, context: context) }
        await #expect(throws: RuleViolation.self) { try await transport.send(get, context: context) }
    }
}

@Suite struct InMemoryHostRecordsTests {
    let ada = HostReference(tenant: "t", kind: "prospect", id: "1")
    let remote = RemoteID(.contact, "77")

    private func change(
        _ action: InboundChange.Action,
        _ version: String?,
        _ fields: [FieldName: FieldValue],
        expecting: String? = nil
    ) -> InboundChange {
        InboundChange(
            integration: "i",
            action: action,
            remote: remote,
            version: version,
            host: ada,
            expecting: expecting,
            fields: fields
        )
    }

    @Test func `A change that comes again changes nothing, and a create returns the record made first`() async throws {
        let host = InMemoryHostRecords()
        let create = change(.create, "1", ["email": "a@x"])
        _ = await host.apply([create])
        await host.edit(ada, ["email": "b@x"])
        var again = create
        again.host = HostReference(tenant: "t", kind: "prospect", id: "2")
        let outcome = await host.apply([again]).first
        guard case .applied(let reference, _) = outcome else { throw RuleViolation(rule: "host", "not applied") }
        #expect(reference == ada)
        #expect(await host.record(ada)?.fields == ["email": "b@x"])
        #expect(await host.references == [ada])
        #expect(await host.repeats == 1)
        #expect(await host.applied.count == 1)
    }

    @Test func `A change that expects another revision is stale`() async {
        let host = InMemoryHostRecords()
        let seen = await host.edit(ada, ["email": "a@x"])
        await host.edit(ada, ["email": "b@x"])
        let outcome = await host.apply([change(.update, "2", ["email": "c@x"], expecting: seen.revision)]).first
        guard case .stale = outcome else {
            Issue.record("expected stale, found \(String(describing: outcome))")
            return
        }
        #expect(await host.record(ada)?.fields == ["email": "b@x"])
    }

    @Test func `A refused change is not carried out`() async {
        let host = InMemoryHostRecords()
        await host.refuse { _ in IntegrationError(.refused, "no") }
        let outcome = await host.apply([change(.create, "1", [:])]).first
        guard case .refused = outcome else {
            Issue.record("expected refused, found \(String(describing: outcome))")
            return
        }
        #expect(await host.references.isEmpty)
    }
}

@Suite struct SmallDoublesTests {
    @Test func `A seed gives the published sequence of SplitMix64`() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        let copy = generator
        #expect(copy.randomSource.uuid() == generator.randomSource.uuid())
    }

    @Test func `An observer remembers events in order and finds them by kind`() {
        let observer = RecordingObserver()
        let date = Date(timeIntervalSince1970: 0)
        for (kind, integration) in [(IntegrationEvent.Kind.created, "a"), (.updated, "a"), (.created, "b")] {
            observer.observe(IntegrationEvent(kind, date: date, integration: integration))
        }
        #expect(observer.events.map(\.kind) == [.created, .updated, .created])
        #expect(observer.count(.created) == 2)
        #expect(observer.events(.created, of: "b").count == 1)
        observer.removeAll()
        #expect(observer.events.isEmpty)
    }
}
