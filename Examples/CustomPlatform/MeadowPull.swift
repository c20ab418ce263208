// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension MeadowProvider {
    /// Each kind has one list, by date of change and then by id; it shows deleted records too, and shows all at once.
    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        guard descriptor.kind(kind) != nil else { return [] }
        return [
            ChangeStream(
                id: "\(MeadowProvider.collection(of: kind)).changed",
                kinds: [kind],
                mode: .window,
                order: .changeTime,
                paging: .keyset,
                precision: .milliseconds(1),
                showsDeletions: true
            )
        ]
    }

    /// Reads one page of a list.
    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        guard let kind = stream.kinds.first else {
            throw IntegrationError(.invalidInput, "Meadow has no list \(stream.id).", concerns: .kind)
        }
        let bounds = [
            "since": query.from.map { ISO8601.string(from: $0, alwaysMilliseconds: true) },
            "before": query.until.map { ISO8601.string(from: $0, alwaysMilliseconds: true) },
            "after": query.page?.string,
            "limit": String(query.limit),
        ]
        let items = bounds.sorted { $0.key < $1.key }.filter { $0.value != nil }.map(URLQueryItem.init)
        let path = MeadowProvider.collection(of: kind)
        let answer = try await read(request(.get, path, query: items, for: session.account), in: session)
        let rows = answer["records"]?.array ?? []
        let ids = rows.compactMap { $0["id"]?.idText }.map { RemoteID(kind, $0) }
        return ChangePage(
            changes: rows.compactMap { change($0, of: kind) },
            next: answer["next"]?.string.map { .string($0) },
            first: ids.first,
            last: ids.last
        )
    }

    private func change(_ row: JSONValue, of kind: RecordKind) -> RecordChange? {
        guard let record = record(row, of: kind) else { return nil }
        if let winner = row["merged_into"]?.idText { return .merged(record.id, into: RemoteID(kind, winner)) }
        return row["deleted"]?.bool == true ? .deleted(record.id, at: record.modifiedAt) : .updated(record)
    }

    /// Fetches records by id.
    ///
    /// Meadow tells of deleted and merged ones that they are, and nothing of unknown ones.
    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws -> [FetchResult]
    {
        var results: [RemoteID: FetchResult] = [:]
        for kind in descriptor.kinds.map(\.kind) {
            let own = ids.filter { $0.kind == kind }.map(\.value)
            for row in try await rows(of: kind, by: "ids", own, in: session) {
                switch change(row, of: kind) {
                case .updated(let record): results[record.id] = .found(record)
                case .merged(let id, let winner): results[id] = .moved(id, into: [winner])
                case .deleted, .converted, nil: break
                }
            }
        }
        return ids.map { results[$0] ?? .gone($0) }
    }

    /// Finds rows, 50 in a call, by `ids`, `keys` or `emails`.
    func rows(
        of kind: RecordKind,
        by name: String,
        _ values: [String],
        in session: ProviderSession
    ) async throws -> [JSONValue] {
        var rows: [JSONValue] = []
        for start in stride(from: 0, to: values.count, by: 50) {
            let part = values[start..<min(start + 50, values.count)].map { JSONValue.string($0) }
            let body = JSONValue.object(JSONObject([name: .array(part)]))
            let path = "\(MeadowProvider.collection(of: kind))/find"
            let answer = try await read(request(.post, path, body: body, for: session.account), in: session)
            rows += answer["records"]?.array ?? []
        }
        return rows
    }
}
