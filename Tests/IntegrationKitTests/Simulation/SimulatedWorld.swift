// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting

@testable import IntegrationKit

/// A host with two processes, its tenants, the platform and the people who work there, on one manual clock.
///
/// Nothing in it runs beside anything else: where processes overlap, one stands still at a chosen place while the other
/// one works. So a history always ends in the same way.
actor SimulatedWorld: Surroundings {
    /// What the host knows of one of its tenants.
    struct Tenant {
        var name: String
        var portal: Int64
        var token: String
        var integration: String
        var plan: WorldHistory.Tenant
        var isErased = false
        /// Whether the host has to tell its records again.
        var needsResync = false
        var isMappingChanged = false
        /// Whether the integration was connected anew, or the store brought back from a backup.
        var isReborn = false
    }

    /// A record of the host, as the host knows it.
    struct HostRow {
        var reference: HostReference
        /// Stands in a field that nobody edits.
        var birth: String
        /// What the host wrote last.
        var written: [FieldName: FieldValue] = [:]
        var isDeleted = false
        /// How often it was made.
        var births = 1
    }

    /// An event that the host has to say.
    struct Saying {
        var tenant: Int
        var event: DomainEvent
        /// How wrong the clock was by which the event is dated.
        var skew: Double
    }

    let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    let platform: SimulatedHubSpot
    let records = InMemoryHostRecords()
    let evidence = Evidence()
    let air = Air()
    var store: InMemoryIntegrationStore
    var tenants: [Tenant] = []
    var processes: [SimulatedProcess] = []
    var integrations: [String] = []
    var rows: [HostReference: HostRow] = [:]
    /// Events that were not taken yet, in order.
    var outbox: [Saying] = []
    /// Events that were taken for an integration.
    var taken: [String: Saying] = [:]
    var backup: (store: InMemoryIntegrationStore, taken: [String: Saying])?
    var lives = 0
    /// Processes that stand still while the other one works: what waits for them would wait for itself.
    private var frozen: Set<Int> = []
    var skews: [Double] = [0, 0]
    var seed: UInt64
    var tracks = Tracks()
    /// The number of the last value that was written.
    var lastNumber = 0
    /// The process through which the host says things; nil: either.
    var speaker: Int?

    /// Makes the world in which a history happens.
    init(_ history: WorldHistory) async throws {
        seed = history.seed
        let template = try await ConnectedAccounts.shared.template(history.tenants.map(\.hasKeys))
        platform = template.platform.copy(seed: history.seed, time: clock.timeSource)
        store = await template.store.copy(time: clock.timeSource)
        for number in 0..<2 { processes.append(try await start(number)) }
        for (plan, connected) in zip(history.tenants, template.tenants) {
            var tenant = connected
            tenant.plan = plan
            tenants.append(tenant)
            integrations.append(tenant.integration)
            evidence.keepSecret(tenant.token)
            platform.configureAccount(tenant.portal) { account in
                account.searchLag = Duration.zero...Duration.seconds(plan.lag)
                if let burst = plan.burst { account.limits.burst = burst }
            }
            try await processes[0].manager.update(tenant.integration, settings: Self.settings(plan))
        }
    }

    /// Makes a world with accounts that are connected and nothing else.
    ///
    /// - Parameter keys: Which accounts take a property for our key.
    /// - Throws: What connecting throws.
    init(connecting keys: [Bool]) async throws {
        seed = 0
        let time = clock.timeSource
        platform = SimulatedHubSpot(seed: 0, time: time)
        store = InMemoryIntegrationStore(time: time)
        platform.configureApp { app in
            app.targetURL = "https://hooks.example.fr/hubspot"
            app.subscriptions = [
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "firstname", id: 1),
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "city", id: 2),
                SimulatedHubSpot.Subscription("contact.deletion", id: 3),
                SimulatedHubSpot.Subscription("contact.creation", id: 4),
                SimulatedHubSpot.Subscription("contact.merge", id: 5),
                SimulatedHubSpot.Subscription("deal.propertyChange", propertyName: "description", id: 6),
            ]
        }
        for number in 0..<2 { processes.append(try await start(number)) }
        for (number, hasKeys) in keys.enumerated() {
            var account = SimulatedHubSpot.Account(portalID: Int64(100 + number))
            account.limits = .none
            platform.addAccount(account)
            account.portalID += 100
            platform.addAccount(account)
            let token = platform.issueToken(for: Int64(100 + number))
            var tenant = Tenant(
                name: "t\(number)",
                portal: Int64(100 + number),
                token: token,
                integration: "",
                plan: WorldHistory.Tenant(hasKeys: hasKeys)
            )
            tenant.integration = try await connect(tenant)
            tenants.append(tenant)
        }
    }

    /// Starts a life of a process.
    func start(_ number: Int) async throws -> SimulatedProcess {
        lives += 1
        let clock = clock
        let fate = Fate(skew: skews[number])
        var time = TimeSource(clock: clock, now: { clock.wall.addingTimeInterval(fate.skew) })
        time.sleep = { duration in
            if duration <= .seconds(5) { return clock.advance(by: max(duration, .zero)) }
            // A deadline; the wire tells what comes too late.
            let (never, continuation) = AsyncStream<Void>.makeStream()
            for await _ in never {}
            continuation.finish()
            throw CancellationError()
        }
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: ProcessStore(store, process: number, fate, evidence, clock, self),
            tenantKeys: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "simulation",
            applications: [
                .hubSpot: [
                    ApplicationCredentials(
                        clientID: "11111111-2222-3333-4444-555555555555",
                        secrets: [Secret("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")],
                        redirectURL: URL(fileURLWithPath: "/")
                    )
                ]
            ],
            transport: Wire(
                platform: platform,
                process: number,
                fate: fate,
                evidence: evidence,
                clock: clock,
                air: air,
                world: self
            ),
            observers: [Watcher(evidence: evidence)],
            time: time,
            // Each life has a seed of its own: two with one seed would give their commits the same ids.
            random: SeededGenerator(seed: seed &* 1000 &+ UInt64(lives)).randomSource
        )
        return SimulatedProcess(
            number: number,
            fate: fate,
            manager: manager,
            coordinator: SyncCoordinator(manager, host: ProcessHost(records: records, fate: fate)),
            inbox: WebhookInbox(manager),
            time: time
        )
    }

    func connect(_ tenant: Tenant) async throws -> String {
        let integration = try await processes[0].manager.connect(
            .hubSpot,
            for: tenant.name,
            name: "HubSpot",
            form: ["access_token": tenant.token],
            settings: Self.settings(tenant.plan),
            provisions: tenant.plan.hasKeys
        )
        integrations.append(integration.id)
        return integration.id
    }

    private static func settings(_ plan: WorldHistory.Tenant) -> SyncSettings {
        SyncSettings(
            direction: plan.direction,
            frequency: .hourly,
            kinds: [.contact, .deal, .note],
            conflictPolicy: plan.conflicts,
            remoteDeletePolicy: plan.remoteDeletes,
            hostDeletePolicy: plan.hostDeletes,
            routes: [
                EventRoute(.prospectCreated, .create, .contact), EventRoute(.prospectUpdated, .update, .contact),
                EventRoute(.prospectDeleted, .delete, .contact),
                EventRoute(.documentSent, .create, .note, relations: [Self.toContact]),
                EventRoute(.appointmentCreated, .create, .deal, relations: [Self.toContact]),
                EventRoute(.appointmentUpdated, .update, .deal, relations: [Self.toContact]),
            ]
        )
    }

    private static let toContact = EventRoute.RelationRule("prospect", as: .contact)

    /// A process that lives; a dead one is started again.
    func living(_ number: Int) async throws -> SimulatedProcess {
        if processes[number].fate.isDead { processes[number] = try await start(number) }
        return processes[number]
    }

    // MARK: - Time

    /// Lets time pass; what is in the air arrives in its time.
    func pass(_ duration: Duration) async {
        let end = clock.now.advanced(by: duration)
        while let arrival = air.next(upTo: end) {
            if arrival > clock.now { clock.advance(by: clock.now.duration(to: arrival)) }
            await air.land(on: platform, at: clock.now)
        }
        if end > clock.now { clock.advance(by: clock.now.duration(to: end)) }
    }

    func freeze(process: Int, milliseconds: Int, othersWork: Bool, hostSaves: Int?) async {
        frozen.insert(process)
        defer { frozen.remove(process) }
        await pass(.milliseconds(milliseconds))
        if let hostSaves {
            let reference = HostReference(tenant: tenants[0].name, kind: "prospect", id: "p\(hostSaves % 4)")
            await save(0, reference, [.firstName, .city], number(0), by: 1 - process)
            if hostSaves >= 4 { await writeNote(0, reference, number(0), by: 1 - process) }
        }
        guard othersWork, !processes[1 - process].fate.isDead, !frozen.contains(1 - process) else { return }
        // The frozen process's own request may be cancelled meanwhile; the other one knows nothing of that.
        await Task { _ = await self.sync(1 - process) }.value
    }

    // MARK: - Work

    /// One round of a process; whatever goes wrong in it is part of the world.
    @discardableResult
    func sync(_ number: Int) async -> SyncReport? {
        guard let process = try? await living(number) else { return nil }
        await flush(process)
        return try? await process.coordinator.syncOnce(until: .now + .seconds(60))
    }

    /// Says what was not taken yet, in order.
    func flush(_ process: SimulatedProcess) async {
        while let saying = outbox.first {
            do {
                var event = saying.event
                // Whoever says it dates it; between two clocks a date means nothing.
                if saying.skew != process.fate.skew { event.occurredAt = process.time.now() }
                let receipt = try await process.coordinator.enqueue(event)
                if !(receipt.lines.first?.queued.isEmpty ?? true) || !(receipt.lines.first?.known.isEmpty ?? true) {
                    taken[saying.event.id] = saying
                } else if receipt.lines.first?.skipped.isEmpty == false {
                    tenants[saying.tenant].needsResync = true
                }
                outbox.removeAll { $0.event.id == saying.event.id }
            } catch {
                return
            }
        }
    }

    /// Says something through a process that lives.
    func say(
        _ kind: EventKind,
        _ reference: HostReference,
        _ tenant: Int,
        n: Int,
        _ fields: [FieldName: FieldValue],
        related: [RelatedRecord] = []
    ) async {
        guard let process = try? await living(speaker ?? (n / 100) % 2) else { return }
        let event = DomainEvent(
            kind,
            id: "e\(n)",
            of: reference.id,
            for: tenants[tenant].name,
            fields: fields,
            related: related,
            occurredAt: process.time.now()
        )
        outbox.append(Saying(tenant: tenant, event: event, skew: process.fate.skew))
        await flush(process)
    }
}
