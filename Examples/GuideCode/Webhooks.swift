// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

func makeManagerForWebhooks(_ keyring: Keyring, clientID: String, clientSecret: String) async throws {
    let callback = URL(filePath: "/")
    // snippet: webhook-secret
    let application = ApplicationCredentials(
        clientID: clientID,
        secrets: [Secret(clientSecret)],
        redirectURL: callback
    )
    let manager = try await IntegrationManager(
        providers: [.hubSpot],
        store: InMemoryIntegrationStore(),
        keyring: keyring,
        namespace: "my-app-production",
        applications: [.hubSpot: [application]]
    )
    // end
    _ = manager
}

// snippet: webhook-route
/// Answers `POST /webhooks/hubspot`.
func receive(
    _ headers: [(name: String, value: String)],
    _ body: Data,
    in inbox: WebhookInbox
) async throws -> HTTPResponse {
    guard let address = URL(string: "https://hooks.example.fr/webhooks/hubspot") else {
        return HTTPResponse(status: 500)
    }
    let fields = headers.map { HTTPHeaders.Field($0.name, $0.value) }
    let request = HTTPRequest(.post, address, headers: HTTPHeaders(fields), body: body)
    let receipt = await inbox.receive(request, from: .hubSpot)
    for notice in receipt.privacy { print("Privacy request about", notice.record?.id ?? "somebody unknown") }
    return receipt.response
}
// end
