// SPDX-License-Identifier: Apache-2.0
import IntegrationKit
import IntegrationKitTesting

/// Accounts that were connected once for all worlds: to connect is most of the work of a short one.
actor ConnectedAccounts {
    /// A platform with connected accounts, and the store that knows of them; to be copied.
    struct Template: Sendable {
        var platform: SimulatedHubSpot
        var shop: SimulatedWooCommerce
        var store: InMemoryIntegrationStore
        var tenants: [SimulatedWorld.Tenant]
    }

    static let shared = ConnectedAccounts()
    private var templates: [[[Bool]]: Template] = [:]

    /// Returns a template.
    ///
    /// - Parameter plans: Which accounts take a property for our key, and beside which there is a shop.
    /// - Returns: The template of such accounts.
    /// - Throws: What connecting throws.
    func template(_ plans: [WorldHistory.Tenant]) async throws -> Template {
        let keys = plans.map { [$0.hasKeys, $0.shop != nil] }
        if let template = templates[keys] { return template }
        let world = try await SimulatedWorld(connecting: plans)
        let template = await Template(
            platform: world.platform,
            shop: world.shop,
            store: world.store,
            tenants: world.tenants
        )
        templates[keys] = template
        return template
    }
}
