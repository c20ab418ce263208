// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

func connectShop(_ manager: IntegrationManager, key: String, secret: String) async throws {
    // snippet: woocommerce-connect
    let integration = try await manager.connect(
        .wooCommerce,
        for: "tenant-42",
        name: "Ma boutique",
        form: ["store_url": "https://boutique.example.fr", "consumer_key": key, "consumer_secret": secret]
    )
    // end
    // snippet: woocommerce-webhooks
    let check = try await manager.subscribe(integration.id, at: URL(string: "https://hooks.example.fr/woocommerce"))
    print("made", check.made.count, "mended", check.mended.count)
    // end
}

func askForKey(of shop: URL, state: Secret, back: URL, callback: URL) throws -> URL {
    // snippet: woocommerce-grant
    let page = try WooCommerceProvider().keyGrantURL(
        of: shop,
        for: "My app",
        state: state,  // unguessable, kept until the key comes
        returning: back,
        callback: callback
    )
    // end
    return page
}

func takeKey(_ posted: HTTPRequest, of shop: URL, state: Secret, _ manager: IntegrationManager) async throws {
    // snippet: woocommerce-granted
    let grant = try WooCommerceProvider().grant(in: posted, expecting: state)
    var form = ["store_url": shop.absoluteString]
    for (name, value) in grant.credential.values { form[name] = value.withExposedValue { $0 } }
    let integration = try await manager.connect(.wooCommerce, for: "tenant-42", name: "Ma boutique", form: form)
    // end
    print(integration.id)
}
