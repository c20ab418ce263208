// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

/// A tenant's own server: answers what it is told to, and keeps what came.
final class HookSink: Sendable {
    struct State {
        var received: [HTTPRequest] = []
        var answer: @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in HTTPResponse(status: 204) }
    }
    private let state = LockBox(State())

    var received: [HTTPRequest] { state.withLock { $0.received } }

    func answer(_ answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse) {
        state.withLock { $0.answer = answer }
    }

    func take(_ request: HTTPRequest) throws -> HTTPResponse {
        let answer = state.withLock { state in
            state.received.append(request)
            return state.answer
        }
        return try answer(request)
    }
}

/// Leads requests to the tenant's server or to the platform.
struct Crossing: HTTPTransport {
    var sink: HookSink
    var platform: any HTTPTransport

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        request.url.host() == "hooks.example.fr"
            ? try sink.take(request) : try await platform.send(request, context: context)
    }
}

/// A host with one HubSpot account and a server of its tenant's own that is told what happens.
struct HookWorld: Working {
    static let tenant = "tenant-42"
    static let url = URL(string: "https://hooks.example.fr/in?token=t0k3n")
    let clock = ManualClock(skippingSleepsUpTo: .seconds(5))
    let platform: SimulatedHubSpot
    let sink = HookSink()
    let store: InMemoryIntegrationStore
    let observer = RecordingObserver()
    let records = InMemoryHostRecords()
    let manager: IntegrationManager
    let coordinator: SyncCoordinator
    let integration: Integration

    init(seed: UInt64 = 1, settings: SyncSettings = SyncSettings(direction: .push, frequency: .manual)) async throws {
        platform = SimulatedHubSpot(seed: seed, time: clock.timeSource)
        var account = SimulatedHubSpot.Account(portalID: 42)
        account.limits = .none
        platform.addAccount(account)
        store = InMemoryIntegrationStore(time: clock.timeSource)
        manager = try await IntegrationManager(
            providers: [.hubSpot],
            store: store,
            keyring: try Keyring(current: Data(repeating: 7, count: 32)),
            namespace: "tests",
            transport: Crossing(sink: sink, platform: platform),
            observers: [observer],
            time: clock.timeSource,
            random: SeededGenerator(seed: seed).randomSource
        )
        integration = try await manager.connect(
            .hubSpot,
            for: HookWorld.tenant,
            name: "Mon HubSpot",
            form: ["access_token": platform.issueToken(for: 42)],
            settings: settings
        )
        coordinator = SyncCoordinator(manager, host: records)
    }

    func endpoint(
        _ types: Set<WebhookMessage.Kind>? = nil
    ) async throws -> (endpoint: WebhookEndpoint, secret: Secret) {
        try await manager.addEndpoint(try #require(HookWorld.url), for: HookWorld.tenant, types: types)
    }

    func message(_ id: String) -> WebhookMessage {
        WebhookMessage("invoice.paid", id: id, date: clock.wall, data: ["amount": "12,50 €"])
    }

    func create(_ id: String, _ fields: [FieldName: FieldValue]) async throws {
        await records.edit(HostReference(tenant: HookWorld.tenant, kind: "prospect", id: id), fields)
        try await coordinator.enqueue(
            DomainEvent(
                .prospectCreated,
                id: "created-\(id)",
                of: id,
                for: HookWorld.tenant,
                fields: fields,
                occurredAt: clock.wall
            )
        )
    }
}
