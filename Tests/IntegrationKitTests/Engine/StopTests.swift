// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct StopTests {
    enum Stop: CaseIterable, Sendable { case pause, disable }

    @Test(arguments: Stop.allCases)
    func stoppingWaitsForWhatIsUnderWayAndNothingLeavesAfterwards(stop: Stop) async throws {
        let world = try await World.pushing()
        for index in 0..<250 { try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr")]) }
        let turnstile = Turnstile()
        world.platform.onStep { step in
            if step.moment == .received, step.request.url.path.contains("upsert") { await turnstile.pass() }
        }
        async let round = world.sync()
        await turnstile.arrival()
        let hasStopped = LockBox(false)
        let manager = world.manager
        let id = world.integration.id
        async let stopping: Void = {
            switch stop {
            case .pause: try await manager.pause(id)
            case .disable: try await manager.disable(id)
            }
            hasStopped.withLock { $0 = true }
        }()
        // The fence stands, and the call under way is still out.
        while try await manager.integration(id).state == .enabled { await Task.yield() }
        for _ in 0..<100 { await Task.yield() }
        #expect(!hasStopped.withLock { $0 })
        await turnstile.open()
        try await stopping
        let calls = world.platform.calls.count
        _ = try await round
        try await world.settle(within: .seconds(1200))
        #expect(world.platform.calls.count == calls)
        // What was answered is known, and the rest waits.
        let statistics = try await world.statistics()
        #expect(statistics.sent == 0)
        #expect(statistics.queued == 250 - world.creations("contact"))
        #expect(world.creations("contact") > 0)
    }

    /// Updates by id leave without a commit of their own: only the fence in memory stops the second batch of a round.
    @Test func theNextBatchOfARoundDoesNotLeaveOnceItIsStopped() async throws {
        var options = EngineOptions()
        options.writesInFlight = 1
        let world = try await World.pushing(options: options)
        try await world.create("p1", ["email": "ada@example.fr"])
        try await world.coordinator.enqueue(world.event(.productUpdated, "x1", of: "x", ["name": "Offre"]))
        try await world.settle()
        try await world.update("p1", ["first_name": "Ada"], event: "u1")
        try await world.coordinator.enqueue(world.event(.productUpdated, "x2", of: "x", ["name": "Offre II"]))
        let turnstile = Turnstile()
        world.platform.onStep { step in
            if step.moment == .received, step.request.url.path.contains("batch/update") { await turnstile.pass() }
        }
        async let round = world.sync()
        await turnstile.arrival()
        let calls = world.platform.calls.count
        let manager = world.manager
        let id = world.integration.id
        async let stopping: Void = manager.disable(id)
        while try await manager.integration(id).state == .enabled { await Task.yield() }
        for _ in 0..<100 { await Task.yield() }
        await turnstile.open()
        try await stopping
        _ = try await round
        #expect(world.platform.calls.count == calls + 1)
        #expect(try await world.statistics().queued == 1)
    }

    @Test(arguments: [true, false])
    func nothingComesBackOfWhatWasDeletedWhileWorkWasOut(erases: Bool) async throws {
        let world = try await World.pushing()
        let peer = try await world.peer(seed: 5)
        try await world.create("p1", ["email": "ada@example.fr"])
        let turnstile = Turnstile()
        world.platform.onStep { step in
            if step.moment == .performed, step.request.url.path.contains("upsert") { await turnstile.pass() }
        }
        async let round = peer.sync()
        await turnstile.arrival()
        // Another process deletes; it cannot wait for this one.
        let receipt =
            erases
            ? try await world.manager.erase(tenant: World.tenant) : try await world.manager.delete(world.integration.id)
        #expect(receipt.unknownWrites == [World.prospect("p1")])
        await turnstile.open()
        _ = try? await round
        world.platform.onStep(nil)
        try await peer.settle(within: .seconds(600))
        for index in ["job.state", "record", "integration.all", "log.integration", "lane", "link.key"] {
            let rows = await world.store.rows(matching: RowQuery(index, range: ""..<"\u{10FFFF}"))
            #expect(rows.map(\.content.id) == [], "\(index)")
        }
        #expect(await world.store.purge(.tenant(World.tenant), limit: 10) == 0)
    }

    @Test(arguments: [false, true])
    func nothingComesBackOfAPersonWhoWasErasedWhileHerRecordWasBeingWritten(isUpdate: Bool) async throws {
        let world = try await World.pushing()
        if isUpdate {
            try await world.create("p1", ["email": "ada@example.fr"])
            try await world.settle()
        }
        let peer = try await world.peer(seed: 5)
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"], event: "second")
        try await world.create("p2", ["email": "grace@example.com"])
        let turnstile = Turnstile()
        world.platform.onStep { step in
            if step.moment == .performed, ["upsert", "update"].contains(step.request.url.lastPathComponent) {
                await turnstile.pass()
            }
        }
        async let round = peer.sync()
        await turnstile.arrival()
        // Another process erases; it cannot wait for this one.
        let receipt = try await world.manager.erase(World.prospect("p1"))
        // An update leaves no record behind that nobody knows of.
        #expect(receipt.unknownWrites == (isUpdate ? [] : [World.prospect("p1")]))
        await turnstile.open()
        _ = try? await round
        world.platform.onStep(nil)
        try await peer.settle(within: .seconds(600))
        let key = "\(World.tenant)|\(World.prospect("p1").kind)|p1"
        #expect(await world.store.rows(matching: RowQuery("record", keys: [key])).map(\.content.id) == [])
        #expect(try await world.manager.why(World.prospect("p2")).description.contains("linked"))
        #expect(try await world.manager.why(World.prospect("p1")).description.hasPrefix("Nothing is known"))
    }
}
