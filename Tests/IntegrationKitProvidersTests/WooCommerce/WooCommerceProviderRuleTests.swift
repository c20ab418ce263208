// SPDX-License-Identifier: Apache-2.0
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct WooCommerceProviderRuleTests {
    /// Shops as they come: each is set up in a way that trips programs up.
    enum Variant: String, CaseIterable, Sendable {
        case usual, strippedHeader, hiddenTLS, plainHTTP, plainPermalinks, old, older, newest, subdirectory, noisy
        case postTables

        var shop: SimulatedWooCommerce.Shop {
            var shop = SimulatedWooCommerce.Shop(home: "https://shop.example")
            switch self {
            case .usual: break
            case .strippedHeader: shop.stripsAuthorization = true
            case .hiddenTLS: shop.hidesTLS = true
            case .plainHTTP: shop.home = "http://shop.example"
            case .plainPermalinks: shop.permalinks = .plain
            case .old: shop.version = "9.0.0"
            case .older: shop.version = "8.2.0"
            case .newest: shop.version = "11.1.0"
            case .subdirectory: shop.home = "https://shop.example/store"
            case .noisy:
                shop.noise = "\u{FEFF}<br />\n<b>Warning</b>: Undefined variable $x in /plugin.php on line 3<br />\n"
            case .postTables: shop.usesOrderTables = false
            }
            return shop
        }
    }

    /// Shops that differ in how they are reached and signed in to; all else is as usual there.
    private static let reached: [Variant] = [
        .strippedHeader, .hiddenTLS, .plainHTTP, .plainPermalinks, .subdirectory, .noisy, .postTables, .old,
        .newest,
    ]
    private static let basics: Set<String> = [
        "account-key", "wrong-credential", "outcomes", "update", "lost-after", "absent", "fetch", "window-edges",
        "unsigned",
    ]

    @Test(arguments: ProviderRule.all, Variant.allCases.filter { !reached.contains($0) })
    func `The WooCommerce provider keeps the promise in shops of every age`(rule: ProviderRule, variant: Variant)
        async throws
    {
        try await check(rule, variant)
    }

    @Test(arguments: ProviderRule.all.filter { basics.contains($0.id) }, reached)
    func `The WooCommerce provider keeps the basic promises however a shop is reached`(
        rule: ProviderRule,
        variant: Variant
    )
        async throws
    {
        try await check(rule, variant)
    }

    private func check(_ rule: ProviderRule, _ variant: Variant) async throws {
        let bed = try WooCommerceTestBed(provider: WooCommerceProvider(), shop: variant.shop)
        let outcome = try await rule.check(bed)
        if case .skipped = outcome {
            #expect(Self.skipped.contains(rule.id), "\(outcome)")
        } else {
            #expect(outcome == .passed)
        }
    }

    /// What shops do not have: positions, merges, limits that others use up, dated deliveries, batches out of order.
    private static let skipped: Set<String> = [
        "cursor", "merged", "throttled-by-others", "webhook-stale", "outcomes-shuffled",
    ]
}
