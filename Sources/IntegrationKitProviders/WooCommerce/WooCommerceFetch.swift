// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension WooCommerceProvider {
    /// The most records of one list.
    static let pageSize = 100

    /// Fetches records by id, 100 in a call.
    ///
    /// The list proves that the key is good, without which a shop says of every product that it is not there. What it does
    /// not show is asked for alone; what lies in the trash is gone for everybody but the shop's owner.
    public func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws
        -> [FetchResult]
    {
        struct List: Hashable {
            var kind: RecordKind
            var parent: String?
        }
        var results: [RemoteID: FetchResult] = [:]
        var lists: [List: [RemoteID]] = [:]
        for id in ids {
            _ = try WooCommerceResource.of(id.kind)
            lists[List(kind: id.kind, parent: id.parent), default: []].append(id)
        }
        for (list, wanted) in lists.sorted(by: {
            ($0.key.kind.rawValue, $0.key.parent ?? "") < ($1.key.kind.rawValue, $1.key.parent ?? "")
        }) {
            let resource = try WooCommerceResource.of(list.kind)
            guard let path = resource.list(under: list.parent) else {
                for id in wanted { results[id] = .hidden(id, WooCommerceProvider.homeless(id)) }
                continue
            }
            do {
                for start in stride(from: 0, to: wanted.count, by: WooCommerceProvider.pageSize) {
                    let part = Array(wanted[start..<min(start + WooCommerceProvider.pageSize, wanted.count)])
                    results.merge(try await fetch(part, resource, path, fields, in: session)) { $1 }
                }
            } catch let error as IntegrationError where error.code == .forbidden && error.concerns == .kind {
                for id in wanted where results[id] == nil { results[id] = .hidden(id, error) }
            }
        }
        return try ids.map { id in
            guard let result = results[id] else { throw WooCommerceCall.unanswered(mayHaveHappened: false) }
            return result
        }
    }

    private func fetch(
        _ ids: [RemoteID],
        _ resource: WooCommerceResource,
        _ path: String,
        _ fields: [FieldName],
        in session: ProviderSession
    ) async throws -> [RemoteID: FetchResult] {
        let requests = requests(for: session.account)
        var results: [RemoteID: FetchResult] = [:]
        let members = WooCommerceFields.members(for: fields, of: resource.kind).joined(separator: ",")
        if resource.kind != .note, ids.count > 1 || resource.parentPath == nil {
            var query: [WooCommerceRequests.Parameter] = [
                ("include", ids.map(\.value).joined(separator: ",")),
                ("per_page", String(WooCommerceProvider.pageSize)),
            ]
            query.append(resource.kind == .customer ? ("role", "all") : ("status", "any"))
            query.append(("_fields", members))
            do {
                let rows = try await read(try requests.get(path, query), in: session).array ?? []
                let payloads = WooCommercePayloads(account: session.account)
                for row in rows {
                    guard let record = payloads.record(row, kind: resource.kind, parent: ids[0].parent, wanted: fields)
                    else { continue }
                    results[record.id] = .found(record)
                }
            } catch let error as IntegrationError where error.code == .gone {
                // The product of these variations is gone, and they with it; each is asked for alone.
            }
        }
        for id in ids where results[id] == nil {
            results[id] = try await fetchAlone(id, resource, path, fields, members, in: session)
        }
        return results
    }

    private func fetchAlone(
        _ id: RemoteID,
        _ resource: WooCommerceResource,
        _ path: String,
        _ fields: [FieldName],
        _ members: String,
        in session: ProviderSession
    ) async throws -> FetchResult {
        let requests = requests(for: session.account)
        let escaped = WooCommerceRequests.escape(id.value)
        do {
            let row = try await read(try requests.get("\(path)/\(escaped)", [("_fields", members)]), in: session)
            let payloads = WooCommercePayloads(account: session.account)
            guard let record = payloads.record(row, kind: resource.kind, parent: id.parent, wanted: fields) else {
                throw WooCommerceCall.unanswered(mayHaveHappened: false)
            }
            if WooCommercePayloads.isTrashed(row) { return .gone(id) }
            // A SKU may have led to what is a variation; it goes by its own address from now on.
            return record.id == id ? .found(record) : .moved(id, into: [record.id])
        } catch let error as IntegrationError where error.code == .gone {
            if resource.parentPath != nil { try await proveKey(in: session) }
            return .gone(id)
        } catch let error as IntegrationError where error.code == .forbidden && error.concerns == .kind {
            return .hidden(id, error)
        }
    }

    /// Makes sure that it is not the key that hides a record.
    private func proveKey(in session: ProviderSession) async throws {
        let requests = requests(for: session.account)
        _ = try await read(try requests.get("orders", [("per_page", "1"), ("_fields", "id")]), in: session)
    }

    private static func homeless(_ id: RemoteID) -> IntegrationError {
        error(.unsupported, "The \(id.kind.rawValue) \(id.value) names no record that it belongs to.")
    }
}
