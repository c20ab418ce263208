// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct JSONFileStoreRuleTests {
    @Test(arguments: StoreRule.all)
    func `The file store keeps the promise`(rule: StoreRule) async throws {
        let folder = try TemporaryFolder()
        try await rule.check { time in try JSONFileIntegrationStore(directory: folder.store, time: time) }
    }

    @Test(arguments: StoreRule.all)
    func `The file store keeps the promise while it is compacted without pause`(rule: StoreRule) async throws {
        let folder = try TemporaryFolder()
        let options = JSONFileIntegrationStore.Options(compactionFloor: 0)
        try await rule.check { time in
            try JSONFileIntegrationStore(directory: folder.store, options: options, time: time)
        }
    }

    @Test(arguments: TenantKeyRule.all)
    func `The file store keeps the promise about keys`(rule: TenantKeyRule) async throws {
        let folder = try TemporaryFolder()
        try await rule.check { try JSONFileIntegrationStore(directory: folder.store) }
    }
}
