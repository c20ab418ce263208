// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders

func openFileStore(folder: URL, masterKey: String) async throws {
    // snippet: file-store
    let store = try JSONFileIntegrationStore(directory: folder)
    let manager = try await IntegrationManager(
        providers: [.hubSpot],
        store: store,
        keyring: try Keyring(current: Secret(masterKey)),
        namespace: "my-app-production"
    )
    // end
    _ = manager
    await store.close()
}

// snippet: file-store-suspend
/// Works while the system lets the app, and holds no lock while it is suspended.
func workInTurn(_ store: JSONFileIntegrationStore, _ coordinator: SyncCoordinator) async throws {
    try await store.resume()
    let result: Result<SyncReport, any Error>
    do {
        result = .success(try await coordinator.syncOnce(until: .now + .seconds(25)))
    } catch {
        result = .failure(error)
    }
    await store.suspend()
    print(try result.get())
}
// end

func repairFileStore(folder: URL, copy: URL) throws {
    // snippet: file-store-repair
    let found = try JSONFileIntegrationStore.examine(directory: folder)  // changes nothing
    for loss in found.losses {
        print("\(loss.file), line \(loss.line): \(loss.bytes) bytes at \(loss.offset) cannot be read")
    }
    if !found.losses.isEmpty {
        try JSONFileIntegrationStore.repair(directory: folder, copyingTo: copy)
    }
    // end
}

func idle(_ store: JSONFileIntegrationStore) async throws {
    // snippet: file-store-maintain
    try await store.maintain(budget: .seconds(1))  // spares the commits to come a part of their work
    // end
}

/// Runs what this file shows.
func fileStore() async throws {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("guide-\(UUID().uuidString)")
    let folder = place.appendingPathComponent("store")
    try await openFileStore(folder: folder, masterKey: Data(RandomSource.system.bytes(32)).base64EncodedString())
    try repairFileStore(folder: folder, copy: place.appendingPathComponent("copy"))
    let store = try JSONFileIntegrationStore(directory: folder)
    try await idle(store)
    await store.close()
    try FileManager.default.removeItem(at: place)
}
