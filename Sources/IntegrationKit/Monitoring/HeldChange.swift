// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A change to many records at once that waits until a person confirms it.
public struct HeldChange: Hashable, Sendable {
    /// What it would do.
    public enum Effect: String, Hashable, Codable, Sendable {
        /// Records are gone on the platform, and the host's would part from them or be deleted.
        case delete
        /// Values in the host's records would become empty.
        case blank
    }

    /// What it would do.
    public var effect: Effect
    /// The kind of record.
    public var kind: RecordKind
    /// How many records it concerns.
    public var count: Int
    /// Of how many.
    public var total: Int
    /// Since when it waits.
    public var since: Date
}

extension IntegrationManager {
    /// Returns the changes to many records that wait for a person.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The changes.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func heldChanges(of id: String) async throws -> [HeldChange] {
        try await core.heldChanges(of: id)
    }

    /// Lets a held change happen; more than was agreed to waits again.
    ///
    /// What waits is read once more and compared anew.
    ///
    /// - Parameters:
    ///   - change: The change, as it was shown.
    ///   - id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound` if it does not wait any more.
    public func confirm(_ change: HeldChange, of id: String) async throws {
        let integration = try await load(id)
        let key = GuardRecord.key(change.effect, change.kind, id)
        let isHeld = try await core.heldChanges(of: id).contains {
            $0.effect == change.effect && $0.kind == change.kind
        }
        guard isHeld, let row = try await core.store.record(GuardRecord.self, key) else {
            throw IntegrationError(
                .notFound,
                "No such change waits.",
                remedy: LocalizedText("List the held changes again.", fr: "Rechargez la liste.")
            )
        }
        var record = row.record
        record.agree(to: change.count, at: try await core.storeTime())
        var changes = Changes(
            id: core.random.uuid(),
            requires: [.revision(row.id, row.revision)],
            puts: [try record.row(integration)]
        )
        for stream in integration.streams where stream.kinds.contains(change.kind) {
            let cursorKey = RowKey.join(id, stream.id)
            if stream.mode == .scan, row.record.unseen > 0,
                let cursor = try await core.store.record(PullCursor.self, cursorKey)
            {
                var again = cursor.record
                again.sweepEnded = nil
                changes.requires.insert(.revision(cursor.id, cursor.revision))
                changes.puts.append(
                    try again.content(key: cursorKey, tenant: integration.tenant, integration: id)
                )
            }
            changes.touches.append(LaneTouch(.pull(stream, in: id), tenant: integration.tenant, workClass: .pull))
        }
        do {
            try await core.commit(changes)
        } catch StoreFailure.conflict {
            throw IntegrationError(.conflict, "The change moved on meanwhile.", retry: .after(.zero))
        }
        try await core.wakeLanes(of: integration, GuardMark.indexName, key)
    }
}
