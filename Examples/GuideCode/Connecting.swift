// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

func makeManager(masterKey: String, clientSecret: String) async throws -> IntegrationManager {
    // snippet: manager
    let manager = try await IntegrationManager(
        providers: [.hubSpot],
        store: InMemoryIntegrationStore(),
        keyring: try Keyring(current: Secret(masterKey)),  // 32 bytes in base 64, from your secret manager
        namespace: "my-app-production"  // for ever: the platforms know your records by it
    )
    // end
    return manager
}

func showForm(_ manager: IntegrationManager) {
    // snippet: form
    for platform in manager.catalog.all {
        print(platform.name, platform.summary.text(in: "fr"))
        for field in platform.signInMethods[0].fields {
            print(field.label.text(in: "fr"), field.placeholder ?? "", field.help.text(in: "fr"))
        }
    }
    // end
}

func connect(_ manager: IntegrationManager, token: String) async throws {
    // snippet: connect
    do {
        let integration = try await manager.connect(
            .hubSpot,
            for: "tenant-42",
            name: "Mon HubSpot",
            form: ["access_token": token],
            settings: SyncSettings(direction: .bidirectional, frequency: .realtime, conflictPolicy: .newestWins)
        )
        print(integration.id, integration.account.value, integration.state)
    } catch let error as IntegrationError {
        print(error.remedy.text(in: "fr"))  // what the customer should do
    }
    // end
}

func choose(_ manager: IntegrationManager, _ integration: Integration) async throws {
    // snippet: settings
    for setting in try await manager.fetchSettings(of: integration.id) {
        print(setting.id, setting.label.text(in: "fr"), setting.options.map(\.label))
    }
    var settings = integration.settings
    settings.account["deal.pipeline"] = "default"
    settings.account["deal.stage"] = "qualifiedtobuy"
    try await manager.update(integration.id, settings: settings)
    // end
}

func provision(_ manager: IntegrationManager, token: String) async throws {
    // snippet: provision
    let integration = try await manager.connect(
        .hubSpot,
        for: "tenant-42",
        name: "Mon HubSpot",
        form: ["access_token": token],
        provisions: false
    )
    for step in try await manager.missingFields(of: integration.id).steps {
        print(step.kind.rawValue, step.field.rawValue, step.reason.text(in: "fr"))
    }
    let slots = try await manager.provision(integration.id)  // once the customer agreed
    // end
    _ = slots
}
