// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A change to many records at once that waits until a person confirms it.
public struct HeldChange: Hashable, Sendable {
    /// What it would do.
    public enum Effect: String, Hashable, Codable, Sendable {
        /// Records that a whole reading did not show any more would count as deleted.
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

/// A held change as it is kept.
struct GuardRecord: StoredRecord {
    static let type = "guard"
    var effect: HeldChange.Effect
    var kind: RecordKind
    var count: Int
    var total: Int
    var since: Date
    /// How many records a person agreed to.
    var confirmed: Int?

    static func key(_ effect: HeldChange.Effect, _ kind: RecordKind, _ integration: String) -> String {
        RowKey.join(integration, effect.rawValue, kind.rawValue)
    }

    func row(_ integration: LoadedIntegration) throws -> RowContent {
        try content(
            key: GuardRecord.key(effect, kind, integration.id),
            tenant: integration.tenant,
            integration: integration.id,
            indexes: [IndexEntry("guard.integration", integration.id)],
            keep: confirmed == nil ? nil : .seconds(7 * 86_400)
        )
    }
}

extension LaneWorker {
    /// Whether a change to so many records may be made; one that is too large waits for a person.
    func allows(_ effect: HeldChange.Effect, _ kind: RecordKind, count: Int, of total: Int) async throws -> Bool {
        let key = GuardRecord.key(effect, kind, integration.id)
        let row = try await core.store.record(GuardRecord.self, key)
        guard core.options.isMassChange(count, of: total) else {
            if let row, row.record.confirmed == nil {
                _ = try await note([.revision(row.id, row.revision)], deletes: [row.id])
            }
            return true
        }
        // What grew a little since it was confirmed is still what was meant.
        if let confirmed = row?.record.confirmed, count <= confirmed + confirmed / 10 { return true }
        let held = GuardRecord(
            effect: effect,
            kind: kind,
            count: count,
            total: total,
            since: row?.record.since ?? core.now()
        )
        let known = row.map { Requirement.revision($0.id, $0.revision) } ?? .absent(GuardRecord.rowID(key))
        // Whoever confirmed it meanwhile is heard when it is read again.
        guard try await note([known], puts: [try held.row(integration)]) else { return false }
        // Emptied values suspend their kind, which is an incident already.
        if effect == .delete {
            note(IncidentCause.held(kind), kind: kind, GuardRecord.error(effect, kind, count, total))
        }
        return false
    }

    /// Commits what is noted of a held change; false: somebody was faster, or the integration is no more.
    private func note(
        _ requires: Set<Requirement>,
        puts: [RowContent] = [],
        deletes: [RowID] = []
    ) async throws -> Bool {
        do {
            let requires = requires.union([integration.fenceRequirement])
            try await core.commit(
                Changes(id: core.random.uuid(), requires: requires, puts: puts, deletes: deletes)
            )
            return true
        } catch StoreFailure.conflict {
            return false
        }
    }
}

extension GuardRecord {
    static func error(_ effect: HeldChange.Effect, _ kind: RecordKind, _ count: Int, _ total: Int) -> IntegrationError {
        IntegrationError(
            .refused,
            effect == .delete
                ? "\(count) of \(total) records of kind \(kind.rawValue) are not shown any more; nothing was deleted."
                : "\(count) of \(total) records of kind \(kind.rawValue) would lose values; nothing was changed.",
            remedy: LocalizedText(
                "Look whether this was meant, then confirm it; else repair the account's rights or the mapping.",
                fr: "Vérifiez que c’est voulu, puis confirmez ; sinon, corrigez les droits du compte ou le mappage."
            ),
            retry: .afterSetup,
            concerns: .kind
        )
    }
}

extension EngineOptions {
    /// Whether a change concerns so many records that a person is asked first.
    func isMassChange(_ count: Int, of total: Int) -> Bool {
        count > massChangeMinimum && Double(count) > massChangeShare * Double(total)
    }
}

extension IntegrationManager {
    /// Returns the changes to many records that wait for a person.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The changes.
    /// - Throws: ``IntegrationError`` if the store failed.
    public func heldChanges(of id: String) async throws -> [HeldChange] {
        try await core.store.records(GuardRecord.self, matching: RowQuery("guard.integration", keys: [id]))
            .map(\.record).filter { $0.confirmed == nil }
            .map { HeldChange(effect: $0.effect, kind: $0.kind, count: $0.count, total: $0.total, since: $0.since) }
    }

    /// Lets a held change happen; what is read next is compared anew, and more than was agreed to waits again.
    ///
    /// - Parameters:
    ///   - change: The change, as it was shown.
    ///   - id: The integration's id.
    /// - Throws: ``IntegrationError`` with code `notFound` if it does not wait any more.
    public func confirm(_ change: HeldChange, of id: String) async throws {
        let integration = try await load(id)
        let key = GuardRecord.key(change.effect, change.kind, id)
        guard let row = try await core.store.record(GuardRecord.self, key), row.record.confirmed == nil else {
            throw IntegrationError(
                .notFound,
                "No such change waits.",
                remedy: LocalizedText("List the held changes again.", fr: "Rechargez la liste.")
            )
        }
        var record = row.record
        record.confirmed = change.count
        var changes = Changes(
            id: core.random.uuid(),
            requires: [.revision(row.id, row.revision)],
            puts: [try record.row(integration)]
        )
        for stream in integration.streams where stream.kinds.contains(change.kind) {
            let cursorKey = RowKey.join(id, stream.id)
            if stream.mode == .scan, change.effect == .delete,
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
        if change.effect == .blank { try await resume(id, kind: change.kind) }
    }
}
