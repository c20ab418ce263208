// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LoadedIntegration {
    /// The keys of the ``NaturalKey`` rows of values by the platform's names: keyed digests, no value in clear.
    func naturalKeys(_ values: [FieldName: FieldValue], kind: RecordKind) -> [String] {
        let unique = provider.descriptor.kind(kind)?.naturalKeys ?? []
        return unique.compactMap { name in
            guard let value = values[name], !value.isEquivalent(to: .empty) else { return nil }
            let tag = keys.digest("natural-key", Data(value.looselyCanonicalText.utf8))
            return RowKey.join(id, kind.rawValue, name.rawValue, tag.base64EncodedString())
        }
    }

    /// The natural keys of a record of the host's that is to be made.
    func naturalKeys(ofHost fields: [FieldName: FieldValue], _ hostKind: String, _ kind: RecordKind) -> [String] {
        guard let unique = provider.descriptor.kind(kind)?.naturalKeys, !unique.isEmpty,
            let mapping = mappings.first(where: { $0.hostKind == hostKind && $0.kind == kind })
        else { return [] }
        var values: [FieldName: FieldValue] = [:]
        for rule in mapping.rules where rule.isOutbound && unique.contains(rule.remote) {
            // A value that cannot be mapped is refused where it is sent.
            if let told = fields[rule.host], let value = try? CompiledRule(rule).outward(told, context: mappingContext)
            {
                values[rule.remote] = value
            }
        }
        return naturalKeys(values, kind: kind)
    }
}

extension Reconciler {
    /// The host's records that own a natural key of a stranger, or will own it once their create is sent.
    ///
    /// One that is linked already owns another record of the platform: the stranger is somebody else.
    func naturalOwners(of strangers: [RemoteRecord]) async throws -> [RemoteID: HostReference] {
        var wanted: [String: RemoteID] = [:]
        for record in strangers {
            for key in integration.naturalKeys(record.fields, kind: record.id.kind) { wanted[key] = record.id }
        }
        guard !wanted.isEmpty else { return [:] }
        let found = try await core.naturalOwners(of: wanted.keys.sorted())
        guard !found.isEmpty else { return [:] }
        let links = try await core.store.records(
            RecordLink.self,
            Set(found.values.joined()).map { RecordLink.key($0, in: integration.id) }
        )
        var owners: [RemoteID: HostReference] = [:]
        for (key, hosts) in found {
            let host = hosts.first { links[RecordLink.key($0, in: integration.id)]?.record.isLinked != true }
            if let host, let id = wanted[key] { owners[id] = host }
        }
        return owners
    }
}

extension EngineCore {
    /// The host's record that owns each natural key; else those whose jobs will take it, the oldest job first.
    func naturalOwners(of keys: [String]) async throws -> [String: [HostReference]] {
        let owned = try await store.records(NaturalKey.self, keys).mapValues { [$0.record.host] }
        let queued = try await store.records(
            SyncJob.self,
            matching: RowQuery("job.natural", keys: keys, limit: keys.count * 8)
        )
        var found = owned
        for job in queued.sorted(by: { $0.created < $1.created }) {
            guard let host = job.record.record else { continue }
            for key in job.record.naturalKeys where owned[key] == nil && found[key]?.contains(host) != true {
                found[key, default: []].append(host)
            }
        }
        return found
    }
}

extension LaneWorker {
    /// Moves a link's natural keys to what the platform shows; a key that belongs to another record stays there.
    ///
    /// - Returns: The rows to put and to delete, and what must hold for them.
    func movedNaturalKeys(
        of link: inout RecordLink,
        to record: RemoteRecord
    ) async throws -> (puts: [RowContent], deletes: [RowID], requires: Set<Requirement>) {
        guard let host = link.host else { return ([], [], []) }
        let rows = try naturalKeyRows(record.fields, kind: record.id.kind, host: host)
        let wanted = Set(rows.map(\.id.key))
        guard wanted != Set(link.naturalKeys) else { return ([], [], []) }
        let owners = try await core.store.records(NaturalKey.self, Array(wanted))
        let free = rows.filter { owners[$0.id.key].map { $0.record.host == host } ?? true }
        let left = link.naturalKeys.filter { !wanted.contains($0) }
        link.naturalKeys = free.map(\.id.key)
        return (free, left.map(NaturalKey.rowID), Set(free.filter { owners[$0.id.key] == nil }.map { .absent($0.id) }))
    }
}
