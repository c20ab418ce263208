// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What manager, coordinator and inbox share.
struct EngineCore: Sendable {
    let store: any IntegrationStore
    let vault: CredentialVault
    let catalog: IntegrationCatalog
    let providers: [PlatformID: any IntegrationProvider]
    let applications: [PlatformID: [ApplicationCredentials]]
    let transport: any HTTPTransport
    let middlewares: [any HTTPMiddleware]
    let observers: [any IntegrationObserver]
    let time: TimeSource
    let random: RandomSource
    let options: EngineOptions
    /// In every external key; never changes.
    let namespace: String
    /// Jobs with a lower number were queued in an earlier life of the store.
    let restored: LockBox<Int64>
    let budgets: BudgetKeeper
    let clocks = LockBox<[AccountKey: ServerClock]>([:])
    /// Calls to platforms by integration, since the start.
    let calls = LockBox<[String: Int]>([:])
    /// Integrations that get no turn until a time, by ``TimeSource/elapsed``.
    let gates = LockBox<[String: Duration]>([:])
    /// What is under way, for those who stop an integration.
    let flights = FlightBook()
    /// What happened, by integration and day.
    let meter = ActivityMeter()
    /// What a failing store did not take yet.
    let held = HeldCommits()
    /// What the store's clock showed at the last claim, and when that was by ``TimeSource/elapsed``.
    private let storeClock = LockBox<(time: Date, at: Duration)?>(nil)

    /// Tells the observers.
    func observe(_ event: IntegrationEvent) {
        meter.call(event)
        for observer in observers { observer.observe(event) }
    }

    /// Commits, and repeats while the store does not know what became of it.
    ///
    /// - Throws: ``StoreFailure/conflict(_:taken:)`` as it comes; anything else as ``IntegrationError``.
    func commit(_ changes: Changes) async throws {
        guard !changes.isEmpty else { return }
        var last: (any Error)?
        for _ in 0..<5 {
            do {
                try await shielded { try await store.commit(changes) }
                return
            } catch StoreFailure.outcomeUnknown(let error) {
                last = error
            } catch let failure as StoreFailure {
                if case .refused(let error) = failure { throw EngineCore.storeError(error) }
                throw failure
            }
        }
        throw EngineCore.storeError(last)
    }

    /// The error that a host sees when its store fails.
    static func storeError(_ error: (any Error)?) -> IntegrationError {
        if let error = error as? IntegrationError { return error }
        switch error as? StoreFailure {
        case .refused(let reason as IntegrationError), .outcomeUnknown(let reason as IntegrationError): return reason
        default: break
        }
        return IntegrationError(
            .storeFailed,
            "The store could not commit\(error.map { " (\(type(of: $0)))" } ?? "").",
            remedy: LocalizedText(
                "Check the store's disk space and permissions; what was not acknowledged was not done.",
                fr: "Vérifiez l’espace disque et les droits du stockage ; ce qui n’a pas été confirmé n’a pas été fait."
            ),
            retry: .after(nil),
            concerns: .application
        )
    }

    /// The date.
    func now() -> Date { time.now() }

    /// The date by the store's clock, which all processes share: what is stored for another one to wait for goes by it.
    ///
    /// Before the first claim it is the process's own.
    func storeNow() -> Date {
        storeClock.withLock { $0.map { $0.time.advanced(by: time.elapsed() - $0.at) } } ?? time.now()
    }

    /// The date by the store's clock, asked of the store if no claim has told it yet.
    func storeTime() async throws -> Date {
        if storeClock.withLock({ $0 == nil }) {
            let nothing = LaneClaim(owner: random.uuid(), lease: .seconds(1), shares: [:], perIntegration: 0)
            learn(storeTime: try await store.claimLanes(nothing).storeTime)
        }
        return storeNow()
    }

    /// How long until a moment of the store's clock that was at most minutes away; nil: it is over.
    ///
    /// A clock that was set back holds nothing up.
    func wait(until moment: Date) -> Duration? {
        let wait = moment.duration(since: storeNow())
        return wait > .zero && wait <= .seconds(600) ? wait : nil
    }

    /// Learns what the store's clock shows.
    func learn(storeTime: Date) {
        let now = time.elapsed()
        storeClock.withLock { $0 = (storeTime, now) }
    }

    /// The pipeline of one account.
    func pipeline(
        _ provider: any IntegrationProvider,
        _ account: ConnectedAccount,
        tenant: String,
        integration: String?,
        reserve: Double,
        credential: @escaping @Sendable (_ rejecting: Credential?) async throws -> Credential
    ) -> HTTPPipeline {
        var shared: (@Sendable ([Spend], BudgetParty) async throws -> BudgetAnswer)?
        // While it is being connected it is not known yet which account it is.
        if integration != nil { shared = { spend, party in try await take(spend, for: party) } }
        return HTTPPipeline(
            provider: provider,
            account: account,
            tenant: tenant,
            integration: integration,
            application: applications[provider.descriptor.id]?.first?.id,
            reserve: reserve,
            addresses: options.addressRules,
            credential: credential,
            transport: transport,
            middlewares: middlewares,
            observe: { observe($0) },
            time: time,
            random: random,
            keeper: budgets,
            take: shared,
            clock: clock(of: account.key)
        )
    }

    /// The platform's clock for an account.
    func clock(of account: AccountKey) -> ServerClock {
        clocks.withLock { clocks in
            if let clock = clocks[account] { return clock }
            let clock = ServerClock(time: time)
            clocks[account] = clock
            return clock
        }
    }

    /// Gives an integration no turn for a while.
    func gate(_ integration: String, for duration: Duration) {
        let until = time.elapsed() + duration
        gates.withLock { $0[integration] = max($0[integration] ?? .zero, until) }
    }

    /// Gives an integration its turn again.
    func openGate(_ integration: String) {
        _ = gates.withLock { $0.removeValue(forKey: integration) }
    }

    /// How long an integration gets no turn; nil: it does.
    func closedFor(_ integration: String) -> Duration? {
        let now = time.elapsed()
        return gates.withLock { $0[integration].flatMap { $0 > now ? $0 - now : nil } }
    }

    /// The integrations that get no turn now, and how long until the first of them does.
    func closedGates() -> (skipping: Set<String>, next: Duration?) {
        let now = time.elapsed()
        return gates.withLock { gates in
            gates = gates.filter { $0.value > now }
            return (Set(gates.keys), gates.values.min().map { $0 - now })
        }
    }

    /// Changes an integration's status row, whoever else changes it meanwhile.
    ///
    /// Does nothing once it is deleted.
    func updateStatus(of id: String, tenant: String, _ change: (inout IntegrationStatus) -> Void) async throws {
        for _ in 0..<8 {
            guard let row = try await store.record(IntegrationStatus.self, id) else { return }
            var status = row.record
            change(&status)
            let changes = Changes(
                id: random.uuid(),
                requires: [.revision(row.id, row.revision)],
                puts: [try status.content(key: id, tenant: tenant, integration: id)]
            )
            do {
                try await commit(changes)
                return
            } catch StoreFailure.conflict {
                continue
            }
        }
    }
}

/// Runs a piece of work to its end although the caller's task is cancelled.
///
/// What a platform answered must reach the store: this is the one place where the engine starts a task, and it is
/// awaited at once.
func shielded<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await Task { try await body() }.value
}
