// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Reconciler {
    /// Links a record anew that was deleted on the platform and came back there; nil: the host has its own no more.
    ///
    /// What the host said of its record meanwhile went nowhere: the record as it is now says it again.
    func revive(_ record: RemoteRecord, _ row: Row<RecordLink>) async throws -> RecordCommit? {
        var link = row.record
        var said: RowContent?
        if let reference = link.host, let host = worker.host {
            let current = try await worker.asking(host) { try await host.current([reference]) }
            guard let fields = current[reference]?.fields else { return nil }
            said = try words(fields, of: reference, kind: record.id.kind)
        }
        link.state = .linked
        link.digest = Data()
        var commit = try refetch(record.id, link.host)
        commit.requires = [.revision(row.id, row.revision)]
        commit.puts += [said].compactMap(\.self)
        commit.puts.append(try link.row(row.id.key, tenant: integration.tenant, integration: integration.id))
        return commit
    }

    /// A job that says what the host's record holds.
    private func words(
        _ fields: [FieldName: FieldValue],
        of reference: HostReference,
        kind: RecordKind
    ) throws -> RowContent {
        let key = RowKey.join("revived", integration.id, core.random.uuid().uuidString)
        var job = SyncJob(
            tenant: integration.tenant,
            lane: .record(reference, in: integration.id),
            action: .update,
            record: reference,
            kind: kind,
            enqueuedAt: core.storeNow()
        )
        try job.seal(JobPayload(words: fields.mapValues { HostWord(value: $0) }), key, integration.keys)
        return try job.row(key, memory: core.options.memory)
    }
}
