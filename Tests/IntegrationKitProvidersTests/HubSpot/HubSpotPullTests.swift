// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import Testing

/// A portal's deals behind HubSpot's search: by date, at most a page, with a count that ends at 10,000.
private struct HubSpotIndex: Sendable {
    struct Row: Sendable {
        var id: Int64
        var milliseconds: Int64
    }

    var rows: [Row]
    /// Ids that the search still shows and the primary store does not.
    var ghosts: Set<String> = []

    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        let body = try JSONValue(parsing: request.body ?? Data())
        return request.url.path.hasSuffix("/search")
            ? .json(try search(body, size: request.body?.count ?? 0)) : .json(read(body))
    }

    private func search(_ body: JSONValue, size: Int) throws -> JSONValue {
        #expect(size <= 3_000)
        #expect(body["after"] == "0")
        let filters = body["filterGroups"]?[0]?["filters"]?.array ?? []
        var found = rows
        for filter in filters {
            let value = try #require(filter["value"]?.int64)
            #expect(value != 0 || filter["propertyName"]?.string == "hs_object_id")
            let isID = filter["propertyName"]?.string == "hs_object_id"
            #expect(isID || filter["propertyName"]?.string == "hs_lastmodifieddate")
            let high = filter["highValue"]?.int64 ?? .max
            found = found.filter { row in
                let own = isID ? row.id : row.milliseconds
                switch filter["operator"]?.string {
                case "EQ": return own == value
                case "GT": return own > value
                case "GTE": return own >= value
                case "BETWEEN": return own >= value && own <= high
                default: return false
                }
            }
        }
        let byID = body["sorts"]?[0]?["propertyName"]?.string == "hs_object_id"
        found.sort { byID ? $0.id < $1.id : ($0.milliseconds, $1.id) < ($1.milliseconds, $0.id) }
        let limit = Int(try #require(body["limit"]?.int64))
        #expect(limit <= 200)
        var answer: JSONObject = [
            "total": .number(JSONNumber(found.count)),
            "results": .array(found.prefix(limit).map { record($0.id, $0.milliseconds) }),
        ]
        if found.count > limit { answer["paging"] = ["next": ["after": .string(String(limit))]] }
        return .object(answer)
    }

    private func read(_ body: JSONValue) -> JSONValue {
        let ids = (body["inputs"]?.array ?? []).compactMap { $0["id"]?.string }
        #expect(ids.count <= 100)
        #expect(Set(ids).count == ids.count)
        let known = Dictionary(uniqueKeysWithValues: rows.map { (String($0.id), $0) })
        return [
            "results": .array(
                ids.filter { !ghosts.contains($0) }.compactMap { id in known[id].map { record($0.id, $0.milliseconds) }
                }
            )
        ]
    }

    private func record(_ id: Int64, _ milliseconds: Int64) -> JSONValue {
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        return [
            "id": .string(String(id)),
            "properties": [
                "hs_lastmodifieddate": .string(ISO8601.string(from: date)), "hs_object_id": .string(String(id)),
                "dealname": "Deal",
            ],
        ]
    }
}

@Suite struct HubSpotPullTests {
    private let provider = HubSpotProvider()
    private let desk = Desk.hubSpot
    private let start: Int64 = 1_767_225_600_000

    private func stream(_ name: String, _ kind: RecordKind = .deal) throws -> ChangeStream {
        try #require(provider.streams(for: kind, of: .portal()).first { $0.id == "\(kind.rawValue).\(name)" })
    }

    /// Reads a window to its end and returns the ids in the order in which they came.
    private func drain(_ index: HubSpotIndex, from: Int64, until: Int64, limit: Int = 100) async throws -> [String] {
        let session = desk.session { try index.answer($0) }
        var query = ChangeQuery(
            fields: ["dealname"],
            from: Date(timeIntervalSince1970: Double(from) / 1_000),
            until: Date(timeIntervalSince1970: Double(until) / 1_000),
            limit: limit
        )
        var ids: [String] = []
        for _ in 0..<2_000 {
            let page = try await provider.changes(in: try stream("changed"), matching: query, in: session)
            for case .updated(let record) in page.changes { ids.append(record.id.value) }
            if page.isComplete { return ids }
            query.page = page.next
        }
        Issue.record("The window has no end.")
        return ids
    }

    @Test func `Every row of a window comes once, and none of outside`() async throws {
        let rows = (0..<1_000).map { HubSpotIndex.Row(id: 5_000 - Int64($0), milliseconds: start + Int64($0) / 3) }
        let ids = try await drain(HubSpotIndex(rows: rows), from: start + 10, until: start + 300)
        let wanted = rows.filter { $0.milliseconds >= start + 10 && $0.milliseconds < start + 300 }
        #expect(ids.count == wanted.count)
        #expect(Set(wanted.map { String($0.id) }).symmetricDifference(ids).isEmpty)
    }

    @Test func `More than ten thousand rows of one millisecond are read by id, and the search goes on behind them`()
        async throws
    {
        var rows = (0..<10_500).map { HubSpotIndex.Row(id: 100_000 + Int64($0), milliseconds: start + 5) }
        rows += (0..<30).map { HubSpotIndex.Row(id: Int64($0) + 1, milliseconds: start + Int64($0) / 10) }
        rows += (0..<250).map { HubSpotIndex.Row(id: 900_000 - Int64($0), milliseconds: start + 6 + Int64($0)) }
        let ids = try await drain(HubSpotIndex(rows: rows), from: start, until: start + 10_000)
        #expect(Set(rows.map { String($0.id) }).symmetricDifference(ids).isEmpty)
        #expect(ids.count == rows.count)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `Any crowding of milliseconds is read whole`(seed: UInt64)
        async throws
    {
        var state = seed
        func random(_ bound: UInt64) -> Int64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64((state >> 33) % bound)
        }
        var rows: [HubSpotIndex.Row] = []
        for id in 1...Int64(150 + random(150)) {
            rows.append(HubSpotIndex.Row(id: id * 7 % 1_009 + 1, milliseconds: start + random(12) * random(3)))
        }
        let limit = Int(1 + random(9))
        let ids = try await drain(HubSpotIndex(rows: rows), from: start, until: start + 20, limit: limit)
        let wanted = Set(rows.filter { $0.milliseconds < start + 20 }.map { String($0.id) })
        #expect(wanted.symmetricDifference(ids).isEmpty)
    }

    @Test func `The page token tells how far everything is read`() async throws {
        let rows = (0..<250).map { HubSpotIndex.Row(id: Int64($0) + 1, milliseconds: start + Int64($0)) }
        let index = HubSpotIndex(rows: rows)
        let page = try await provider.changes(
            in: try stream("changed"),
            matching: ChangeQuery(from: Date(timeIntervalSince1970: Double(start) / 1_000), limit: 100),
            in: desk.session { try index.answer($0) }
        )
        #expect(page.total == 250)
        #expect(page.changes.count == 99)
        #expect(page.coveredThrough == Date(timeIntervalSince1970: Double(start + 99) / 1_000))
        #expect(page.next == ["at": .number(JSONNumber(start + 99))])
    }

    @Test func `A row that is only in the index is suspected to be deleted`() async throws {
        let index = HubSpotIndex(
            rows: [.init(id: 1, milliseconds: start), .init(id: 2, milliseconds: start)],
            ghosts: ["2"]
        )
        let page = try await provider.changes(
            in: try stream("changed"),
            matching: ChangeQuery(),
            in: desk.session { try index.answer($0) }
        )
        guard page.changes.count == 2, case .updated(let record) = page.changes[0],
            case .deleted(let id, nil) = page.changes[1]
        else {
            Issue.record("\(page.changes)")
            return
        }
        #expect(record.id.value == "1")
        #expect(id.value == "2")
    }

    @Test func `The first search is exactly this request, and never begins in 1970`() async throws {
        let index = HubSpotIndex(rows: [])
        _ = try await provider.changes(
            in: try stream("changed"),
            matching: ChangeQuery(
                fields: ["dealname"],
                until: Date(timeIntervalSince1970: Double(start) / 1_000),
                limit: 500
            ),
            in: desk.session { try index.answer($0) }
        )
        #expect(desk.requests.count == 1)
        let request = try #require(desk.requests.first)
        #expect(request.url.absoluteString == "https://api.hubapi.com/crm/objects/2026-09/deals/search")
        #expect(request.effect == .read)
        #expect(request.spend == [Spend("search"), Spend("daily")])
        #expect(
            String(decoding: request.body ?? Data(), as: UTF8.self)
                == #"{"filterGroups":[{"filters":[{"propertyName":"hs_lastmodifieddate","operator":"BETWEEN","#
                + #""value":"1104537600000","highValue":"1767225599999"}]}],"#
                + #""sorts":[{"propertyName":"hs_lastmodifieddate","direction":"ASCENDING"}],"#
                + #""properties":["hs_lastmodifieddate","hs_object_id"],"limit":100,"after":"0"}"#
        )
    }

    @Test func `Contacts are dated by a property of their own`() async throws {
        let session = desk.session { _ in .json(["total": 0, "results": []]) }
        _ = try await provider.changes(in: try stream("changed", .contact), matching: ChangeQuery(), in: session)
        let body = String(decoding: desk.requests[0].body ?? Data(), as: UTF8.self)
        #expect(body.contains(#""propertyName":"lastmodifieddate""#))
    }

    @Test func `Archived records are listed as deleted, page by page`() async throws {
        let session = desk.session { _ in try .fixture("list-archived") }
        let stream = try stream("archived", .contact)
        #expect(stream.showsDeletions && !stream.provesAbsence)
        let page = try await provider.changes(in: stream, matching: ChangeQuery(), in: session)
        guard case .deleted(let id, let date) = page.changes.first else {
            Issue.record("\(page.changes)")
            return
        }
        #expect(id == RemoteID(.contact, "601"))
        #expect(date == ISO8601.date(from: "2026-01-02T03:04:05.678Z"))
        #expect(page.next == ["after": "602"])
        #expect(!page.isComplete)
        _ = try await provider.changes(in: stream, matching: ChangeQuery(page: page.next), in: session)
        #expect(
            desk.requests[1].url.absoluteString == "https://api.hubapi.com/crm/objects/2026-09/contacts?limit=100&"
                + "after=602&properties=hs_merged_object_ids,hs_object_id,lastmodifieddate&archived=true"
        )
    }

    @Test func `A sweep with more fields than an address holds reads them in a call with a body`() async throws {
        let session = desk.session { request in
            request.method == .get
                ? .json(["results": [["id": "501", "properties": [:]]]]) : try .fixture("batch-read-merged")
        }
        let fields = (0..<300).map { FieldName("a_property_with_a_long_name_\($0)") }
        let page = try await provider.changes(
            in: try stream("all", .contact),
            matching: ChangeQuery(fields: fields),
            in: session
        )
        #expect(desk.requests.map(\.method) == [.get, .post])
        #expect(desk.requests[0].url.absoluteString.count < 4_000)
        #expect(page.last == RemoteID(.contact, "501"))
        #expect(page.isComplete)
    }

    @Test func `A winner tells of the merges`() async throws {
        let session = desk.session { _ in try .fixture("batch-read-merged") }
        let page = try await provider.changes(
            in: try stream("all", .contact),
            matching: ChangeQuery(fields: ["firstname"]),
            in: session
        )
        var merges: [String] = []
        for case .merged(let loser, let winner) in page.changes { merges.append("\(loser.value)>\(winner.value)") }
        #expect(merges == ["777>501", "778>501"])
        guard case .updated(let record) = page.changes.last else { return }
        #expect(record.formerIDs.map(\.value) == ["777", "778"])
        #expect(record.fields == ["firstname": .empty])
    }

    @Test func `A fetch tells found, moved, gone and hidden apart`() async throws {
        let session = desk.session { request in
            switch request.url.path.split(separator: "/").last {
            case "read" where request.url.path.contains("contacts"): try .fixture("batch-read-merged", status: 207)
            case "777": try .fixture("read-winner")
            case "888": HTTPResponse(status: 404)
            default: try .fixture("error-403-scopes", status: 403)
            }
        }
        let ids = [
            RemoteID(.contact, "888"), RemoteID(.contact, "501"), RemoteID(.ticket, "9"), RemoteID(.contact, "777"),
        ]
        let results = try await provider.fetchRecords(ids, fields: ["email"], in: session)
        let names = results.map { result in
            switch result {
            case .found(let record): "found \(record.id.value) \(record.fields)"
            case .moved(let id, let winners): "moved \(id.value) \(winners.map(\.value))"
            case .gone(let id): "gone \(id.value)"
            case .hidden(let id, let error): "hidden \(id.value) \(error.code.rawValue)"
            }
        }
        let email: [FieldName: FieldValue] = ["email": "ada@example.com"]
        #expect(
            names == ["gone 888", "found 501 \(email)", "hidden 9 forbidden", #"moved 777 ["501"]"#]
        )
    }

    @Test func `A fetch that fails is thrown and says nothing of the records`() async throws {
        let session = desk.session { _ in HTTPResponse(status: 503) }
        await #expect(throws: IntegrationError.self) {
            try await provider.fetchRecords([RemoteID(.contact, "1")], fields: [], in: session)
        }
    }
}
