// SPDX-License-Identifier: Apache-2.0
public import Foundation

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
            providers: providers, store: store, tenantKeys: store, keyring: keyring, namespace: namespace,
            applications: applications, transport: transport, middlewares: middlewares, observers: observers,
            options: options, time: time, random: random)
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
                keys: tenantKeys, wrapping: keyring, ciphers: ciphers, random: random, time: time),
            catalog: try IntegrationCatalog(providers.map(\.descriptor)),
            providers: Dictionary(providers.map { ($0.descriptor.id, $0) }, uniquingKeysWith: { first, _ in first }),
            applications: applications,
            transport: transport,
            middlewares: middlewares,
            observers: observers,
            time: time,
            random: random,
            options: options,
            installation: try await IntegrationManager.installation(namespace, in: store, random: random),
            budgets: BudgetKeeper(time: time)
        )
    }

    private static func installation(
        _ namespace: String,
        in store: any IntegrationStore,
        random: RandomSource
    ) async throws -> Installation {
        for _ in 0..<3 {
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
                return row.record
            }
            let made = Installation(namespace: namespace, epoch: random.uuid())
            do {
                try await store.commit(
                    Changes(
                        id: random.uuid(),
                        requires: [.absent(Installation.rowID("self"))],
                        puts: [try made.content(key: "self", tenant: "")]
                    )
                )
                return made
            } catch StoreFailure.conflict {
                continue
            } catch {
                throw EngineCore.storeError(error)
            }
        }
        throw EngineCore.storeError(nil)
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
        guard let integration = try await LoadedIntegration.load(id, in: core), integration.fence.state != .erased else {
            throw IntegrationManager.unknown(id)
        }
        return integration
    }

    // MARK: - Read

    /// Returns the integrations of a tenant.
    ///
    /// - Parameter tenant: The tenant.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func integrations(of tenant: String) async throws -> [Integration] {
        let rows = try await core.store.rows(matching: RowQuery("integration.tenant", keys: [tenant]))
        var result: [Integration] = []
        for row in rows {
            if let loaded = try await LoadedIntegration.load(row.content.id.key, in: core) { result.append(loaded.shown) }
        }
        return result
    }

    /// Returns one integration.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func integration(_ id: String) async throws -> Integration {
        try await load(id).shown
    }

    // MARK: - Connect

    /// Connects an account: checks the form, signs in, finds out which account it is, makes the fields that the
    /// promises stand on, and stores everything sealed.
    ///
    /// - Parameters:
    ///   - platform: The platform.
    ///   - tenant: The host's tenant.
    ///   - name: A name for people.
    ///   - form: The filled-in form of the sign-in method, by ``FormField/id``.
    ///   - settings: How to synchronize.
    ///   - baseURL: Another address than the platform's own, for sandboxes, proxies and tests.
    ///   - provisions: Whether to make missing fields on the platform; ``missingFields(of:)`` shows them before.
    /// - Returns: The integration.
    /// - Throws: ``IntegrationError``: the form is not valid, the platform refuses the credential, the account is
    ///   connected already. Nothing was stored then.
    @discardableResult
    public func connect(
        _ platform: PlatformID,
        for tenant: String,
        name: String,
        form: [String: String],
        settings: SyncSettings = SyncSettings(),
        baseURL: URL? = nil,
        provisions: Bool = true
    ) async throws -> Integration {
        let provider = try provider(platform)
        let credential = try provider.descriptor.validate(form)
        let address = try self.address(of: provider, credential, override: baseURL)
        let report = try await verify(provider, credential, address, settings, tenant: tenant, integration: nil)
        let id = "int_" + core.random.uuid().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let keys = try await core.vault.keys(for: tenant)
        var record = IntegrationRecord(
            tenant: tenant,
            platform: platform,
            name: name,
            account: report.key,
            accountName: report.name,
            isSandbox: report.isSandbox,
            profile: report.profile,
            access: report.access,
            settings: settings,
            connectedAt: core.now()
        )
        let account = ConnectedAccount(key: report.key, profile: report.profile, settings: settings.account)
        let session = session(provider, account, credential, "connect", tenant: tenant, integration: id)
        if let provisioning = provider as? any AccountProvisioning {
            let plan = provisions ? try await provisioning.fetchMissing(in: session) : ProvisioningPlan(steps: [])
            record.profile = try await provisioning.provision(plan, in: session)
        }
        var status = IntegrationStatus()
        status.need = try await openSettings(provider, session, &record) ? .setup : nil
        try await store(id, record, status, credential, keys)
        return try await load(id).shown
    }

    private func store(
        _ id: String,
        _ record: IntegrationRecord,
        _ status: IntegrationStatus,
        _ credential: Credential,
        _ keys: TenantKeys
    ) async throws {
        let sealed = SealedCredential(
            generation: 1,
            sealed: try keys.seal(
                credential.sealable, in: LoadedIntegration.credentialContext(id, tenant: record.tenant))
        )
        var changes = Changes(id: core.random.uuid(), requires: [.absent(IntegrationRecord.rowID(id))])
        changes.puts = [
            try record.row(id),
            try Fence(state: .enabled).content(key: id, tenant: record.tenant, integration: id),
            try status.content(key: id, tenant: record.tenant, integration: id),
            try sealed.content(key: id, tenant: record.tenant, integration: id),
        ]
        do {
            try await core.commit(changes)
        } catch StoreFailure.conflict {
            throw IntegrationError(
                .conflict,
                "The tenant has connected the account \(record.account.value) already.",
                remedy: LocalizedText(
                    "Reconnect the existing integration, or delete it first.",
                    fr: "Reconnectez l’intégration existante, ou supprimez-la d’abord."
                ),
                concerns: .account
            )
        }
        try await touchStreams(of: try await load(id))
    }

    /// Makes an integration's streams due.
    func touchStreams(of integration: LoadedIntegration) async throws {
        guard integration.settings.frequency.interval != nil else { return }
        try await core.commit(
            Changes(
                id: core.random.uuid(),
                touches: integration.streams.map {
                    LaneTouch(.pull($0, in: integration.id), tenant: integration.tenant, workClass: .pull)
                }
            )
        )
    }

    /// Signs in again to the same account; links, cursors and mappings stay.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - form: The filled-in form.
    /// - Returns: The integration.
    /// - Throws: ``IntegrationError`` with code `accountMismatch` if the credential reaches another account.
    @discardableResult
    public func reconnect(_ id: String, form: [String: String]) async throws -> Integration {
        let integration = try await load(id)
        let credential = try integration.provider.descriptor.validate(form)
        let report = try await verify(
            integration.provider, credential, integration.record.profile.baseURL, integration.settings,
            tenant: integration.tenant, integration: id)
        guard report.key == integration.record.account else {
            throw IntegrationError(
                .accountMismatch,
                "The credential reaches the account \(report.key.value), but this integration stands for \(integration.record.account.value).",
                remedy: LocalizedText(
                    "Sign in to the same account, or connect the other one as an integration of its own.",
                    fr: "Connectez-vous au même compte, ou ajoutez l’autre comme nouvelle intégration."
                ),
                concerns: .account
            )
        }
        let old = try await core.store.record(SealedCredential.self, id)
        let sealed = SealedCredential(
            generation: (old?.record.generation ?? 0) + 1,
            sealed: try integration.keys.seal(
                credential.sealable, in: LoadedIntegration.credentialContext(id, tenant: integration.tenant))
        )
        try await core.commit(
            Changes(
                id: core.random.uuid(),
                puts: [try sealed.content(key: id, tenant: integration.tenant, integration: id)]
            )
        )
        try await refresh(id, with: report)
        return try await load(id).shown
    }

    /// Takes over what a connection test found, and ends the waiting that it cures.
    private func refresh(_ id: String, with report: ConnectionReport) async throws {
        let integration = try await load(id)
        var record = integration.record
        record.access = report.access
        record.accountName = report.name
        record.profile.timeZone = report.profile.timeZone
        record.profile.currencies = report.profile.currencies
        record.profile.facts.merge(report.profile.facts) { _, new in new }
        try await update(integration, to: record)
        try await core.updateStatus(of: id, tenant: integration.tenant) {
            if $0.need == .reauthorization { $0.need = nil }
            $0.breaker = Breaker()
            $0.lastError = nil
        }
        try await resume(id)
    }

    func update(_ integration: LoadedIntegration, to record: IntegrationRecord) async throws {
        do {
            try await core.commit(
                Changes(
                    id: core.random.uuid(),
                    requires: [.revision(IntegrationRecord.rowID(integration.id), integration.recordRevision)],
                    puts: [try record.row(integration.id)]
                )
            )
        } catch StoreFailure.conflict {
            throw IntegrationError(
                .conflict,
                "Somebody else changed the integration meanwhile.",
                remedy: LocalizedText("Read it again and repeat the change.", fr: "Rechargez puis recommencez."),
                retry: .after(.zero),
                concerns: .account
            )
        }
    }

    // MARK: - Test

    /// Tests the connection with the stored credential.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: What the platform answered.
    /// - Throws: ``IntegrationError``; with code `accountMismatch` if the credential reaches another account now.
    @discardableResult
    public func test(_ id: String) async throws -> ConnectionReport {
        let integration = try await load(id)
        let report = try await integration.provider.verifyConnection(in: integration.session("test"))
        guard report.key == integration.record.account else {
            throw IntegrationError(
                .accountMismatch,
                "The credential reaches another account than the integration stands for.",
                remedy: LocalizedText("Reconnect the right account.", fr: "Reconnectez le bon compte."),
                concerns: .account
            )
        }
        try await refresh(id, with: report)
        return report
    }

    /// Tells what would be made on the platform so that all promises hold there. Changes nothing.
    ///
    /// - Parameter id: The integration's id.
    /// - Throws: ``IntegrationError`` if the platform could not be asked.
    public func missingFields(of id: String) async throws -> ProvisioningPlan {
        let integration = try await load(id)
        guard let provisioning = integration.provider as? any AccountProvisioning else { return ProvisioningPlan(steps: []) }
        return try await provisioning.fetchMissing(in: integration.session("provision"))
    }

    /// Makes what is missing on the platform; safe to repeat.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: Where the external key of each kind goes now.
    /// - Throws: ``IntegrationError``.
    @discardableResult
    public func provision(_ id: String) async throws -> [RecordKind: KeySlot] {
        let integration = try await load(id)
        guard let provisioning = integration.provider as? any AccountProvisioning else {
            return integration.record.profile.keySlots
        }
        let session = integration.session("provision")
        let plan = try await provisioning.fetchMissing(in: session)
        var record = integration.record
        record.profile = try await provisioning.provision(plan, in: session)
        try await update(integration, to: record)
        return record.profile.keySlots
    }

    // MARK: - Private

    func provider(_ platform: PlatformID) throws -> any IntegrationProvider {
        guard let provider = core.providers[platform] else {
            let known = core.catalog.all.map(\.id.rawValue).sorted().joined(separator: ", ")
            throw IntegrationError(
                .notFound,
                "There is no platform \(platform.rawValue); known are: \(known).",
                remedy: LocalizedText("Choose one of them.", fr: "Choisissez parmi celles-ci."),
                concerns: .application
            )
        }
        return provider
    }

    private func address(of provider: any IntegrationProvider, _ credential: Credential, override: URL?) throws -> URL {
        let typed = provider.descriptor.signInMethods.first { $0.id == credential.method }?.fields
            .first { $0.kind == .url }
            .flatMap { credential[$0.id] }
            .flatMap { $0.withExposedValue { URL(string: $0) } }
        guard let url = override ?? typed ?? provider.descriptor.baseURL else {
            throw IntegrationError(
                .invalidInput,
                "\(provider.descriptor.name) needs the account's address.",
                remedy: LocalizedText("Enter the address.", fr: "Saisissez l’adresse."),
                concerns: .account
            )
        }
        try core.options.addressRules.check(url)
        return url
    }

    private func verify(
        _ provider: any IntegrationProvider,
        _ credential: Credential,
        _ address: URL,
        _ settings: SyncSettings,
        tenant: String,
        integration: String?
    ) async throws -> ConnectionReport {
        let account = ConnectedAccount(
            key: AccountKey(platform: provider.descriptor.id, value: ""),
            profile: AccountProfile(baseURL: address),
            settings: settings.account
        )
        let session = session(provider, account, credential, "connect", tenant: tenant, integration: integration)
        return try await provider.verifyConnection(in: session)
    }

    private func session(
        _ provider: any IntegrationProvider,
        _ account: ConnectedAccount,
        _ credential: Credential,
        _ operation: String,
        tenant: String,
        integration: String?
    ) -> ProviderSession {
        let platform = provider.descriptor.id
        let pipeline = core.pipeline(
            provider, account, tenant: tenant, integration: integration, reserve: 0,
            credential: { rejected in
                if rejected != nil { throw LoadedIntegration.signInNeeded(platform) }
                return credential
            }
        )
        let context = OperationContext(
            platform: platform,
            integration: integration,
            operation: operation,
            timeout: core.options.requestTimeout,
            maximumAnswerSize: core.options.maximumAnswerSize
        )
        let clock = core.clock(of: account.key)
        return ProviderSession(
            account: account,
            now: { clock.now() },
            send: { try await pipeline.send($0, context: context) }
        )
    }

    /// Fills in settings that have a safe choice; returns whether one that is required is still open.
    private func openSettings(
        _ provider: any IntegrationProvider,
        _ session: ProviderSession,
        _ record: inout IntegrationRecord
    ) async throws -> Bool {
        guard let describing = provider as? any SettingsDescribing else { return false }
        var isOpen = false
        for setting in try await describing.fetchSettings(in: session) where record.settings.account[setting.id] == nil {
            if let value = setting.defaultValue {
                record.settings.account[setting.id] = value
            } else if setting.isRequired {
                isOpen = true
            }
        }
        return isOpen
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
