// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The connections of a host's tenants: what can be connected, what is connected, and everything that a settings screen
/// does with it.
///
/// ```swift
/// let manager = try await IntegrationManager(
///     providers: [.hubSpot], store: InMemoryIntegrationStore(), keyring: Keyring(current: masterKey),
///     namespace: "my-app-production")
/// let integration = try await manager.connect(
///     .hubSpot, for: "tenant-42", name: "Mon HubSpot", form: ["access_token": token])
/// ```
public final class IntegrationManager: Sendable {
    let core: EngineCore

    /// Creates a manager on a store that also keeps the tenants' keys.
    ///
    /// - Parameters:
    ///   - providers: The platforms that can be connected.
    ///   - store: Keeps everything.
    ///   - keyring: Wraps the tenants' keys.
    ///   - namespace: Names this installation of the host for ever, such as `my-app-production`: it is part of the key
    ///     by which a platform knows the host's records.
    ///   - applications: The host's applications at the platforms, the current one first; for OAuth and webhooks.
    ///   - transport: Sends the requests.
    ///   - middlewares: Steps around every request, outermost first.
    ///   - observers: Receive what happens.
    ///   - options: The numbers by which the engine works.
    ///   - time: The clocks.
    ///   - random: The source of randomness.
    /// - Throws: ``IntegrationError`` if a platform is given twice, the namespace is another one than the store's, or
    ///   the store fails.
    public convenience init(
        providers: [any IntegrationProvider],
        store: some IntegrationStore & TenantKeyStore,
        keyring: any KeyWrapping,
        namespace: String,
        applications: [PlatformID: [ApplicationCredentials]] = [:],
        transport: any HTTPTransport = URLSessionTransport(),
        middlewares: [any HTTPMiddleware] = [],
        observers: [any IntegrationObserver] = [],
        options: EngineOptions = EngineOptions(),
        time: TimeSource = .system,
        random: RandomSource = .system
    ) async throws {
        try await self.init(
            providers: providers,
            store: store,
            tenantKeys: store,
            keyring: keyring,
            namespace: namespace,
            applications: applications,
            transport: transport,
            middlewares: middlewares,
            observers: observers,
            options: options,
            time: time,
            random: random
        )
    }

    /// Creates a manager on a store that keeps its rows apart from the tenants' keys.
    ///
    /// - Parameters:
    ///   - providers: The platforms that can be connected.
    ///   - store: Keeps the rows.
    ///   - tenantKeys: Keeps the tenants' wrapped keys.
    ///   - keyring: Wraps the tenants' keys.
    ///   - namespace: Names this installation of the host for ever.
    ///   - applications: The host's applications at the platforms, the current one first.
    ///   - transport: Sends the requests.
    ///   - middlewares: Steps around every request, outermost first.
    ///   - observers: Receive what happens.
    ///   - options: The numbers by which the engine works.
    ///   - ciphers: Makes the ciphers.
    ///   - time: The clocks.
    ///   - random: The source of randomness.
    /// - Throws: ``IntegrationError`` if a platform is given twice, the namespace is another one than the store's, or
    ///   the store fails.
    public init(
        providers: [any IntegrationProvider],
        store: any IntegrationStore,
        tenantKeys: any TenantKeyStore,
        keyring: any KeyWrapping,
        namespace: String,
        applications: [PlatformID: [ApplicationCredentials]] = [:],
        transport: any HTTPTransport = URLSessionTransport(),
        middlewares: [any HTTPMiddleware] = [],
        observers: [any IntegrationObserver] = [],
        options: EngineOptions = EngineOptions(),
        ciphers: CipherFactory = .chaChaPoly,
        time: TimeSource = .system,
        random: RandomSource = .system
    ) async throws {
        guard !namespace.isEmpty else {
            throw IntegrationError(
                .invalidInput,
                "The namespace is empty.",
                remedy: LocalizedText(
                    "Give the installation a name that never changes.",
                    fr: "Donnez à l’installation un nom qui ne changera jamais."
                ),
                concerns: .application
            )
        }
        core = EngineCore(
            store: store,
            vault: CredentialVault(
                keys: tenantKeys,
                wrapping: keyring,
                ciphers: ciphers,
                random: random,
                time: time
            ),
            catalog: try IntegrationCatalog(providers.map(\.descriptor)),
            providers: Dictionary(providers.map { ($0.descriptor.id, $0) }, uniquingKeysWith: { first, _ in first }),
            applications: applications,
            transport: transport,
            middlewares: middlewares,
            observers: observers,
            time: time,
            random: random,
            options: options,
            namespace: namespace,
            restored: LockBox(
                try await IntegrationManager.installation(namespace, in: store, random: random).restoredBefore
            ),
            budgets: BudgetKeeper(time: time)
        )
    }

    /// Reads who the installation is, in a store that a repair may have set back since.
    private static func installation(
        _ namespace: String,
        in store: any IntegrationStore,
        random: RandomSource
    ) async throws -> Row<Installation> {
        let epoch: UUID?
        do {
            epoch = try await (store as? any MaintainedStore)?.epoch()
        } catch {
            throw EngineCore.storeError(error)
        }
        for _ in 0..<4 {
            if let row = try await store.record(Installation.self, "self") {
                guard row.record.namespace == namespace else {
                    throw IntegrationError(
                        .invalidInput,
                        "The store belongs to the namespace \(row.record.namespace), not \(namespace).",
                        remedy: LocalizedText(
                            "Use the store's namespace: another one would make every record anew.",
                            fr: "Utilisez l’espace de noms du stockage : un autre recréerait chaque fiche."
                        ),
                        concerns: .application
                    )
                }
                guard row.record.storeEpoch != epoch else { return row }
                try await renew(row, epoch, in: store, random: random)
                continue
            }
            // The row of a store that has others was lost, and perhaps more with it.
            let isUsed = try await store.count(matching: RowQuery("integration.all"), upTo: 1) > 0
            let made = Installation(
                namespace: namespace,
                epoch: random.uuid(),
                isRestored: isUsed,
                storeEpoch: epoch
            )
            do {
                try await store.commit(
                    Changes(
                        id: random.uuid(),
                        requires: [.absent(Installation.rowID("self"))],
                        puts: [try made.content(key: "self", tenant: "")]
                    )
                )
            } catch StoreFailure.conflict {
                continue
            } catch {
                throw EngineCore.storeError(error)
            }
        }
        throw EngineCore.storeError(nil)
    }

    /// Begins a new life of the installation: what was queued before may have been sent.
    private static func renew(
        _ row: Row<Installation>,
        _ storeEpoch: UUID?,
        in store: any IntegrationStore,
        random: RandomSource
    ) async throws {
        var installation = row.record
        installation.epoch = random.uuid()
        installation.isRestored = true
        installation.storeEpoch = storeEpoch
        do {
            try await store.commit(
                Changes(
                    id: random.uuid(),
                    requires: [.revision(row.id, row.revision)],
                    puts: [try installation.content(key: "self", tenant: "")]
                )
            )
        } catch StoreFailure.conflict {
            // Another process did it: the caller reads again.
        } catch {
            throw EngineCore.storeError(error)
        }
    }

    /// Tells the library that the store was brought back from a backup.
    ///
    /// What was queued then may have been done since: from now on each such create looks on the platform before it is
    /// sent. Call it once after a restore, before a coordinator works; a repaired store tells by itself.
    ///
    /// - Throws: ``IntegrationError`` if the store failed.
    public func adoptRestoredStore() async throws {
        let row = try await IntegrationManager.installation(core.namespace, in: core.store, random: core.random)
        try await IntegrationManager.renew(row, row.record.storeEpoch, in: core.store, random: core.random)
        let adopted = try await IntegrationManager.installation(core.namespace, in: core.store, random: core.random)
        core.restored.withLock { $0 = adopted.restoredBefore }
    }

    /// The platforms that can be connected.
    public var catalog: IntegrationCatalog { core.catalog }

    /// The error for an id that names nothing.
    static func unknown(_ id: String) -> IntegrationError {
        IntegrationError(
            .notFound,
            "There is no integration \(id).",
            remedy: LocalizedText("Check the id.", fr: "Vérifiez l’identifiant."),
            concerns: .account
        )
    }

    func load(_ id: String) async throws -> LoadedIntegration {
        guard let integration = try await LoadedIntegration.load(id, in: core), integration.fence.state != .erased
        else {
            throw IntegrationManager.unknown(id)
        }
        return integration
    }

    // MARK: - Read

    /// Returns the integrations of a tenant.
    ///
    /// - Parameter tenant: The tenant.
    /// - Returns: The integrations, deleted ones left out.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func integrations(of tenant: String) async throws -> [Integration] {
        let rows = try await core.store.rows(matching: RowQuery("integration.tenant", keys: [tenant]))
        var result: [Integration] = []
        for row in rows {
            if let loaded = try await LoadedIntegration.load(row.content.id.key, in: core) {
                result.append(loaded.shown)
            }
        }
        return result
    }

    /// Returns one integration.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The integration.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func integration(_ id: String) async throws -> Integration {
        try await load(id).shown
    }
}

extension LoadedIntegration {
    /// The integration as a host sees it.
    var shown: Integration {
        Integration(
            id: id,
            tenant: tenant,
            platform: record.platform,
            name: record.name,
            account: record.account,
            state: fence.state,
            need: status.need,
            settings: settings,
            suspendedKinds: status.suspended,
            access: record.access,
            lastSync: status.lastSync,
            lastError: status.lastError,
            needsResync: fence.resyncNeeded
        )
    }
}

extension Row<Installation> {
    /// Jobs with a lower number were queued before the store was brought back from a backup.
    var restoredBefore: Int64 { record.isRestored ? revision : 0 }
}
