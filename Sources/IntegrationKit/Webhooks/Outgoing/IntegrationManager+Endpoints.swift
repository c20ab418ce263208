// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension IntegrationManager {
    // MARK: - Endpoints

    /// Adds an address that is told what happens to a tenant.
    ///
    /// - Parameters:
    ///   - url: The address: https and public, unless the options allow more.
    ///   - tenant: The tenant.
    ///   - types: The types of message it wants; nil: all.
    ///   - secret: The secret to sign with; nil: a new one.
    /// - Returns: The endpoint, and the secret: show it once, it cannot be read again.
    /// - Throws: ``IntegrationError`` with code `addressNotAllowed`, or `invalidInput` for a malformed secret or too many
    ///   endpoints.
    public func addEndpoint(
        _ url: URL,
        for tenant: String,
        types: Set<WebhookMessage.Kind>? = nil,
        secret: Secret? = nil
    ) async throws -> (endpoint: WebhookEndpoint, secret: Secret) {
        try core.options.addressRules.check(url)
        let secret = secret ?? WebhookSigner.makeSecret(random: core.random)
        _ = try WebhookSigner(secrets: [secret])
        let count = try await core.store.count(matching: RowQuery("hook.tenant", keys: [tenant]), upTo: 1000)
        guard count < HookTargets.mostPerTenant else {
            throw IntegrationError(
                .invalidInput,
                "A tenant has at most \(HookTargets.mostPerTenant) webhook endpoints.",
                remedy: LocalizedText("Remove one first.", fr: "Supprimez-en un d’abord."),
                concerns: .account
            )
        }
        let id = "ep_" + core.random.bytes(10).base32
        let keys = try await core.vault.keys(for: tenant)
        var record = HookRecord(tenant: tenant, types: types?.map(\.rawValue).sorted(), sealed: Data())
        let signing = secret.withExposedValue { HookSecrets.Signing(secret: $0) }
        try record.seal(HookSecrets(url: url, signing: [signing]), id, keys)
        try await core.commit(
            Changes(id: core.random.uuid(), requires: [.absent(HookRecord.rowID(id))], puts: [try record.row(id)])
        )
        return (WebhookEndpoint(id: id, tenant: tenant, url: url, types: types), secret)
    }

    /// Returns a tenant's endpoints.
    ///
    /// - Parameter tenant: The tenant.
    /// - Returns: The endpoints.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func endpoints(of tenant: String) async throws -> [WebhookEndpoint] {
        guard let keys = try await core.vault.existingKeys(for: tenant) else { return [] }
        let rows = try await core.store.records(
            HookRecord.self,
            matching: RowQuery("hook.tenant", keys: [tenant])
        )
        let states = try await core.store.records(HookStatus.self, rows.map(\.id.key))
        return try rows.map { row in
            let status = states[row.id.key]?.record
            return WebhookEndpoint(
                id: row.id.key,
                tenant: tenant,
                url: try row.record.open(row.id.key, keys).url,
                types: row.record.types.map { Set($0.map(WebhookMessage.Kind.init(rawValue:))) },
                disabled: row.record.isSwitchedOff ? .person : status?.disabled,
                lastSuccess: status?.lastSuccess,
                lastFailure: status?.lastFailure
            )
        }
    }

    /// Switches an endpoint on or off; what waits for it stays, and is sent once it is on.
    ///
    /// - Parameters:
    ///   - id: The endpoint's id.
    ///   - isOn: Whether messages are sent.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func switchEndpoint(_ id: String, on isOn: Bool) async throws {
        try await changeEndpoint(id) { record, _, changes in
            record.isSwitchedOff = !isOn
            guard isOn else { return }
            changes.deletes.append(HookStatus.rowID(id))
            changes.touches.append(LaneTouch(.hook(id), tenant: record.tenant, workClass: .hook))
        }
        core.openGate(LaneID.hook(id).integration)
    }

    /// Gives an endpoint a new secret; for a while messages carry the signatures of both.
    ///
    /// - Parameters:
    ///   - id: The endpoint's id.
    ///   - secret: The new secret; nil: one is made.
    ///   - overlap: How long the old secrets still sign.
    /// - Returns: The new secret: show it once, it cannot be read again.
    /// - Throws: ``IntegrationError`` with code `notFound`, or `invalidInput` for a malformed secret.
    @discardableResult
    public func rotateSecret(
        of id: String,
        to secret: Secret? = nil,
        overlap: Duration = .seconds(24 * 3600)
    ) async throws -> Secret {
        let secret = secret ?? WebhookSigner.makeSecret(random: core.random)
        _ = try WebhookSigner(secrets: [secret])
        let now = core.now()
        let ends = now.advanced(by: overlap)
        try await changeEndpoint(id) { record, keys, _ in
            var secrets = try record.open(id, keys)
            let old = secrets.signing.map { HookSecrets.Signing(secret: $0.secret, until: min($0.until ?? ends, ends)) }
            secrets.signing =
                [secret.withExposedValue { HookSecrets.Signing(secret: $0) }] + old.filter { $0.until ?? ends > now }
            try record.seal(secrets, id, keys)
        }
        return secret
    }

    /// Removes an endpoint with all that waits for it.
    ///
    /// - Parameter id: The endpoint's id.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func removeEndpoint(_ id: String) async throws {
        try await core.commit(Changes(id: core.random.uuid(), deletes: [HookRecord.rowID(id)]))
        _ = try await purge(.integration(LaneID.hook(id).integration))
    }

    private func changeEndpoint(
        _ id: String,
        _ change: (inout HookRecord, TenantKeys, inout Changes) throws -> Void
    ) async throws {
        for _ in 0..<8 {
            guard let row = try await core.store.record(HookRecord.self, id),
                let keys = try await core.vault.existingKeys(for: row.record.tenant)
            else { break }
            var record = row.record
            var changes = Changes(id: core.random.uuid(), requires: [.revision(row.id, row.revision)])
            try change(&record, keys, &changes)
            changes.puts.append(try record.row(id))
            do {
                try await core.commit(changes)
                return
            } catch StoreFailure.conflict {
                continue
            }
        }
        throw IntegrationManager.unknownEndpoint(id)
    }

    private static func unknownEndpoint(_ id: String) -> IntegrationError {
        IntegrationError(
            .notFound,
            "There is no webhook endpoint \(id), or it has no such message.",
            remedy: LocalizedText("Check the id.", fr: "Vérifiez l’identifiant."),
            concerns: .account
        )
    }

    // MARK: - Messages

    /// Queues a message of the host's own for every endpoint of a tenant that wants it.
    ///
    /// - Parameters:
    ///   - message: The message; an id that is known already is not sent again.
    ///   - tenant: The tenant.
    /// - Returns: How many endpoints will get it by this call.
    /// - Throws: ``IntegrationError`` with code `invalidInput` for an id that is empty, too long or holds a full stop.
    @discardableResult
    public func send(_ message: WebhookMessage, to tenant: String) async throws -> Int {
        guard (1...200).contains(message.id.utf8.count), message.id.utf8.allSatisfy({ 0x21...0x7e ~= $0 && $0 != 0x2e })
        else {
            throw IntegrationError(
                .invalidInput,
                "A message's id is 1 to 200 visible ASCII characters without a full stop.",
                remedy: LocalizedText("Use a UUID.", fr: "Utilisez un UUID.")
            )
        }
        var targets = try await HookTargets.load(tenant, in: core).targets.filter { $0.wants(message.type) }
        guard !targets.isEmpty, let keys = try await core.vault.existingKeys(for: tenant) else { return 0 }
        while !targets.isEmpty {
            var changes = Changes(id: core.random.uuid())
            try HookTargets(tenant: tenant, targets: targets).add(message, to: &changes, keys: keys, core: core)
            changes.requires = Set(changes.puts.map { .absent($0.id) })
            do {
                try await core.commit(changes)
                return targets.count
            } catch StoreFailure.conflict(let failed, _) {
                let left = targets.filter {
                    !failed.contains(.absent(HookDispatch.rowID(HookDispatch.key(message.id, to: $0.id))))
                }
                guard left.count < targets.count else { throw EngineCore.storeError(nil) }
                targets = left
            }
        }
        return 0
    }

    /// Returns an endpoint's latest messages, newest first.
    ///
    /// - Parameters:
    ///   - id: The endpoint's id.
    ///   - limit: The most to return.
    /// - Returns: What became of each.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func dispatches(of id: String, limit: Int = 100) async throws -> [WebhookDispatch] {
        try await core.store.records(
            HookDispatch.self,
            matching: RowQuery(
                "hook.dispatch",
                range: RowKey.join(id, "")..<RowKey.join(id, "~"),
                limit: limit,
                descending: true
            )
        ).map(\.record.shown)
    }

    /// Sends a message that failed once more, from its first attempt on.
    ///
    /// - Parameters:
    ///   - message: The message's id.
    ///   - id: The endpoint's id.
    /// - Throws: ``IntegrationError`` with code `notFound` if there is no such message that failed.
    public func resend(_ message: String, to id: String) async throws {
        let key = HookDispatch.key(message, to: id)
        guard let row = try await core.store.record(HookDispatch.self, key), row.record.state == .failed,
            let hook = try await core.store.record(HookRecord.self, id)
        else { throw IntegrationManager.unknownEndpoint(id) }
        var dispatch = row.record
        dispatch.state = .waiting
        dispatch.attempts = 0
        do {
            try await core.commit(
                Changes(
                    id: core.random.uuid(),
                    requires: [.revision(row.id, row.revision)],
                    puts: [try dispatch.row(tenant: hook.record.tenant, options: core.options)],
                    touches: [LaneTouch(.hook(id), tenant: hook.record.tenant, workClass: .hook)]
                )
            )
        } catch StoreFailure.conflict {
            throw IntegrationError(.conflict, "The message changed meanwhile.", retry: .after(.zero))
        }
    }
}

extension HookDispatch {
    /// The message as a host sees it.
    var shown: WebhookDispatch {
        WebhookDispatch(
            id: message,
            type: WebhookMessage.Kind(rawValue: kind),
            state: state,
            attempts: attempts,
            nextAttempt: nextAttempt,
            lastAnswer: lastAnswer
        )
    }
}
