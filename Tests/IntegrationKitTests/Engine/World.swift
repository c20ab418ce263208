// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// A host, a simulated HubSpot and the engine between them, all on one manual clock.
struct World: Working {
    let clock: ManualClock
    let platform: SimulatedHubSpot
    let store: InMemoryIntegrationStore
    var records = InMemoryHostRecords()
    var observer = RecordingObserver()
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let integration: Integration
    let token: String
    static let portal: Int64 = 42
    static let tenant = "tenant-42"
    static let applications: [PlatformID: [ApplicationCredentials]] = [
        .hubSpot: [
            ApplicationCredentials(
                clientID: "11111111-2222-3333-4444-555555555555",
                secrets: [Secret("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")],
                redirectURL: URL(fileURLWithPath: "/")
            )
        ]
    ]

    init(
        seed: UInt64 = 1,
        settings: SyncSettings = SyncSettings(),
        middlewares: [any HTTPMiddleware] = [],
        provisions: Bool = true,
        account: (inout SimulatedHubSpot.Account) -> Void = { _ in }
    ) async throws {
        try await self.init(
            seed: seed,
            settings: settings,
            middlewares: middlewares,
            provisions: provisions,
            options: EngineOptions(),
            account: account
        )
    }

    init(
        seed: UInt64,
        settings: SyncSettings,
        middlewares: [any HTTPMiddleware] = [],
        provisions: Bool = true,
        options: EngineOptions,
        account: (inout SimulatedHubSpot.Account) -> Void
    ) async throws {
        clock = ManualClock(skippingSleepsUpTo: .seconds(5))
        platform = SimulatedHubSpot(seed: seed, time: clock.timeSource)
        var opened = SimulatedHubSpot.Account(portalID: World.portal)
        account(&opened)
        platform.addAccount(opened)
        platform.configureApp { app in
            app.targetURL = "https://hooks.example.fr/hubspot"
            app.subscriptions = [
                SimulatedHubSpot.Subscription("contact.propertyChange", propertyName: "phone", id: 1),
                SimulatedHubSpot.Subscription("contact.deletion", id: 2),
                SimulatedHubSpot.Subscription("contact.creation", id: 3),
            ]
        }
        token = platform.issueToken(for: World.portal)
        store = InMemoryIntegrationStore(time: clock.timeSource)
        manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            applications: World.applications,
            transport: platform,
            middlewares: middlewares,
            observers: [observer],
            options: options,
            time: clock.timeSource,
            random: SeededGenerator(seed: seed).randomSource
        )
        integration = try await manager.connect(
            .hubSpot,
            for: World.tenant,
            name: "Mon HubSpot",
            form: ["access_token": token],
            settings: settings,
            provisions: provisions
        )
        coordinator = SyncCoordinator(manager, host: records)
    }

    static func prospect(_ id: String) -> HostReference {
        HostReference(tenant: tenant, kind: "prospect", id: id)
    }

    /// A prospect was created in the host; its record and its event.
    func create(_ id: String, _ fields: [FieldName: FieldValue], event: String? = nil) async throws {
        await records.edit(World.prospect(id), fields)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectCreated,
                id: event ?? "created-\(id)",
                of: id,
                for: World.tenant,
                fields: fields,
                occurredAt: clock.wall
            )
        )
    }

    func update(_ id: String, _ fields: [FieldName: FieldValue], event: String) async throws {
        await records.edit(World.prospect(id), fields)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectUpdated,
                id: event,
                of: id,
                for: World.tenant,
                fields: fields,
                occurredAt: clock.wall
            )
        )
    }

    func contacts() -> [SimulatedHubSpot.Snapshot] { platform.records("contacts", in: World.portal) }
}

/// One process of the host on a manual clock.
protocol Working {
    var coordinator: SyncCoordinator { get }
    var clock: ManualClock { get }
}

extension Working {
    func sync() async throws -> SyncReport {
        try await coordinator.syncOnce(until: .now + .seconds(60))
    }

    /// Works, and lets time pass, until nothing is due within the span.
    @discardableResult
    func settle(within span: Duration = .seconds(600)) async throws -> [SyncReport] {
        var reports: [SyncReport] = []
        var passed = Duration.zero
        for _ in 0..<2000 {
            let report = try await sync()
            reports.append(report)
            guard let due = report.nextDue, passed + due <= span else { break }
            let step = max(due, .milliseconds(10))
            clock.advance(by: step)
            passed += step
        }
        return reports
    }
}
