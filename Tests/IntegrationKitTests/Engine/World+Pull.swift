// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// A store whose process dies: from a commit on, nothing is taken any more; it counts what it is asked.
final class CrashingStore: IntegrationStore {
    private struct State {
        var commitsLeft: Int?
        var commits = 0
        var reads = 0
        var putTypes: [String: Int] = [:]
    }
    private struct Died: Error {}
    private let inner: InMemoryIntegrationStore
    private let state = LockBox(State())

    init(_ inner: InMemoryIntegrationStore) {
        self.inner = inner
    }

    var commits: Int { state.withLock { $0.commits } }
    var reads: Int { state.withLock { $0.reads } }
    /// The rows put so far, by type.
    var putTypes: [String: Int] { state.withLock { $0.putTypes } }
    var hasDied: Bool { state.withLock { $0.commitsLeft == 0 } }

    /// Lets so many commits pass and dies at the next one.
    func die(after commits: Int) {
        state.withLock { $0.commitsLeft = commits }
    }

    func commit(_ changes: Changes) async throws {
        let isDead = state.withLock { state in
            if state.commitsLeft == 0 { return true }
            state.commitsLeft = state.commitsLeft.map { $0 - 1 }
            state.commits += 1
            for put in changes.puts { state.putTypes[put.id.type, default: 0] += 1 }
            return false
        }
        guard !isDead else { throw StoreFailure.refused(Died()) }
        try await inner.commit(changes)
    }

    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow] {
        state.withLock { $0.reads += 1 }
        return await inner.rows(ids)
    }

    func rows(matching query: RowQuery) async throws -> [StoredRow] {
        state.withLock { $0.reads += 1 }
        return await inner.rows(matching: query)
    }

    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int {
        state.withLock { $0.reads += 1 }
        return await inner.count(matching: query, upTo: limit)
    }

    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer { await inner.claimLanes(claim) }

    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease] {
        await inner.renew(leases, for: duration)
    }

    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int { await inner.purge(scope, limit: limit) }
}

extension World {
    /// Settings for contacts alone.
    static func contacts(
        _ policy: SyncSettings.ConflictPolicy = .platformWins,
        change: (inout SyncSettings) -> Void = { _ in }
    ) -> SyncSettings {
        var settings = SyncSettings(kinds: [.contact], conflictPolicy: policy)
        change(&settings)
        return settings
    }

    /// A world whose host's clock is wrong by some time, over a store that may be wrapped.
    init(
        skewed skew: Duration = .zero,
        seed: UInt64 = 1,
        settings: SyncSettings = World.contacts(),
        host: (any HostRecords)? = nil,
        over wrap: (InMemoryIntegrationStore) -> any IntegrationStore = { $0 },
        account: (inout SimulatedHubSpot.Account) -> Void = { _ in }
    ) async throws {
        let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        let hostTime = TimeSource(clock: clock, now: { clock.wall.addingTimeInterval(Double(skew.components.seconds)) })
        platform = SimulatedHubSpot(seed: seed, time: clock.timeSource)
        var opened = SimulatedHubSpot.Account(portalID: World.portal)
        opened.limits = .none
        account(&opened)
        platform.addAccount(opened)
        platform.configureApp { app in
            app.targetURL = "https://hooks.example.fr/hubspot"
            app.subscriptions = [
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "firstname", id: 1),
                SimulatedHubSpot.Subscription("contact.deletion", id: 2),
                SimulatedHubSpot.Subscription("contact.creation", id: 3),
                SimulatedHubSpot.Subscription("contact.merge", id: 4),
                SimulatedHubSpot.Subscription("contact.privacyDeletion", id: 5),
            ]
        }
        self.clock = clock
        token = platform.issueToken(for: World.portal)
        store = InMemoryIntegrationStore(time: hostTime)
        manager = try await World.manager(platform, wrap(store), store, hostTime, observer, seed: seed)
        integration = try await manager.connect(
            .hubSpot,
            for: World.tenant,
            name: "Mon HubSpot",
            form: ["access_token": token],
            settings: settings
        )
        coordinator = SyncCoordinator(manager, host: host ?? records)
    }

    /// The same world after the process was started again.
    init(restarting world: World, seed: UInt64 = 2, host: (any HostRecords)? = nil) async throws {
        clock = world.clock
        platform = world.platform
        store = world.store
        records = world.records
        observer = world.observer
        integration = world.integration
        token = world.token
        manager = try await World.manager(
            platform,
            store,
            store,
            world.clock.timeSource,
            world.observer,
            seed: seed
        )
        coordinator = SyncCoordinator(manager, host: host ?? records)
    }

    static func manager(
        _ transport: any HTTPTransport,
        _ store: any IntegrationStore,
        _ keys: InMemoryIntegrationStore,
        _ time: TimeSource,
        _ observer: RecordingObserver,
        seed: UInt64,
        providers: [any IntegrationProvider] = [.hubSpot]
    ) async throws -> IntegrationManager {
        try await IntegrationManager(
            providers: providers,
            store: store,
            tenantKeys: keys,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            applications: World.applications,
            transport: transport,
            observers: [observer],
            time: time,
            random: IntegrationKitTesting.SeededGenerator(seed: seed).randomSource
        )
    }

    /// A person makes a contact on the platform.
    @discardableResult
    func person(creates email: String?, _ properties: [String: String] = [:]) throws -> String {
        var properties = properties
        properties["email"] = email
        return try platform.create("contacts", in: World.portal, properties)
    }

    func person(edits id: String, _ properties: [String: String]) throws {
        try platform.edit("contacts", id, in: World.portal, properties)
    }

    func property(_ name: String, of id: String) -> String? {
        platform.record("contacts", id, in: World.portal)?.properties[name]
    }

    /// The host's record of a contact.
    func hostFields(of id: String) async -> [FieldName: FieldValue]? {
        guard let partner = await records.partner(of: RemoteID(.contact, id), in: integration.id) else { return nil }
        return await records.record(partner)?.fields
    }

    /// Reads all lists again, whole, and works until nothing is due.
    @discardableResult
    func sweep() async throws -> [SyncReport] {
        try await coordinator.pull(integration.id, sweep: true)
        return try await settle(within: .seconds(60))
    }

    /// Reads what changed and works until nothing is due soon.
    @discardableResult
    func pull() async throws -> [SyncReport] {
        try await coordinator.pull(integration.id)
        return try await settle(within: .seconds(90))
    }

    func letters() async throws -> [DeadLetter] { try await manager.deadLetters(of: integration.id) }
}

extension World {
    /// How many values the host wrote on the platform.
    var writes: Int {
        platform.history(of: World.portal).filter { effect in
            guard case .api = effect.source, effect.objectType == "contact" else { return false }
            return effect.kind != .propertyCreated
        }.count
    }

    /// The contact that carries an address, in any case.
    func contact(_ email: String) -> SimulatedHubSpot.Snapshot? {
        contacts().first { $0.properties["email"] == email.lowercased() }
    }

    /// Lets time pass in steps, working at each.
    func rest(for span: Duration, step: Duration = .seconds(7200)) async throws {
        var passed = Duration.zero
        while passed < span {
            clock.advance(by: step)
            passed += step
            _ = try await settle(within: .seconds(30))
        }
    }
}

extension FieldValue {
    var lowercased: String? {
        if case .text(let value) = self { value.lowercased() } else { nil }
    }
}
