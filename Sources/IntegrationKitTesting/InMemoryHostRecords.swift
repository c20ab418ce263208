// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// A host's table of records in memory, for tests and examples: what a host's own conformance does, in small.
///
/// ```swift
/// let host = InMemoryHostRecords()
/// let ada = HostReference(tenant: "tenant-42", kind: "prospect", id: "prospect_123")
/// await host.edit(ada, ["email": "ada@example.fr"])
/// ```
public actor InMemoryHostRecords {
    private struct Row: Codable {
        var fields: [FieldName: FieldValue]
        var revision: Int
    }

    private struct Source: Hashable, Codable {
        var integration: String
        var remote: RemoteID
    }

    private struct Seen {
        var change: InboundChange
        var reference: HostReference
        var stored: HostRecord?
    }

    private struct Saved: Codable {
        var rows: [HostReference: Row]
        var lastRevision: Int
        var partners: [Source: HostReference]
    }

    private var rows: [HostReference: Row] = [:]
    private var lastRevision = 0
    private var partners: [Source: HostReference] = [:]
    private var seen: [Source: [Seen]] = [:]
    private var refusal: @Sendable (InboundChange) -> (any Error)? = { _ in nil }
    private var staleness: @Sendable (InboundChange) -> Bool = { _ in false }
    private var rules: @Sendable (HostReference, [FieldName: FieldValue]) -> [FieldName: FieldValue] = { $1 }

    /// The changes that were carried out, in order; refused, stale and repeated ones are not among them.
    public private(set) var applied: [InboundChange] = []
    /// How often ``apply(_:)`` was called with changes that had been carried out before.
    public private(set) var repeats = 0
    /// What people asked for about their data, in order.
    public private(set) var privacyRequests: [PrivacyRequest] = []

    /// Creates an empty table.
    public init() {}

    /// Creates a table with the records that another one held.
    ///
    /// - Parameter saved: What ``saved()`` returned.
    /// - Throws: `DecodingError` if the bytes are something else.
    public init(restoring saved: Data) throws {
        let saved = try JSONDecoder().decode(Saved.self, from: saved)
        rows = saved.rows
        lastRevision = saved.lastRevision
        partners = saved.partners
    }

    /// The records that are there.
    public var references: Set<HostReference> { Set(rows.keys) }

    /// Returns a record; nil if it is not there.
    ///
    /// - Parameter reference: The record.
    /// - Returns: The record as it is now.
    public func record(_ reference: HostReference) -> HostRecord? {
        rows[reference].map { HostRecord(fields: $0.fields, revision: String($0.revision)) }
    }

    /// Returns the record that a change from a platform made or changed.
    ///
    /// - Parameters:
    ///   - remote: The record on the platform.
    ///   - integration: The integration.
    /// - Returns: The record of the host; nil if there is none.
    public func partner(of remote: RemoteID, in integration: String) -> HostReference? {
        partners[Source(integration: integration, remote: remote)]
    }

    /// Changes fields of a record as the host's own users do, making it if it is not there.
    ///
    /// - Parameters:
    ///   - reference: The record.
    ///   - fields: The fields to change.
    /// - Returns: The record afterwards.
    @discardableResult
    public func edit(_ reference: HostReference, _ fields: [FieldName: FieldValue]) -> HostRecord {
        lastRevision += 1
        let changed = (rows[reference]?.fields ?? [:]).merging(fields) { $1 }
        let row = Row(fields: rules(reference, changed), revision: lastRevision)
        rows[reference] = row
        return HostRecord(fields: row.fields, revision: String(row.revision))
    }

    /// Deletes a record as the host's own users do.
    ///
    /// - Parameter reference: The record.
    public func delete(_ reference: HostReference) {
        rows[reference] = nil
    }

    /// Sets which changes the host refuses.
    ///
    /// - Parameter refusal: Returns why; nil: not refused.
    public func refuse(_ refusal: @escaping @Sendable (InboundChange) -> (any Error)?) {
        self.refusal = refusal
    }

    /// Sets which changes are answered as stale, whatever they expect.
    ///
    /// - Parameter staleness: Returns whether a change is stale.
    public func answerStale(_ staleness: @escaping @Sendable (InboundChange) -> Bool) {
        self.staleness = staleness
    }

    /// Sets what the host makes of a record's fields when it stores them: trimmed, in lower case, a default filled in.
    ///
    /// - Parameter rules: Returns the fields to store.
    public func store(
        by rules: @escaping @Sendable (HostReference, [FieldName: FieldValue]) -> [FieldName: FieldValue]
    ) {
        self.rules = rules
    }
}

extension InMemoryHostRecords {
    /// Returns the records, for ``init(restoring:)``; what is noted for tests is not among it.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`, never for what a table can hold.
    public func saved() throws -> Data {
        try JSONEncoder().encode(Saved(rows: rows, lastRevision: lastRevision, partners: partners))
    }
}

extension InMemoryHostRecords: HostRecords {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func current(_ records: [HostReference]) -> [HostReference: HostRecord] {
        var found: [HostReference: HostRecord] = [:]
        for reference in records { found[reference] = record(reference) }
        return found
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func apply(_ changes: [InboundChange]) -> [InboundOutcome] {
        changes.map(apply)
    }

    private func apply(_ change: InboundChange) -> InboundOutcome {
        let source = Source(integration: change.integration, remote: change.remote)
        if let done = seen[source]?.last(where: { isRepeat(of: $0.change, change) }), !isChanged(since: done) {
            repeats += 1
            return .applied(done.reference, stored: done.stored)
        }
        if let error = refusal(change) { return .refused(error) }
        if staleness(change) { return .stale }
        guard let reference = target(of: change, from: source) else {
            return .refused(IntegrationError(.invalidInput, "The change names no record of the host."))
        }
        if let expected = change.expecting, rows[reference].map({ String($0.revision) }) != expected { return .stale }
        if let error = carryOut(change, on: reference, from: source) { return .refused(error) }
        let stored = record(reference)
        applied.append(change)
        seen[source, default: []].append(Seen(change: change, reference: reference, stored: stored))
        return .applied(reference, stored: stored)
    }

    /// The record that a change is about: a create that comes again, also as another version, is about the one made.
    private func target(of change: InboundChange, from source: Source) -> HostReference? {
        switch change.action {
        case .create: partners[source] ?? change.host
        case .update, .delete, .merge: change.host ?? partners[source]
        case .privacy:
            change.host ?? partners[source]
                ?? HostReference(tenant: "", kind: change.remote.kind.rawValue, id: change.remote.value)
        }
    }

    private func carryOut(
        _ change: InboundChange,
        on reference: HostReference,
        from source: Source
    ) -> IntegrationError? {
        switch change.action {
        case .create:
            if rows[reference] != nil, partners[source] == nil {
                return IntegrationError(.conflict, "A record of the proposed id is there already.")
            }
            edit(reference, change.fields)
            partners[source] = reference
        case .update:
            guard rows[reference] != nil else {
                return IntegrationError(.notFound, "The host has no such record.")
            }
            edit(reference, change.fields)
            partners[source] = reference
        case .delete:
            delete(reference)
        case .merge(let winner):
            // The record stays: whether two records of the host become one is for its own users.
            partners[source] = winner
        case .privacy(let request):
            privacyRequests.append(request)
            if request.action == .erase { delete(reference) }
        }
        return nil
    }

    /// Whether an update that was carried out was overtaken: one that comes again is a new one then.
    private func isChanged(since done: Seen) -> Bool {
        guard case .update = done.change.action, let now = record(done.reference) else { return false }
        return now.revision != done.stored?.revision
    }

    /// Whether a change is one that came before.
    ///
    /// Platforms whose versions are whole seconds give two edits one version,
    /// so the content counts too; without a version only a create can be known again.
    private func isRepeat(of old: InboundChange, _ new: InboundChange) -> Bool {
        guard name(of: old.action) == name(of: new.action), old.fields == new.fields else { return false }
        if case .create = new.action { return old.version == new.version }
        return new.version != nil && old.version == new.version
    }

    private func name(of action: InboundChange.Action) -> String {
        switch action {
        case .create: "create"
        case .update: "update"
        case .delete: "delete"
        case .merge: "merge"
        case .privacy(let request): "privacy \(request.action.rawValue)"
        }
    }
}
