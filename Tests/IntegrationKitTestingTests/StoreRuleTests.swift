// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct StoreRuleTests {
    @Test(arguments: StoreRule.all)
    func `The in-memory store keeps the promise`(rule: StoreRule) async throws {
        try await rule.check { time in InMemoryIntegrationStore(time: time) }
    }

    @Test(arguments: TenantKeyRule.all)
    func `The in-memory store keeps the promise about keys`(rule: TenantKeyRule) async throws {
        try await rule.check { InMemoryIntegrationStore() }
    }

    @Test func `Each rule has an id of its own`() {
        let ids = StoreRule.all.map(\.id) + TenantKeyRule.all.map(\.id)
        #expect(Set(ids).count == ids.count)
    }
}
