// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// Several processes over one store spend one limit together.
@Suite struct AllotmentTests {
    private static let count = 128

    /// Spans of ten seconds that so many calls need at our share, the last of which need not be waited for.
    private static func spans(_ calls: Int, share: Int) -> Double { Double(calls - share) / Double(share) }

    @Test(arguments: [true, false], [0, 7] as [Double])
    func `Two processes work a backlog off at 95 per cent of our share, whatever their clocks show`(
        tells: Bool,
        skew: Double
    ) async throws {
        let desk = try await TightDesk(limit: 20, tells: tells)
        let first = try await desk.process(skew: skew)
        let second = try await desk.process(skew: -skew)
        try await desk.connect(first)
        try await desk.enqueue(Self.count, through: first)
        let start = desk.clock.now
        try await desk.settle([first, second])
        let state = desk.platform.state
        #expect(state.ours == Self.count)
        #expect(state.refused == 0)
        let last = try #require(state.accepted.last)
        let taken = (last - start.offset) / TightPlatform.span
        #expect(taken <= Self.spans(Self.count, share: 16) / 0.95, "\(taken) spans")
        #expect(first.calls > 0 && second.calls > 0)
    }

    @Test func `Two processes stay under the documented limit of a HubSpot account and use 95 per cent of it`()
        async throws
    {
        var options = EngineOptions()
        options.lanesPerIntegration = 1
        let world = try await World.pushing(options: options) {
            $0.limits.burst = 100
        }
        let peer = try await world.peer(options: options)
        world.clock.advance(by: .seconds(60))
        let before = world.platform.calls.count
        try await world.coordinator.enqueue(
            (0..<150).map { world.event(.prospectCreated, "e\($0)", of: "p\($0)", ["email": .text("p\($0)@a.fr")]) }
        )
        let start = Int64(world.clock.wall.timeIntervalSince1970 * 1000)
        try await work([world.coordinator, peer.coordinator], world.clock)
        let calls = world.platform.calls[before...]
        #expect(world.contacts().count == 150)
        #expect(calls.count { $0.status == 429 } == 0)
        let last = try #require(calls.last)
        let taken = Double(last.time - start) / 10_000
        #expect(taken <= Self.spans(calls.count, share: 90) / 0.95, "\(taken) spans for \(calls.count) calls")
    }

    @Test func `What a process holds that stands still lapses, and what it does on waking breaks no limit`()
        async throws
    {
        let desk = try await TightDesk(limit: 20, tells: false)
        let still = try await desk.process()
        let others = [try await desk.process(), try await desk.process()]
        try await desk.connect(still)
        try await desk.enqueue(Self.count, through: still)
        let turnstile = Turnstile()
        still.hold.withLock { $0 = turnstile }
        async let frozen = still.coordinator.syncOnce(until: .now + .seconds(60))
        await turnstile.arrival()
        let start = desk.clock.now
        try await desk.settle(others, within: .seconds(28))
        // In 20 seconds there is room for three times our share, less the four that stood still for lapse and span.
        #expect(desk.platform.state.ours >= 3 * 16 - 4)
        #expect(start.duration(to: desk.clock.now) <= .seconds(30))
        still.hold.withLock { $0 = nil }
        await turnstile.open()
        _ = try await frozen
        try await desk.settle(others + [still])
        #expect(desk.platform.state.ours == Self.count)
        #expect(desk.platform.state.refused == 0)
    }

    @Test func `A restart in the middle of a day keeps the day's count`() async throws {
        let desk = try await TightDesk(limit: 1000, rule: .quota(100, resetsAt: nil))
        let first = try await desk.process()
        try await desk.connect(first)
        try await desk.enqueue(50, through: first)
        try await desk.settle([first])
        #expect(desk.platform.state.ours == 50)
        let second = try await desk.process()
        try await desk.enqueue(Self.count, from: 50, through: second)
        try await desk.settle([second], within: .seconds(600))
        // What the first process held when it ended counts as spent: ten at the most.
        #expect(70...80 ~= desk.platform.state.ours, "\(desk.platform.state.ours) calls")
    }

    @Test(arguments: [FaultyStore.Fault.refused, .unknownLost])
    func `A store that takes no allotment stops no work`(fault: FaultyStore.Fault) async throws {
        let desk = try await TightDesk(limit: 20, tells: false)
        let only = try await desk.process()
        try await desk.connect(only)
        only.store.fail { _, changes in changes.puts.contains { $0.id.type == "budget" } ? fault : nil }
        try await desk.enqueue(60, through: only)
        let start = desk.clock.now
        try await desk.settle([only])
        #expect(desk.platform.state.ours == 60)
        #expect(desk.platform.state.refused == 0)
        #expect(start.duration(to: desk.clock.now) <= .seconds(60))
    }

    @Test func `A process that is alone commits a few times a span, and never while idle`() async throws {
        let desk = try await TightDesk(limit: 100, tells: false)
        let only = try await desk.process()
        try await desk.connect(only)
        let draws = LockBox(0)
        only.store.beforeCommit { changes in
            if changes.puts.contains(where: { $0.id.type == "budget" }) { draws.withLock { $0 += 1 } }
        }
        try await desk.enqueue(Self.count, through: only)
        try await desk.settle([only])
        #expect(desk.platform.state.ours == Self.count)
        let drawn = draws.withLock { $0 }
        #expect(drawn <= 16, "\(drawn) commits for \(Self.count) calls")
        for _ in 0..<20 {
            desk.clock.advance(by: .seconds(60))
            _ = try await only.coordinator.syncOnce(until: .now + .seconds(60))
        }
        #expect(draws.withLock { $0 } == drawn)
    }
}

/// Works with several processes at once, and lets time pass, until nothing is due within the span.
private func work(
    _ coordinators: [SyncCoordinator],
    _ clock: ManualClock,
    within span: Duration = .seconds(3600)
) async throws {
    var passed = Duration.zero
    for _ in 0..<2000 {
        let due = try await withThrowingTaskGroup(of: Duration?.self) { group in
            for coordinator in coordinators {
                group.addTask { try await coordinator.syncOnce(until: .now + .seconds(60)).nextDue }
            }
            return try await group.compactMap(\.self).min()
        }
        guard let due, passed + due <= span else { break }
        let step = max(due, .milliseconds(10))
        clock.advance(by: step)
        passed += step
    }
}

/// A tight platform, a store and as many processes of the host as a test wants.
private struct TightDesk {
    let clock = ManualClock(skippingSleepsUpTo: .seconds(1))
    let platform: TightPlatform
    let store: InMemoryIntegrationStore
    let limit: Int
    let rule: Budget.Rule?

    init(limit: Int, tells: Bool = false, rule: Budget.Rule? = nil) async throws {
        platform = TightPlatform(clock, limit: limit, tells: tells)
        store = InMemoryIntegrationStore(time: clock.timeSource)
        self.limit = limit
        self.rule = rule
    }

    func process(skew: Double = 0) async throws -> TightProcess {
        let clock = clock
        var options = EngineOptions()
        options.lanesPerIntegration = 4
        return try await TightProcess(
            platform,
            FaultyStore(store),
            keys: store,
            TightProvider(limit: limit, rule: rule),
            options,
            TimeSource(clock: clock, now: { clock.wall.addingTimeInterval(skew) })
        )
    }

    func connect(_ process: TightProcess) async throws {
        try await process.manager.connect(
            TightProvider.platform,
            for: "t",
            name: "Tight",
            form: ["key": "k"],
            settings: SyncSettings(direction: .push, frequency: .manual, reserve: 0.2)
        )
    }

    func enqueue(_ count: Int, from first: Int = 0, through process: TightProcess) async throws {
        try await process.coordinator.enqueue(
            (first..<first + count).map {
                DomainEvent(
                    .prospectCreated,
                    id: "e\($0)",
                    of: "p\($0)",
                    for: "t",
                    fields: ["name": .text("Ada \($0)")]
                )
            }
        )
    }

    func settle(_ processes: [TightProcess], within span: Duration = .seconds(3600)) async throws {
        try await work(processes.map(\.coordinator), clock, within: span)
    }
}

/// One process, whose calls can be held up before their bytes leave.
private final class TightProcess: Sendable {
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let store: FaultyStore
    let hold: LockBox<Turnstile?>
    private let made: LockBox<Int>
    private struct Line: HTTPTransport {
        let platform: TightPlatform
        let hold: LockBox<Turnstile?>
        let made: LockBox<Int>

        func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
            made.withLock { $0 += 1 }
            await hold.withLock { $0 }?.pass()
            return try await platform.send(request, context: context)
        }
    }

    init(
        _ platform: TightPlatform,
        _ store: FaultyStore,
        keys: InMemoryIntegrationStore,
        _ provider: TightProvider,
        _ options: EngineOptions,
        _ time: TimeSource
    ) async throws {
        hold = LockBox(nil)
        made = LockBox(0)
        let line = Line(platform: platform, hold: hold, made: made)
        self.store = store
        manager = try await IntegrationManager(
            providers: [provider],
            store: store,
            tenantKeys: keys,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: line,
            options: options,
            time: time
        )
        coordinator = SyncCoordinator(manager)
    }

    var calls: Int { made.withLock { $0 } }
}
