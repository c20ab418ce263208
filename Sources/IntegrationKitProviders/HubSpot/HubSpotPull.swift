// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension HubSpotProvider {
    /// The three lists of a kind: by date of change, all records, and the archived ones.
    ///
    /// None of them shows changed associations: these move no date, and no list tells of them.
    private enum List: String {
        case changed
        case all
        case archived
    }

    /// Returns the lists by which changes of a kind are read.
    public func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream] {
        guard HubSpotObject.all.contains(where: { $0.kind == kind }) else { return [] }
        return [
            ChangeStream(
                id: "\(kind.rawValue).\(List.changed.rawValue)",
                kinds: [kind],
                mode: .window,
                order: .changeTime,
                paging: .keyset,
                precision: .milliseconds(1),
                // The index has no promised delay; what is an hour old has always been there.
                lag: .seconds(3_600)
            ),
            ChangeStream(
                id: "\(kind.rawValue).\(List.all.rawValue)",
                kinds: [kind],
                mode: .scan,
                order: .stableID,
                paging: .keyset,
                sweepEvery: .seconds(24 * 3_600),
                provesAbsence: true
            ),
            ChangeStream(
                id: "\(kind.rawValue).\(List.archived.rawValue)",
                kinds: [kind],
                mode: .scan,
                order: .stableID,
                paging: .keyset,
                reach: .seconds(90 * 24 * 3_600),
                sweepEvery: .seconds(6 * 3_600),
                showsDeletions: true
            ),
        ]
    }

    /// Reads one page of a stream.
    public func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage
    {
        guard let kind = stream.kinds.first, let name = stream.id.split(separator: ".").last,
            let list = List(rawValue: String(name))
        else {
            throw IntegrationError(.invalidInput, "HubSpot has no stream \(stream.id).", concerns: .kind)
        }
        let object = try HubSpotObject.of(kind)
        switch list {
        case .changed: return try await searchPage(of: object, matching: query, in: session)
        case .all: return try await listPage(of: object, archived: false, matching: query, in: session)
        case .archived: return try await listPage(of: object, archived: true, matching: query, in: session)
        }
    }

    // MARK: Lists

    private func listPage(
        of object: HubSpotObject,
        archived: Bool,
        matching query: ChangeQuery,
        in session: ProviderSession
    ) async throws -> ChangePage {
        let requests = requests(for: session.account)
        let payloads = HubSpotPayloads(account: session.account)
        let names = payloads.names(for: query.idsOnly || archived ? [] : query.fields, of: object)
        let inAddress = HubSpotProvider.propertyQuery(names)
        var parameters: [(name: String, value: String)] = [("limit", String(HubSpotProvider.pageSize(query)))]
        if let after = query.page?["after"]?.string { parameters.append(("after", after)) }
        parameters += inAddress
        parameters.append(("archived", archived ? "true" : "false"))
        let answer = try await read(try requests.get(requests.objects(object), query: parameters), in: session)
        let rows = answer["results"]?.array ?? []
        let wanted = query.idsOnly ? [] : query.fields
        var records = rows.compactMap { payloads.record($0, of: object, wanted: wanted) }
        let (first, last) = (records.first?.id, records.last?.id)
        let changes: [RecordChange]
        if archived {
            changes = rows.compactMap { row in
                let date = row["archivedAt"]?.string.flatMap(HubSpotPayloads.date)
                return row["id"]?.idText.map { .deleted(RemoteID(object.kind, $0), at: date) }
            }
        } else {
            if inAddress.isEmpty {
                records = try await readRecords(
                    records.map(\.id.value),
                    of: object,
                    names: names,
                    wanted: wanted,
                    in: session
                )
            }
            changes = HubSpotProvider.changes(of: records)
        }
        let after = answer["paging"]?["next"]?["after"]?.idText
        return ChangePage(
            changes: changes,
            next: after.map { ["after": .string($0)] },
            serverDate: session.now(),
            first: first,
            last: last
        )
    }

    /// A record's change, and the merges that it tells of.
    private static func changes(of records: [RemoteRecord]) -> [RecordChange] {
        records.flatMap { record in
            record.formerIDs.map { RecordChange.merged($0, into: record.id) } + [.updated(record)]
        }
    }

    private static func pageSize(_ query: ChangeQuery) -> Int { min(max(query.limit, 1), batchSize) }

    // MARK: Search

    /// Reads one page of the search by date of change.
    ///
    /// Search pages are counted, shift when records change, and end after 10,000 rows. So no second page is ever asked
    /// for: the next query starts at the newest date seen, and a millisecond that fills a page is read by id.
    private func searchPage(
        of object: HubSpotObject,
        matching query: ChangeQuery,
        in session: ProviderSession
    ) async throws -> ChangePage {
        let lower = max(query.from?.hubSpotMilliseconds ?? 0, HubSpotProvider.earliest)
        let upper = query.until.map { $0.hubSpotMilliseconds - 1 }
        let place = HubSpotPlace(query.page) ?? HubSpotPlace(milliseconds: lower, drainedThrough: nil)
        guard place.milliseconds <= upper ?? .max else { return ChangePage(changes: [], serverDate: session.now()) }
        let size = HubSpotProvider.pageSize(query)
        let requests = requests(for: session.account)
        let request = try requests.post(
            requests.objects(object) + "/search",
            body: HubSpotProvider.search(object, at: place, through: upper, limit: size),
            effect: .read
        )
        let answer = try await read(request, in: session)
        let isLast = answer["paging"]?["next"] == nil
        let rows = (answer["results"]?.array ?? []).compactMap { HubSpotRow($0, object: object) }
        let (shown, next) = place.divide(rows, isLast: isLast, through: upper)
        return ChangePage(
            changes: try await details(of: shown, object: object, matching: query, in: session),
            next: next?.json,
            coveredThrough: next.map { Date(timeIntervalSince1970: Double($0.milliseconds) / 1_000) },
            serverDate: session.now(),
            total: query.page == nil ? answer["total"]?.int64.map(Int.init) : nil,
            first: shown.first?.id,
            last: shown.last?.id
        )
    }

    /// Reads the rows from the primary store; a row that is not there any more may be deleted.
    private func details(
        of rows: [HubSpotRow],
        object: HubSpotObject,
        matching query: ChangeQuery,
        in session: ProviderSession
    ) async throws -> [RecordChange] {
        guard !rows.isEmpty else { return [] }
        if query.idsOnly { return rows.map { .updated($0.record) } }
        let records = try await readRecords(
            rows.map(\.id.value),
            of: object,
            names: HubSpotPayloads(account: session.account).names(for: query.fields, of: object),
            wanted: query.fields,
            in: session
        )
        let found = Set(records.map(\.id))
        let missing = rows.map(\.id).filter { !found.contains($0) }
        return HubSpotProvider.changes(of: records) + missing.map { .deleted($0, at: nil) }
    }

    /// HubSpot fails at the year 1970, and no record is older than HubSpot: 2005-01-01.
    private static let earliest: Int64 = 1_104_537_600_000

    private static func search(_ object: HubSpotObject, at place: HubSpotPlace, through upper: Int64?, limit: Int)
        -> JSONValue
    {
        let property = JSONValue.string(object.changeProperty.rawValue)
        let lower = JSONValue.string(String(place.milliseconds))
        let filters: JSONValue
        let sort: JSONValue
        if let id = place.drainedThrough {
            filters = [
                ["propertyName": property, "operator": "EQ", "value": lower],
                ["propertyName": "hs_object_id", "operator": "GT", "value": .string(id)],
            ]
            sort = ["propertyName": "hs_object_id", "direction": "ASCENDING"]
        } else {
            filters =
                upper.map {
                    [
                        [
                            "propertyName": property, "operator": "BETWEEN", "value": lower,
                            "highValue": .string(String($0)),
                        ]
                    ]
                } ?? [["propertyName": property, "operator": "GTE", "value": lower]]
            sort = ["propertyName": property, "direction": "ASCENDING"]
        }
        return [
            "filterGroups": [["filters": filters]],
            "sorts": [sort],
            "properties": [property, "hs_object_id"],
            "limit": .number(JSONNumber(limit)),
            "after": "0",
        ]
    }
}

/// One row of a search: which record, and when it was changed.
struct HubSpotRow: Sendable {
    let id: RemoteID
    let milliseconds: Int64
    let version: String

    /// Reads a row; one without a date is none that a search by date can mean.
    init?(_ json: JSONValue, object: HubSpotObject) {
        let told = json["properties"]?[object.changeProperty.rawValue]?.string ?? json["updatedAt"]?.string
        guard let id = json["id"]?.idText, let told, let date = HubSpotPayloads.date(told) else { return nil }
        self.id = RemoteID(object.kind, id)
        version = told
        milliseconds = date.hubSpotMilliseconds
    }

    /// The record as far as the row tells.
    var record: RemoteRecord {
        RemoteRecord(
            id: id,
            version: version,
            modifiedAt: Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        )
    }
}

/// Where a search by date of change stands.
struct HubSpotPlace: Hashable, Sendable {
    /// The millisecond to go on from, itself not yet read whole.
    var milliseconds: Int64
    /// Inside a crowded millisecond: the highest id that was read; nil: by date.
    var drainedThrough: String?

    init(milliseconds: Int64, drainedThrough: String?) {
        self.milliseconds = milliseconds
        self.drainedThrough = drainedThrough
    }

    /// Reads a page token.
    init?(_ json: JSONValue?) {
        guard let milliseconds = json?["at"]?.int64 else { return nil }
        self.init(milliseconds: milliseconds, drainedThrough: json?["id"]?.string)
    }

    /// The page token.
    var json: JSONValue {
        var object: JSONObject = ["at": .number(JSONNumber(milliseconds))]
        if let drainedThrough { object["id"] = .string(drainedThrough) }
        return .object(object)
    }

    /// Divides a page into the rows to show now and the place to go on from.
    ///
    /// - Parameters:
    ///   - rows: The rows of the page. Those that are older than the place were read before.
    ///   - isLast: Whether the query has no more rows.
    ///   - upper: The last millisecond that is wanted.
    /// - Returns: The rows, and the next place; nil at the end.
    func divide(_ rows: [HubSpotRow], isLast: Bool, through upper: Int64?) -> (shown: [HubSpotRow], next: HubSpotPlace?)
    {
        let current = rows.filter { $0.milliseconds >= milliseconds }
        if drainedThrough != nil {
            if !isLast, let last = rows.last?.id.value {
                return (current, HubSpotPlace(milliseconds: milliseconds, drainedThrough: last))
            }
            let next = HubSpotPlace(milliseconds: milliseconds + 1, drainedThrough: nil)
            return (current, next.milliseconds <= upper ?? .max ? next : nil)
        }
        if isLast { return (current, nil) }
        guard let newest = rows.last?.milliseconds, newest > milliseconds else {
            return ([], HubSpotPlace(milliseconds: milliseconds, drainedThrough: "0"))
        }
        // The newest millisecond may be cut in half: the next query begins with it.
        return (
            current.filter { $0.milliseconds < newest },
            HubSpotPlace(milliseconds: newest, drainedThrough: nil)
        )
    }
}

extension Date {
    /// The whole milliseconds since 1970.
    fileprivate var hubSpotMilliseconds: Int64 { Int64((timeIntervalSince1970 * 1_000).rounded()) }
}
