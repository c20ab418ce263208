// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// What one run leaves for the next one, beside the store: the sides that are simulated, and what was learned of them.
struct Memory: Codable {
    /// Which run it was, from 1.
    var run = 0
    /// Whether the run began and did not end: what was simulated ended with its process.
    var isUnderWay = false
    /// When both sides' time stood still.
    var date = Date(timeIntervalSince1970: 1_795_593_600)  // Wednesday, 25 November 2026, 08:00 UTC.
    /// Wraps the tenants' keys; a real host keeps it in a keychain or a key service, never beside the store.
    var masterKey = Data(RandomSource.system.bytes(32))
    var hubSpot: Data?
    var company: Data?
    var shop: Data?
    /// Which record of the company is which in each integration.
    var partners: [String: [HostReference: RemoteID]] = [:]
    /// Records that people took apart again in HubSpot.
    var parted: Set<HostReference> = []
    /// Events that were still on their way, by integration.
    var waiting: [String: Set<String>] = [:]

    private static let name = "simulated.json"
    static let store = "store"

    /// Reads what the last run left; an empty one if there was none or it is to be forgotten.
    static func open(_ folder: URL, isFresh: Bool) throws -> Memory {
        let file = folder.appendingPathComponent(name)
        let names = [name, store].map(folder.appendingPathComponent)
        var memory = Memory()
        if !isFresh, FileManager.default.fileExists(atPath: file.path) {
            memory = try JSONDecoder().decode(Memory.self, from: try Data(contentsOf: file))
        }
        if isFresh || memory.isUnderWay {
            // The store survives a run that is killed; the platforms that it speaks of do not.
            for item in names where FileManager.default.fileExists(atPath: item.path) {
                try FileManager.default.removeItem(at: item)
            }
            memory = Memory()
        }
        memory.run += 1
        memory.isUnderWay = true
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try memory.write(to: folder)
        return memory
    }

    func write(to folder: URL) throws {
        let file = folder.appendingPathComponent(Memory.name)
        try JSONEncoder().encode(self).write(to: file, options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    }
}

extension World {
    /// Closes the store and keeps all sides for the next run.
    func close(after verification: Verification, _ integrations: [Integration]) async throws {
        await store.close()
        var memory = memory
        memory.isUnderWay = false
        memory.date = clock.wall
        memory.hubSpot = try hubSpot.saved()
        memory.company = try await host.saved()
        memory.shop = try shop.saved()
        for integration in integrations { memory.partners[integration.id] = partners(in: integration) }
        memory.parted = await parted()
        memory.waiting = verification.waiting.reduce(into: [:]) {
            $0[$1.integration.id, default: []].insert($1.event)
        }
        try memory.write(to: folder)
    }

    /// Which record of the company is which in an integration, as the observer was told in all runs.
    func partners(in integration: Integration) -> [HostReference: RemoteID] {
        var partners = memory.partners[integration.id] ?? [:]
        for event in observer.events where event.integration == integration.id {
            if let record = event.record, let remote = event.remote { partners[record] = remote }
        }
        return partners
    }

    /// The records that people deleted or merged in HubSpot in all runs.
    func parted() async -> Set<HostReference> {
        let now = await host.applied.compactMap { change in
            switch change.action {
            case .merge, .delete: change.host
            default: nil
            }
        }
        return memory.parted.union(now)
    }
}
