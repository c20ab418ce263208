// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct StoreRuleTests {
    @Test(arguments: StoreRule.all)
    func `The in-memory store keeps the promise`(rule: StoreRule) async throws {
        try await rule.check { time in InMemoryIntegrationStore(time: time) }
    }

    @Test(arguments: StoreRule.all)
    func `A store that breaks the promise is found out`(rule: StoreRule) async throws {
        let defect = try #require(StoreDefects.all[rule.id])
        await #expect(throws: (any Error).self) {
            try await rule.check { time in BrokenStore(defect(), time: time) }
        }
        // The defect it is, not the double around it.
        try await rule.check { time in BrokenStore(BrokenStore.Defect(), time: time) }
    }

    @Test func `Each rule has an id of its own and each defect a rule`() {
        let ids = StoreRule.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(Set(StoreDefects.all.keys) == Set(ids))
    }
}

@Suite struct TenantKeyRuleTests {
    /// A key store with one call replaced.
    struct BrokenKeys: TenantKeyStore {
        typealias Base = InMemoryIntegrationStore
        let base = Base()
        let replace: @Sendable (Base, Data?, Data, String) async throws -> Data

        func wrappedKey(for tenant: String) async throws -> Data? { await base.wrappedKey(for: tenant) }
        func dropKey(for tenant: String) async throws { await base.dropKey(for: tenant) }
        func replace(_ old: Data?, with wrapped: Data, for tenant: String) async throws -> Data {
            try await replace(base, old, wrapped, tenant)
        }
    }

    static let defects: [String: @Sendable (BrokenKeys.Base, Data?, Data, String) async throws -> Data] = [
        "key-put": { _, _, wrapped, _ in wrapped },
        "key-replaced": { base, _, wrapped, tenant in try await base.replace(nil, with: wrapped, for: tenant) },
        "key-stands": { base, _, wrapped, tenant in
            try await base.replace(base.wrappedKey(for: tenant), with: wrapped, for: tenant)
        },
        "key-race": { base, old, wrapped, tenant in
            _ = try await base.replace(old, with: wrapped, for: tenant)
            return wrapped
        },
        "key-dropped": { base, old, wrapped, tenant in
            do {
                return try await base.replace(old, with: wrapped, for: tenant)
            } catch StoreFailure.refused {
                return try await base.replace(nil, with: wrapped, for: tenant)
            }
        },
        "key-apart": { base, old, wrapped, tenant in
            try await base.replace(old, with: wrapped, for: tenant.composed)
        },
    ]

    @Test(arguments: TenantKeyRule.all)
    func `The in-memory store keeps the promise about keys`(rule: TenantKeyRule) async throws {
        try await rule.check { InMemoryIntegrationStore() }
    }

    @Test(arguments: TenantKeyRule.all)
    func `A key store that breaks the promise is found out`(rule: TenantKeyRule) async throws {
        let defect = try #require(Self.defects[rule.id])
        await #expect(throws: (any Error).self) { try await rule.check { BrokenKeys(replace: defect) } }
    }
}
