// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting

@testable import IntegrationKit

/// What can befall one life of a host's process.
final class Fate: Sendable {
    private struct State: Sendable {
        var isDead = false
        var traps: [Step.Trap] = []
        var skew: Double
        var storeFault: (fault: Step.StoreFault, commits: Int)?
        var sendBy: Date?
    }
    private let state: LockBox<State>

    init(skew: Double) {
        state = LockBox(State(skew: skew))
    }

    var isDead: Bool { state.withLock { $0.isDead } }
    var skew: Double { state.withLock { $0.skew } }
    /// Until when the last create that was committed may leave.
    var sendBy: Date? { state.withLock { $0.sendBy } }

    func die() { state.withLock { $0.isDead = true } }

    func skew(by seconds: Double) { state.withLock { $0.skew = seconds } }

    func arm(_ trap: Step.Trap) { state.withLock { $0.traps.append(trap) } }

    func disarm() { state.withLock { $0.traps = [] } }

    func failStore(_ fault: Step.StoreFault?, at commit: Int = 0) {
        state.withLock { $0.storeFault = fault.map { ($0, commit) } }
    }

    func mayLeave(until date: Date) {
        state.withLock { $0.sendBy = max($0.sendBy ?? date, date) }
    }

    /// Comes to a place; returns what happens there.
    func reach(_ place: Step.Trap.Place) -> Step.Trap.Event? {
        state.withLock { state in
            guard let next = state.traps.firstIndex(where: { $0.place == place }) else { return nil }
            state.traps[next].count -= 1
            return state.traps[next].count > 0 ? nil : state.traps.remove(at: next).event
        }
    }

    /// Comes to a commit; returns how it goes wrong.
    func storeFault() -> Step.StoreFault? {
        state.withLock { state in
            guard var next = state.storeFault else { return nil }
            next.commits -= 1
            state.storeFault = next.commits > 0 ? next : nil
            return next.commits > 0 ? nil : next.fault
        }
    }
}

/// One life of a process of the host: its library on the world's store and platforms.
struct SimulatedProcess: Sendable {
    let number: Int
    let fate: Fate
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let inbox: WebhookInbox
    let time: TimeSource
}

/// What the parts of a process ask of the world around it.
protocol Surroundings: AnyObject, Sendable {
    /// A process stands still.
    func freeze(process: Int, milliseconds: Int, othersWork: Bool, hostSaves: Int?) async
    /// The host's table was changed by what a process brought.
    func passOn(by process: Int) async
    /// The integrations that there ever were.
    var integrations: [String] { get async }
}

struct Died: Error {}

/// The world's store as one process has it.
///
/// It hands out one integration's lanes at a time, so that nothing in a world runs beside anything else and a seed
/// replays.
struct ProcessStore: IntegrationStore {
    let inner: InMemoryIntegrationStore
    let process: Int
    let fate: Fate
    let evidence: Evidence
    let clock: ManualClock
    unowned let world: any Surroundings
    private let start: ManualClock.Instant

    init(
        _ inner: InMemoryIntegrationStore,
        process: Int,
        _ fate: Fate,
        _ evidence: Evidence,
        _ clock: ManualClock,
        _ world: any Surroundings
    ) {
        self.inner = inner
        self.process = process
        self.fate = fate
        self.evidence = evidence
        self.clock = clock
        self.world = world
        start = ManualClock.Instant()
    }

    private var now: Duration { start.duration(to: clock.now) }

    private func alive() throws {
        if fate.isDead { throw StoreFailure.refused(Died()) }
    }

    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        try alive()
        return await inner.rows(ids)
    }

    func rows(matching query: RowQuery) async throws -> [StoredRow] {
        try alive()
        return await inner.rows(matching: query)
    }

    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        try alive()
        return await inner.count(matching: query, upTo: limit)
    }

    func commit(_ changes: Changes) async throws {
        try alive()
        try await pass(.committing)
        switch fate.storeFault() {
        case .refused: throw StoreFailure.refused(Died())
        case .unknownLost: throw StoreFailure.outcomeUnknown(Died())
        case .unknownDone:
            try await take(changes)
            throw StoreFailure.outcomeUnknown(Died())
        case nil: break
        }
        try await take(changes)
        try await pass(.committed)
    }

    private func take(_ changes: Changes) async throws {
        try await inner.commit(changes)
        evidence.committed(changes, by: process, at: now)
        for put in changes.puts where put.indexes.contains(where: { $0.name == "job.sent" }) {
            let job = try RecordCoding.decode(SyncJob.self, from: put.body)
            if case .sent(let attempt) = job.state { fate.mayLeave(until: attempt.sendBy) }
        }
    }

    private func pass(_ place: Step.Trap.Place) async throws {
        switch fate.reach(place) {
        case .death:
            fate.die()
            throw StoreFailure.refused(Died())
        case .freeze(let milliseconds, let othersWork, let prospect):
            await world.freeze(
                process: process,
                milliseconds: milliseconds,
                othersWork: othersWork,
                hostSaves: prospect
            )
        case nil: break
        }
    }

    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer {
        try alive()
        let all = await world.integrations
        var nextDue: Duration?
        var storeTime = clock.wall
        for integration in all where !claim.skipping.contains(integration) {
            var one = claim
            one.skipping = Set(all).subtracting([integration])
            let answer = await inner.claimLanes(one)
            storeTime = answer.storeTime
            guard answer.lanes.isEmpty else {
                evidence.claimed(answer.lanes, by: process, at: now)
                return answer
            }
            nextDue = [nextDue, answer.nextDue].compactMap(\.self).min()
        }
        return ClaimAnswer(lanes: [], nextDue: nextDue, storeTime: storeTime)
    }

    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        try alive()
        let renewed = await inner.renew(leases, for: duration)
        evidence.renewed(renewed, at: now)
        return renewed
    }

    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int {
        try alive()
        return await inner.purge(scope, limit: limit)
    }
}

/// Bytes that left a process which is no more, and arrive later.
final class Air: Sendable {
    private struct Flight: Sendable {
        var request: HTTPRequest
        var context: OperationContext
        var arrives: ManualClock.Instant
    }
    private let flights = LockBox<[Flight]>([])
    /// Calls that arrived after their process had ended.
    let landings = LockBox<Set<Landing>>([])

    func add(_ request: HTTPRequest, _ context: OperationContext, arrives: ManualClock.Instant) {
        flights.withLock { $0.append(Flight(request: request, context: context, arrives: arrives)) }
    }

    /// The next arrival up to a moment.
    func next(upTo moment: ManualClock.Instant) -> ManualClock.Instant? {
        flights.withLock { $0.map(\.arrives).filter { $0 <= moment }.min() }
    }

    /// Lets arrive what is due.
    func land(on platforms: Platforms, at now: ManualClock.Instant) async {
        let due = flights.withLock { flights in
            let due = flights.filter { $0.arrives <= now }
            flights.removeAll { $0.arrives <= now }
            return due
        }
        for flight in due {
            landings.withLock { _ = $0.insert(platforms.nextCall(flight.context)) }
            _ = try? await platforms.send(flight.request, context: flight.context)
        }
    }
}

/// The network between one process and the platforms.
struct Wire: HTTPTransport {
    let platforms: Platforms
    let process: Int
    let fate: Fate
    let evidence: Evidence
    let clock: ManualClock
    let air: Air
    unowned let world: any Surroundings

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        if !evidence.mayCall() { fate.die() }
        guard !fate.isDead else { throw broken(mayHaveHappened: false) }
        let start = clock.now
        // By the store's clock, which is right.
        let wall = clock.wall
        evidence.willSend(
            request,
            of: process,
            lateness: fate.sendBy.map { wall.timeIntervalSince($0) },
            at: start.offset
        )
        if request.effect == .write {
            switch fate.reach(.sending) {
            case .death(let arrival):
                fate.die()
                evidence.ended(request, nil)
                if let arrival {
                    air.add(request, context, arrives: clock.now.advanced(by: .milliseconds(arrival)))
                }
                throw broken(mayHaveHappened: true)
            case .freeze(let milliseconds, let othersWork, let prospect):
                await world.freeze(
                    process: process,
                    milliseconds: milliseconds,
                    othersWork: othersWork,
                    hostSaves: prospect
                )
            case nil: break
            }
        }
        var response: HTTPResponse
        do {
            response = try await platforms.send(request, context: context)
        } catch {
            let isSure = (error as? IntegrationError).map { !$0.mayHaveHappened } ?? false
            if !isSure { evidence.ended(request, nil) }
            throw error
        }
        response.headers["Date"] = HTTPDate.text(clock.wall)
        switch fate.reach(request.effect == .write ? .sent : .read) {
        case .death:
            fate.die()
            evidence.ended(request, nil)
            throw broken(mayHaveHappened: true)
        case .freeze(let milliseconds, let othersWork, let prospect):
            await world.freeze(
                process: process,
                milliseconds: milliseconds,
                othersWork: othersWork,
                hostSaves: prospect
            )
        case nil: break
        }
        guard !fate.isDead, start.duration(to: clock.now) <= context.timeout else {
            evidence.ended(request, nil)
            throw broken(mayHaveHappened: true)
        }
        evidence.ended(request, response)
        return response
    }

    private func broken(mayHaveHappened: Bool) -> IntegrationError {
        IntegrationError(
            .network,
            "The simulated connection broke.",
            retry: .after(nil),
            concerns: .account,
            mayHaveHappened: mayHaveHappened
        )
    }
}

/// The host's table as one process has it.
struct ProcessHost: HostRecords {
    let records: InMemoryHostRecords
    let process: Int
    let fate: Fate
    unowned let world: any Surroundings

    func current(_ records: [HostReference]) async throws -> [HostReference: HostRecord] {
        if fate.isDead { throw Died() }
        return await self.records.current(records)
    }

    func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome] {
        if fate.isDead { throw Died() }
        let outcomes = await records.apply(changes)
        await world.passOn(by: process)
        return outcomes
    }
}
