// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

func catchOne(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: catch
    do {
        try await manager.test(id)
    } catch IntegrationError.Code.reauthorizationRequired {
        print("Ask the customer to sign in again.")
    } catch let error as IntegrationError {
        print(error.code.rawValue, error.message, error.remedy.text(in: "fr"))
    }
    // end
}

func explain(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: why
    print(try await manager.why(event: "evt-9", of: "tenant-42"))
    print(try await manager.why(HostReference(tenant: "tenant-42", kind: "prospect", id: "prospect_123")))

    for letter in try await manager.deadLetters(of: id) {
        print(letter.event ?? "", letter.record?.id ?? "", letter.reason.remedy.text(in: "fr"))
        try await manager.replay(letter.id)  // or drop(_:)
    }
    // end
}

func state(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: state
    let integration = try await manager.integration(id)
    if integration.need == .reauthorization { print("The customer must sign in again.") }
    for (kind, reason) in integration.suspendedKinds { print("\(kind.rawValue) waits: \(reason)") }

    let statistics = try await manager.statistics(of: id)
    print("\(statistics.queued) queued, \(statistics.sent) unclear, \(statistics.blocked) wait for a person")
    // end
}

func record(_ providers: [any IntegrationProvider], _ keyring: Keyring, _ file: URL) async throws {
    // snippet: archive
    let recorder = HTTPArchiveRecorder()
    let manager = try await IntegrationManager(
        providers: providers,
        store: InMemoryIntegrationStore(),
        keyring: keyring,
        namespace: "my-app-production",
        middlewares: [recorder]
    )
    // … let it happen again, then:
    try recorder.write(to: file)
    // end
    _ = manager
}
