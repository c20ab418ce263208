// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension HubSpotProvider {
    /// Looks records up: by our key, then by the contact's e-mail address, both from the primary store; companies by
    /// domain and products by SKU through the search, whose silence proves nothing; notes, calls and tasks by our
    /// marker among the newest of the record that they belong to.
    public func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult] {
        var results: [UUID: LookupResult] = [:]
        for object in HubSpotObject.all {
            let own = writes.filter { $0.kind == object.kind }
            guard !own.isEmpty else { continue }
            let look = HubSpotLook(provider: self, object: object, session: session)
            results.merge(try await look.results(for: own)) { first, _ in first }
        }
        return try writes.map { write in
            if let result = results[write.id] { return result }
            _ = try HubSpotObject.of(write.kind)
            throw HubSpotCall.unanswered(mayHaveHappened: false)
        }
    }
}

/// The look-ups of one kind.
private struct HubSpotLook {
    let provider: HubSpotProvider
    let object: HubSpotObject
    let session: ProviderSession

    private var slot: FieldName? { session.account.profile.keySlots[object.kind]?.field }

    func results(for writes: [RecordWrite]) async throws -> [UUID: LookupResult] {
        var results: [UUID: LookupResult] = [:]
        if let slot { results = try await byKey(writes, slot: slot) }
        func open() -> [RecordWrite] { writes.filter { results[$0.id] == nil } }
        if object.kind == .contact {
            results.merge(try await byEmail(open())) { first, _ in first }
        } else if object.markedBody != nil {
            // With a key property too: the write may have been sent before the property was made.
            results.merge(try await byMarker(open())) { first, _ in first }
        } else if let property = HubSpotLook.searched[object.kind] {
            results.merge(try await bySearch(open(), property: property)) { first, _ in first }
        }
        for write in open() {
            results[write.id] =
                slot == nil
                ? .undecidable("The account has no property for our key, and nothing else of the record is unique.")
                : .absent
        }
        return results
    }

    /// Natural keys that HubSpot keeps unique nowhere, so only the search knows them.
    private static let searched: [RecordKind: FieldName] = [.company: "domain", .product: "hs_sku"]

    // MARK: From the primary store

    private func byKey(_ writes: [RecordWrite], slot: FieldName) async throws -> [UUID: LookupResult] {
        let records = try await read(writes.map(\.externalKey), by: slot.rawValue, fields: writes)
        var results: [UUID: LookupResult] = [:]
        for write in writes {
            if let record = records.first(where: { $0.externalKey == write.externalKey }) {
                results[write.id] = .found(record, byExternalKey: true)
            }
        }
        return results
    }

    private func byEmail(_ writes: [RecordWrite]) async throws -> [UUID: LookupResult] {
        let emails = writes.compactMap { HubSpotProvider.email(of: $0) }
        let records = emails.isEmpty ? [] : try await read(emails, by: "email", fields: writes)
        var results: [UUID: LookupResult] = [:]
        for write in writes {
            guard let email = HubSpotProvider.email(of: write) else { continue }
            let hits = records.filter { HubSpotLook.holds(email, $0) }
            results[write.id] = HubSpotLook.result(hits) ?? .absent
        }
        return results
    }

    private static func holds(_ email: String, _ record: RemoteRecord) -> Bool {
        if case .text(let main) = record.fields["email"], main.lowercased() == email { return true }
        guard case .options(let others) = record.fields["hs_additional_emails"] else { return false }
        return others.contains { $0.lowercased() == email }
    }

    private func read(_ values: [String], by property: String? = nil, fields writes: [RecordWrite]) async throws
        -> [RemoteRecord]
    {
        let own: [FieldName] = object.kind == .contact ? ["email", "hs_additional_emails"] : ["hs_createdate"]
        let fields = Set(writes.flatMap(\.fields.keys)).union(own)
        return try await provider.readRecords(
            values,
            by: property,
            of: object,
            names: HubSpotPayloads(account: session.account).names(for: fields.sorted(), of: object),
            wanted: nil,
            in: session
        )
    }

    /// Nil if there is no hit.
    private static func result(_ hits: [RemoteRecord]) -> LookupResult? {
        guard let first = hits.first else { return nil }
        return Set(hits.map(\.id)).count == 1
            ? .found(first, byExternalKey: false) : .several(Array(Set(hits.map(\.id))).sorted { $0.value < $1.value })
    }

    // MARK: By search

    private func bySearch(_ writes: [RecordWrite], property: FieldName) async throws -> [UUID: LookupResult] {
        let named = writes.compactMap { write -> (write: RecordWrite, value: String)? in
            let value = write.naturalKeys[property] ?? write.fields[property]
            guard case .text(let text) = value, !text.isEmpty else { return nil }
            return (write, text)
        }
        var results: [UUID: LookupResult] = [:]
        // A search takes five groups of filters, so five values go into one call.
        for start in stride(from: 0, to: named.count, by: 5) {
            let part = Array(named[start..<min(start + 5, named.count)])
            let (hits, isWhole) = try await search(part.map(\.value), property: property)
            let records = try await read(hits, fields: part.map(\.write))
            for (write, value) in part {
                let own = records.filter {
                    guard case .text(let text) = $0.fields[property] else { return false }
                    return text.lowercased() == value.lowercased()
                }
                if let result = HubSpotLook.result(own) {
                    results[write.id] = result
                } else if !isWhole {
                    results[write.id] = .undecidable("More records share these values than a search shows.")
                } else if slot == nil {
                    results[write.id] = silence(write)
                }
            }
        }
        return results
    }

    private func search(_ values: [String], property: FieldName) async throws -> (ids: [String], isWhole: Bool) {
        let requests = provider.requests(for: session.account)
        let groups = values.map { value -> JSONValue in
            ["filters": [["propertyName": .string(property.rawValue), "operator": "EQ", "value": .string(value)]]]
        }
        let request = try requests.post(
            requests.objects(object) + "/search",
            body: [
                "filterGroups": .array(groups), "sorts": [], "properties": [.string(property.rawValue)], "limit": 200,
                "after": "0",
            ],
            effect: .read
        )
        let answer = try await provider.read(request, in: session)
        let ids = (answer["results"]?.array ?? []).compactMap { $0["id"]?.idText }
        return (ids, answer["paging"]?["next"] == nil)
    }

    /// The search lags without a promised bound: for an hour it is too early to say, and later it still proves nothing.
    private func silence(_ write: RecordWrite) -> LookupResult {
        if let sent = write.firstSentAt {
            let left = 3_600 - session.now().timeIntervalSince(sent)
            if left > 0 { return .tooEarly(.seconds(Int64(left.rounded(.up)))) }
        }
        return .undecidable("HubSpot's search does not show the record, and the account has no property for our key.")
    }

    // MARK: By marker

    private func byMarker(_ writes: [RecordWrite]) async throws -> [UUID: LookupResult] {
        var results: [UUID: LookupResult] = [:]
        let anchored = writes.compactMap { write in
            HubSpotProvider.anchor(of: write).map { (write: write, anchor: $0) }
        }
        for kind in Set(anchored.map(\.anchor.kind)).sorted(by: { $0.rawValue < $1.rawValue }) {
            let part = anchored.filter { $0.anchor.kind == kind }
            let newest = try await newestRecords(of: part.map(\.anchor), kind: kind)
            let ids = Set(newest.values.flatMap(\.ids)).sorted()
            let records = try await read(ids, fields: part.map(\.write))
            for (write, anchor) in part {
                let own = Set(newest[anchor.value]?.ids ?? [])
                let records = records.filter { own.contains($0.id.value) }
                let hits = records.filter { $0.externalKey == write.externalKey }
                if let result = HubSpotLook.result(hits) {
                    if case .found(let record, _) = result {
                        results[write.id] = .found(record, byExternalKey: true)
                    } else {
                        results[write.id] = result
                    }
                } else if newest[anchor.value]?.isWhole ?? true || HubSpotLook.reach(records, before: write) {
                    results[write.id] = .absent
                } else {
                    results[write.id] = .undecidable("The record has more of these than are looked through.")
                }
            }
        }
        for write in writes where results[write.id] == nil && slot == nil {
            results[write.id] = .undecidable("The record belongs to no other, so there is nowhere to look for it.")
        }
        return results
    }

    /// Whether the oldest of the records was made before the write was first sent: then ours would be among them.
    private static func reach(_ records: [RemoteRecord], before write: RecordWrite) -> Bool {
        guard let sent = write.firstSentAt else { return false }
        let dates = records.compactMap { record -> Date? in
            if case .instant(let date) = record.fields["hs_createdate"] { date } else { nil }
        }
        return dates.min().map { $0 < sent.addingTimeInterval(-3_600) } ?? false
    }

    /// How many of the newest are looked through for one record.
    private static let depth = 200

    /// The newest ids by anchor, and whether these are all; ids grow with time.
    private func newestRecords(of anchors: [RemoteID], kind: RecordKind) async throws
        -> [String: (ids: [String], isWhole: Bool)]
    {
        let requests = provider.requests(for: session.account)
        let path = requests.associations(try HubSpotObject.of(kind), object) + "/batch/read"
        var found: [String: Set<String>] = [:]
        var inputs = Set(anchors.map(\.value)).sorted().map { ["id": .string($0)] as JSONValue }
        while !inputs.isEmpty {
            let request = try requests.post(path, body: ["inputs": .array(inputs)], effect: .read)
            let answer = try await provider.read(request, in: session)
            inputs = []
            for result in answer["results"]?.array ?? [] {
                guard let from = result["from"]?["id"]?.idText else { continue }
                found[from, default: []].formUnion(
                    (result["to"]?.array ?? []).compactMap { $0["toObjectId"]?.idText }
                )
                if let after = result["paging"]?["next"]?["after"]?.idText {
                    inputs.append(["id": .string(from), "after": .string(after)])
                }
            }
        }
        return found.mapValues { ids in
            let newest = ids.sorted { (Int64($0) ?? 0) > (Int64($1) ?? 0) }.prefix(HubSpotLook.depth)
            return (Array(newest), newest.count == ids.count)
        }
    }
}
