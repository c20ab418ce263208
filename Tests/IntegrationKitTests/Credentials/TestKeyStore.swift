// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Keeps wrapped keys in memory, counts the calls, and fails or lets other tasks go first when told to.
actor TestKeyStore: TenantKeyStore {
    private(set) var wrapped: [String: Data] = [:]
    private(set) var reads = 0
    private(set) var replacements = 0
    private var failures = 0
    private var beforeReplace: (@Sendable (TestKeyStore) async -> Void)?

    struct Failure: Error {}

    func fail(_ times: Int) { failures = times }

    func beforeNextReplace(_ action: @escaping @Sendable (TestKeyStore) async -> Void) { beforeReplace = action }

    func put(_ data: Data?, for tenant: String) { wrapped[tenant] = data }

    func wrappedKey(for tenant: String) async throws -> Data? {
        reads += 1
        for _ in 0..<20 { await Task.yield() }
        if failures > 0 {
            failures -= 1
            throw StoreFailure.refused(Failure())
        }
        return wrapped[tenant]
    }

    func replace(_ old: Data?, with new: Data, for tenant: String) async throws -> Data {
        replacements += 1
        if let action = beforeReplace {
            beforeReplace = nil
            await action(self)
        }
        if let standing = wrapped[tenant], standing != old { return standing }
        wrapped[tenant] = new
        return new
    }

    func dropKey(for tenant: String) async throws { wrapped[tenant] = nil }
}
