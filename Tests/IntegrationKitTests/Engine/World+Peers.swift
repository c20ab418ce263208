// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting

/// Another process of the host on the world's store.
struct Peer: Working {
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let observer: RecordingObserver
    let clock: ManualClock
}

extension World {
    /// Starts another process; on another store if one is given, which must share the world's keys.
    func peer(seed: UInt64 = 99, store: (any IntegrationStore)? = nil) async throws -> Peer {
        let observer = RecordingObserver()
        let manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store ?? self.store,
            tenantKeys: self.store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: platform,
            observers: [observer],
            time: clock.timeSource,
            random: IntegrationKitTesting.SeededGenerator(seed: seed).randomSource
        )
        let coordinator = SyncCoordinator(manager, host: records)
        return Peer(manager: manager, coordinator: coordinator, observer: observer, clock: clock)
    }

    /// A world that only pushes, so that no pull comes between.
    static func pushing(
        seed: UInt64 = 1,
        settings: (inout SyncSettings) -> Void = { _ in },
        options: EngineOptions = EngineOptions(),
        account: (inout SimulatedHubSpot.Account) -> Void = { _ in }
    ) async throws -> World {
        var pushing = SyncSettings(direction: .push, frequency: .manual)
        settings(&pushing)
        return try await World(seed: seed, settings: pushing, options: options, account: account)
    }

    /// A world whose account has no property for our key.
    static func withoutKeys() async throws -> World {
        try await World(settings: SyncSettings(direction: .push, frequency: .manual), provisions: false)
    }

    /// How many records of a type were ever created through the API, by the platform's own history.
    func creations(_ type: String) -> Int {
        platform.history(of: World.portal).filter { effect in
            if case .api = effect.source { return effect.kind == .created && effect.objectType == type }
            return false
        }.count
    }

    /// The values that a property took, in order.
    func values(_ property: String, of type: String = "contact") -> [String] {
        platform.history(of: World.portal).filter { $0.objectType == type }.compactMap { $0.values[property] }
    }

    func statistics() async throws -> IntegrationStatistics {
        try await manager.statistics(of: integration.id)
    }

    func deadLetters() async throws -> [DeadLetter] {
        try await manager.deadLetters(of: integration.id)
    }

    /// A prospect's event; `at` seconds before now.
    func event(
        _ kind: EventKind,
        _ id: String,
        of record: String,
        _ fields: [FieldName: FieldValue] = [:],
        related: [RelatedRecord] = [],
        at seconds: Double = 0
    ) -> DomainEvent {
        DomainEvent(
            kind,
            id: id,
            of: record,
            for: World.tenant,
            fields: fields,
            related: related,
            occurredAt: clock.wall.addingTimeInterval(-seconds)
        )
    }

    static let withDeletes: [EventRoute] = [
        EventRoute(.prospectCreated, .create, .contact), EventRoute(.prospectUpdated, .update, .contact),
        EventRoute(.prospectDeleted, .delete, .contact),
        EventRoute(.documentSent, .create, .note, relations: [EventRoute.RelationRule("prospect", as: .contact)]),
        EventRoute(.appointmentCreated, .create, .deal, relations: [EventRoute.RelationRule("prospect", as: .contact)]),
    ]
}

/// A gate that a test opens: who comes first waits for it, others pass.
actor Turnstile {
    private var isOpen = false
    private var hasArrival = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []

    /// Waits until the gate is opened.
    func pass() async {
        hasArrival = true
        for arrival in arrivals { arrival.resume() }
        arrivals = []
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Waits until somebody stands at the gate.
    func arrival() async {
        guard !hasArrival else { return }
        await withCheckedContinuation { arrivals.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

extension IntegrationStatistics {
    /// Whether nothing waits, is under way or stopped.
    var isEmpty: Bool { queued + sent + blocked == 0 }
}
