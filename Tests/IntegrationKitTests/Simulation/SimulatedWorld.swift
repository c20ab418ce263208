// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting

@testable import IntegrationKit

/// A host with two processes, its tenants, the platforms and the people who work there, on one manual clock.
///
/// Nothing in it runs beside anything else: where processes overlap, one stands still at a chosen place while the other
/// one works. So a history always ends in the same way.
actor SimulatedWorld: Surroundings {
    /// What the host knows of one of its tenants.
    struct Tenant {
        var name: String
        /// The account on HubSpot.
        var portal: Int64
        /// The shop beside it; nil: there is none.
        var home: String?
        /// The accounts on the platforms, that on HubSpot first.
        var accounts: [Account]
        var isErased = false

        var hubSpot: Account {
            get { accounts[0] }
            set { accounts[0] = newValue }
        }
        /// Whether an integration was connected anew, or the store brought back from a backup.
        var isReborn: Bool { accounts.contains(where: \.isReborn) }
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
    let shop: SimulatedWooCommerce
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
    /// How many changes from a platform were told to the tenant's other one.
    var passedOn = 0

    /// Makes the world in which a history happens.
    init(_ history: WorldHistory) async throws {
        seed = history.seed
        let template = try await ConnectedAccounts.shared.template(history.tenants)
        platform = template.platform.copy(seed: history.seed, time: clock.timeSource)
        shop = template.shop.copy(seed: history.seed, time: clock.timeSource)
        store = await template.store.copy(time: clock.timeSource)
        for number in 0..<2 { processes.append(try await start(number)) }
        for (plan, connected) in zip(history.tenants, template.tenants) {
            var tenant = connected
            for (place, plan) in [plan, plan.shop?.plan].compactMap(\.self).enumerated() {
                tenant.accounts[place].plan = plan
                let account = tenant.accounts[place]
                integrations.append(account.integration)
                evidence.keepSecret(account.token)
                try await processes[0].manager.update(account.integration, settings: Self.settings(account))
            }
            tenants.append(tenant)
            platform.configureAccount(tenant.portal) { account in
                account.searchLag = Duration.zero...Duration.seconds(plan.lag)
                if let burst = plan.burst { account.limits.burst = burst }
            }
        }
    }

    /// Makes a world with accounts that are connected and nothing else.
    ///
    /// - Parameter plans: Which accounts take a property for our key, and beside which there is a shop.
    /// - Throws: What connecting throws.
    init(connecting plans: [WorldHistory.Tenant]) async throws {
        seed = 0
        let time = clock.timeSource
        platform = SimulatedHubSpot(seed: 0, time: time)
        shop = SimulatedWooCommerce(seed: 0, time: time)
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
        for (number, plan) in plans.enumerated() {
            var account = SimulatedHubSpot.Account(portalID: Int64(100 + number))
            account.limits = .none
            platform.addAccount(account)
            account.portalID += 100
            platform.addAccount(account)
            let portal = Int64(100 + number)
            let hubSpot = Account(
                site: .hubSpot(portal: portal),
                token: platform.issueToken(for: portal),
                plan: WorldHistory.Tenant(hasKeys: plan.hasKeys)
            )
            var tenant = Tenant(name: "t\(number)", portal: portal, accounts: [hubSpot])
            tenant.hubSpot.integration = try await connect(tenant)
            if let plan = plan.shop { try await openShop(number, plan, for: &tenant) }
            tenants.append(tenant)
        }
    }

    /// Opens a shop and connects it; it sends webhooks.
    private func openShop(_ number: Int, _ plan: WorldHistory.Tenant.Shop, for tenant: inout Tenant) async throws {
        let home = "https://shop\(number).example"
        shop.addShop(SimulatedWooCommerce.Shop(home: home))
        let key = try shop.issueKey(in: home)
        var account = Account(
            site: .shop(home: home),
            token: Data("\(key.consumerKey):\(key.consumerSecret)".utf8).base64EncodedString(),
            plan: plan.plan
        )
        let manager = processes[0].manager
        account.integration = try await manager.connect(
            .wooCommerce,
            for: tenant.name,
            name: "Shop",
            form: ["store_url": home, "consumer_key": key.consumerKey, "consumer_secret": key.consumerSecret],
            settings: Self.settings(account)
        ).id
        try await manager.subscribe(account.integration, at: URL(string: "https://hooks.example.fr/shop"))
        _ = shop.takeDeliveries(in: home)
        integrations.append(account.integration)
        tenant.home = home
        tenant.accounts.append(account)
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
        // One write after the other: which of two a fault hits must not hang on threads.
        var options = EngineOptions()
        options.writesInFlight = 1
        let manager = try await IntegrationManager(
            providers: [.hubSpot, .wooCommerce],
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
                platforms: Platforms(hubSpot: platform, shop: shop),
                process: number,
                fate: fate,
                evidence: evidence,
                clock: clock,
                air: air,
                world: self
            ),
            observers: [Watcher(evidence: evidence)],
            options: options,
            time: time,
            // Each life has a seed of its own: two with one seed would give their commits the same ids.
            random: SeededGenerator(seed: seed &* 1000 &+ UInt64(lives)).randomSource
        )
        return SimulatedProcess(
            number: number,
            fate: fate,
            manager: manager,
            coordinator: SyncCoordinator(
                manager,
                host: ProcessHost(records: records, process: number, fate: fate, world: self)
            ),
            inbox: WebhookInbox(manager),
            time: time
        )
    }

    func connect(_ tenant: Tenant) async throws -> String {
        let integration = try await processes[0].manager.connect(
            .hubSpot,
            for: tenant.name,
            name: "HubSpot",
            form: ["access_token": tenant.hubSpot.token],
            settings: Self.settings(tenant.hubSpot),
            provisions: tenant.hubSpot.plan.hasKeys
        )
        integrations.append(integration.id)
        return integration.id
    }

    private static func settings(_ account: Account) -> SyncSettings {
        var settings = SyncSettings(
            direction: account.plan.direction,
            frequency: .hourly,
            kinds: [.contact, .deal, .note],
            conflictPolicy: account.plan.conflicts,
            remoteDeletePolicy: account.plan.remoteDeletes,
            hostDeletePolicy: account.plan.hostDeletes,
            routes: [
                EventRoute(.prospectCreated, .create, account.person),
                EventRoute(.prospectUpdated, .update, account.person),
                EventRoute(.prospectDeleted, .delete, account.person),
            ]
        )
        if account.isShop {
            settings.kinds = account.sells ? [.customer, .product, .order] : [.customer]
            if account.sells { settings.routes? += Self.sales }
            // The shop mails those whom it makes an account for.
            settings.mayNotifyPeople = true
        } else {
            settings.routes? += [
                EventRoute(.documentSent, .create, .note, relations: [Self.toContact]),
                EventRoute(.appointmentCreated, .create, .deal, relations: [Self.toContact]),
                EventRoute(.appointmentUpdated, .update, .deal, relations: [Self.toContact]),
            ]
        }
        return settings
    }

    /// Products and orders, whose customers are prospects here.
    private static let sales = WooCommerceProvider().descriptor.routes.compactMap { route -> EventRoute? in
        var route = route
        guard route.event == .productUpdated || route.event == .orderCreated else { return nil }
        for place in route.relations.indices where route.relations[place].hostKind == "customer" {
            route.relations[place].hostKind = "prospect"
        }
        return route
    }

    static let toContact = EventRoute.RelationRule("prospect", as: .contact)

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
            await air.land(on: Platforms(hubSpot: platform, shop: shop), at: clock.now)
        }
        if end > clock.now { clock.advance(by: clock.now.duration(to: end)) }
    }

    func freeze(process: Int, milliseconds: Int, othersWork: Bool, hostSaves: Int?) async {
        frozen.insert(process)
        defer { frozen.remove(process) }
        // What happens meanwhile is none of what the process that stands still brings to the host.
        await InboundOrigin.$current.withValue(nil) {
            await stand(process, milliseconds, othersWork: othersWork, hostSaves: hostSaves)
        }
    }

    private func stand(_ process: Int, _ milliseconds: Int, othersWork: Bool, hostSaves: Int?) async {
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
                note(receipt, of: saying)
                outbox.removeAll { $0.event.id == saying.event.id }
            } catch {
                return
            }
        }
    }

    /// Notes who took what was said, and who has to be told again.
    private func note(_ receipt: EnqueueReceipt, of saying: Saying) {
        guard let line = receipt.lines.first else { return }
        if !line.queued.isEmpty || !line.known.isEmpty { taken[saying.event.id] = saying }
        for (place, account) in tenants[saying.tenant].accounts.enumerated() {
            guard line.skipped[account.integration] != nil, account.takes(saying.event.record.kind) else { continue }
            tenants[saying.tenant].accounts[place].needsResync = true
        }
    }

    /// Tells a tenant's other platform what one of them has changed here, as a host does in its own transaction.
    func passOn(by number: Int) async {
        let all = await records.applied
        for change in all[passedOn...] {
            passedOn += 1
            guard let tenant = tenants.firstIndex(where: { $0.name == change.host?.tenant }),
                tenants[tenant].accounts.count > 1, let proposed = change.host, proposed.kind == "prospect"
            else { continue }
            let reference = await records.partner(of: change.remote, in: change.integration) ?? proposed
            await passOn(change, about: reference, tenant, by: processes[number])
        }
    }

    private func passOn(
        _ change: InboundChange,
        about reference: HostReference,
        _ tenant: Int,
        by process: SimulatedProcess
    ) async {
        let kind: EventKind
        switch change.action {
        case .create: kind = .prospectCreated
        case .update: kind = .prospectUpdated
        case .delete: kind = .prospectDeleted
        case .merge, .privacy: return
        }
        let n = number(0)
        if kind == .prospectDeleted {
            rows[reference]?.isDeleted = true
            rows[reference]?.written = [:]
            tracks.deletedHere.insert(reference)
        }
        for (name, value) in change.fields {
            guard case .text(let text) = value, let mark = Mark(in: text) else { continue }
            let home = mark.isHosts ? mark.id : tracks.homes[mark.text] ?? reference.id
            tracks.homes[mark.text] = home
            // A person merged records, or took away what told whose a record is.
            if home != reference.id { tracks.strayed.insert(mark.text) }
            tracks.arrived["\(reference.tenant) \(reference.id) \(name.rawValue) \(mark.text)"] = n
        }
        let event = DomainEvent(
            kind,
            id: "e\(n)",
            of: reference.id,
            for: reference.tenant,
            fields: change.fields,
            occurredAt: process.time.now(),
            origin: DomainEvent.Origin(integration: change.integration, remote: change.remote)
        )
        outbox.append(Saying(tenant: tenant, event: event, skew: process.fate.skew))
        // Some hosts say it within their transaction, some after it.
        if n.isMultiple(of: 2), outbox.count == 1 { await flush(process) }
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
