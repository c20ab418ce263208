// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension HubSpotProvider {
    /// Fetches records by id, 100 in a call, from the primary store.
    ///
    /// What the batch call does not show is asked for alone: only there the id of a record that was merged into another
    /// reaches the other.
    public func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws
        -> [FetchResult]
    {
        var results: [RemoteID: FetchResult] = [:]
        for object in HubSpotObject.all {
            let wanted = ids.filter { $0.kind == object.kind }
            guard !wanted.isEmpty else { continue }
            let names = HubSpotPayloads(account: session.account).names(for: fields, of: object)
            do {
                let found = try await readRecords(
                    wanted.map(\.value),
                    of: object,
                    names: names,
                    wanted: fields,
                    in: session
                )
                for record in found { results[record.id] = .found(record) }
                for id in wanted where results[id] == nil {
                    results[id] = try await readAlone(id, of: object, names: names, wanted: fields, in: session)
                }
            } catch let error as IntegrationError where error.code == .forbidden {
                for id in wanted where results[id] == nil { results[id] = .hidden(id, error) }
            }
        }
        return try ids.map { id in
            if let result = results[id] { return result }
            _ = try HubSpotObject.of(id.kind)
            throw HubSpotCall.unanswered(mayHaveHappened: false)
        }
    }

    /// Reads records by id or by a unique property; those that are not there are left out.
    ///
    /// - Parameters:
    ///   - values: The ids, or the values of the property.
    ///   - property: The unique property; nil: the id.
    ///   - object: What they are.
    ///   - names: The properties to ask for.
    ///   - wanted: The fields to return; nil: all that are told.
    ///   - session: The account.
    /// - Returns: The records that are there, in no order.
    /// - Throws: ``IntegrationError``.
    func readRecords(
        _ values: [String],
        by property: String? = nil,
        of object: HubSpotObject,
        names: [String],
        wanted: [FieldName]?,
        in session: ProviderSession
    ) async throws -> [RemoteRecord] {
        let payloads = HubSpotPayloads(account: session.account)
        let requests = requests(for: session.account)
        var seen: Set<String> = []
        let distinct = values.filter { seen.insert($0).inserted }
        var records: [RemoteRecord] = []
        for start in stride(from: 0, to: distinct.count, by: HubSpotProvider.batchSize) {
            let part = distinct[start..<min(start + HubSpotProvider.batchSize, distinct.count)]
            var body: JSONObject = [
                "properties": .array(names.map { .string($0) }), "propertiesWithHistory": [],
            ]
            if let property { body["idProperty"] = .string(property) }
            body["inputs"] = .array(part.map { ["id": .string($0)] })
            let request = try requests.post(
                requests.objects(object) + "/batch/read",
                body: .object(body),
                effect: .read
            )
            let answer = try await read(request, in: session)
            records += (answer["results"]?.array ?? []).compactMap {
                payloads.record($0, of: object, wanted: wanted)
            }
        }
        return records
    }

    private func readAlone(
        _ id: RemoteID,
        of object: HubSpotObject,
        names: [String],
        wanted: [FieldName],
        in session: ProviderSession
    ) async throws -> FetchResult {
        let requests = requests(for: session.account)
        let path = requests.objects(object) + "/" + HubSpotRequests.escape(id.value)
        let request = try requests.get(path, query: HubSpotProvider.propertyQuery(names))
        do {
            let answer = try await read(request, in: session)
            guard let record = HubSpotPayloads(account: session.account).record(answer, of: object, wanted: wanted)
            else { throw HubSpotCall.unanswered(mayHaveHappened: false) }
            return record.id == id ? .found(record) : .moved(id, into: [record.id])
        } catch let error as IntegrationError where error.code == .gone || error.code == .notFound {
            return .gone(id)
        } catch let error as IntegrationError where error.code == .forbidden {
            return .hidden(id, error)
        }
    }

    /// Names properties in an address; a long list would be refused there and is left to a call with a body.
    static func propertyQuery(_ names: [String]) -> [(name: String, value: String)] {
        let joined = names.joined(separator: ",")
        return joined.utf8.count <= 4_000 ? [("properties", joined)] : []
    }
}
