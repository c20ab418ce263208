// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Gives out the tenants' keys: creates, caches, re-wraps and drops them.
///
/// Each tenant has one random data key, kept wrapped apart from the rows. Dropping it makes everything unreadable that
/// was sealed for the tenant; other processes notice within ``cacheTime``.
package actor CredentialVault {
    private struct Entry {
        var keys: TenantKeys
        var wrapped: Data
        var expires: Duration
    }

    /// How long a key is used without asking the store again.
    static let cacheTime: Duration = .seconds(60)
    private static let mostEntries = 4096

    private let store: any TenantKeyStore
    private let wrapping: any KeyWrapping
    private let ciphers: CipherFactory
    private let random: RandomSource
    private let time: TimeSource
    private var entries: [String: Entry] = [:]
    /// The tenants whose key somebody is working on, with those who wait for their turn.
    private var turns: [String: [CheckedContinuation<(any Error)?, Never>]] = [:]

    /// Creates a vault.
    package init(
        keys store: any TenantKeyStore,
        wrapping: any KeyWrapping,
        ciphers: CipherFactory = .chaChaPoly,
        random: RandomSource = .system,
        time: TimeSource = .system
    ) {
        self.store = store
        self.wrapping = wrapping
        self.ciphers = ciphers
        self.random = random
        self.time = time
    }

    /// Returns the keys of a tenant; creates them at their first use.
    package func keys(for tenant: String) async throws -> TenantKeys {
        if let keys = cached(tenant) { return keys }
        return try await inTurn(tenant) { vault in
            if let keys = vault.cached(tenant) { return keys }
            if let keys = try await vault.load(tenant) { return keys }
            return try await vault.create(tenant)
        }
    }

    /// Returns the keys of a tenant; nil if there are none.
    package func existingKeys(for tenant: String) async throws -> TenantKeys? {
        if let keys = cached(tenant) { return keys }
        return try await inTurn(tenant) { vault in
            if let keys = vault.cached(tenant) { return keys }
            return try await vault.load(tenant)
        }
    }

    /// Wraps a tenant's key under the current master key, unless it is already.
    ///
    /// - Returns: Whether the key was wrapped anew.
    @discardableResult
    package func rewrap(tenant: String) async throws -> Bool {
        try await inTurn(tenant, sharingFailures: false) { vault in
            var known = try await vault.store.wrappedKey(for: tenant)
            while let old = known, !vault.wrapping.isCurrent(old) {
                let key = try await vault.unwrap(old, for: tenant)
                let new = try await vault.wrapping.wrap(key, for: tenant)
                let standing = try await vault.store.replace(old, with: new, for: tenant)
                if standing == new { return true }
                // Somebody else was faster; what stands now is looked at afresh.
                known = standing
            }
            return false
        }
    }

    /// Drops a tenant's key: whatever was sealed for the tenant is unreadable from now on.
    package func drop(tenant: String) async throws {
        try await inTurn(tenant, sharingFailures: false) { vault in
            vault.entries[tenant] = nil
            try await vault.store.dropKey(for: tenant)
        }
    }

    /// Forgets what is cached for a tenant.
    package func forget(tenant: String) {
        entries[tenant] = nil
    }

    // MARK: - One at a time

    /// Does something with a tenant's key while nobody else does.
    ///
    /// Those who wait for a failing attempt share its failure instead of each repeating it, but never a cancellation.
    private func inTurn<Result: Sendable>(
        _ tenant: String,
        sharingFailures: Bool = true,
        _ body: (isolated CredentialVault) async throws -> Result
    ) async throws -> Result {
        while let failure = await takeTurn(tenant) {
            if sharingFailures { throw failure }
        }
        do {
            try Task.checkCancellation()
            let result = try await body(self)
            passTurn(tenant)
            return result
        } catch is CancellationError {
            passTurn(tenant)
            throw CancellationError()
        } catch {
            if sharingFailures { failTurn(tenant, error) } else { passTurn(tenant) }
            throw error
        }
    }

    /// Waits for a turn; returns a failure, and no turn, if the attempt that was waited for failed.
    private func takeTurn(_ tenant: String) async -> (any Error)? {
        guard turns[tenant] != nil else {
            turns[tenant] = []
            return nil
        }
        return await withCheckedContinuation { turns[tenant, default: []].append($0) }
    }

    private func passTurn(_ tenant: String) {
        if turns[tenant]?.isEmpty == false {
            turns[tenant]?.removeFirst().resume(returning: nil)
        } else {
            turns[tenant] = nil
        }
    }

    private func failTurn(_ tenant: String, _ error: any Error) {
        let waiting = turns.removeValue(forKey: tenant) ?? []
        for continuation in waiting { continuation.resume(returning: error) }
    }

    // MARK: - Keys

    private func cached(_ tenant: String) -> TenantKeys? {
        guard let entry = entries[tenant], time.elapsed() < entry.expires else { return nil }
        return entry.keys
    }

    private func load(_ tenant: String) async throws -> TenantKeys? {
        let asked = time.elapsed()
        guard let wrapped = try await store.wrappedKey(for: tenant) else {
            entries[tenant] = nil
            return nil
        }
        if let entry = entries[tenant], entry.wrapped == wrapped { return remember(entry.keys, wrapped, tenant, asked) }
        return remember(try await makeKeys(unwrap(wrapped, for: tenant)), wrapped, tenant, asked)
    }

    private func create(_ tenant: String) async throws -> TenantKeys {
        let asked = time.elapsed()
        let key = random.bytes(32)
        let wrapped = try await wrapping.wrap(key, for: tenant)
        let standing = try await store.replace(nil, with: wrapped, for: tenant)
        // Another process may have been faster; its key stands then.
        let keys = standing == wrapped ? makeKeys(key) : try await makeKeys(unwrap(standing, for: tenant))
        return remember(keys, standing, tenant, asked)
    }

    private func unwrap(_ wrapped: Data, for tenant: String) async throws -> Data {
        let key = try await wrapping.unwrap(wrapped, for: tenant)
        guard key.count == 32 else {
            throw IntegrationError.unreadable("The tenant's key has \(key.count) bytes instead of 32.")
        }
        return key
    }

    private func makeKeys(_ key: Data) -> TenantKeys {
        TenantKeys(dataKey: key, factory: ciphers)
    }

    private func remember(_ keys: TenantKeys, _ wrapped: Data, _ tenant: String, _ asked: Duration) -> TenantKeys {
        if entries.count >= CredentialVault.mostEntries {
            let now = time.elapsed()
            entries = entries.filter { $0.value.expires > now }
            if entries.count >= CredentialVault.mostEntries { entries.removeAll() }
        }
        entries[tenant] = Entry(keys: keys, wrapped: wrapped, expires: asked + CredentialVault.cacheTime)
        return keys
    }
}
