// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Meadow's server in memory: what a platform does, as small as it can be and as strict as it must be.
actor SimulatedMeadow: HTTPTransport {
    struct Row: Sendable {
        var id: String
        var key: String?
        var changed: Date
        var values: [String: String]
        var person: String?
        var isDeleted = false
        var mergedInto: String?
    }

    struct Refusal: Error {
        var status: Int64
        var id: String?
        var field: String?
    }

    private static let fields = ["people": ["email", "first_name", "last_name", "phone"], "notes": ["text"]]
    private let time: TimeSource
    private let apiKey: String
    private let webhookSecret: String
    private var rows: [String: [String: Row]] = ["people": [:], "notes": [:]]
    private var lastID = 0
    private var calls: [Date] = []
    private var deliveries: [JSONValue] = []
    private var isShuffling = false
    /// How often a record was made for each of our keys.
    private(set) var creations: [String: Int] = [:]

    init(time: TimeSource, apiKey: String, webhookSecret: String) {
        self.time = time
        self.apiKey = apiKey
        self.webhookSecret = webhookSecret
    }

    /// The date as Meadow keeps dates: in whole milliseconds.
    private var now: Date {
        Date(timeIntervalSince1970: (time.now().timeIntervalSince1970 * 1000).rounded() / 1000)
    }

    // MARK: The API

    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
        guard request.headers["Authorization"] == "Bearer \(apiKey)" else { return answer(401, ["code": "key"]) }
        calls.removeAll { $0 <= now.addingTimeInterval(-10) }
        guard calls.count < 100 else { return answer(429, ["code": "slow_down"]) }
        calls.append(now)
        let body = request.body.flatMap { try? JSONValue(parsing: $0) } ?? .null
        let path = request.url.path.split(separator: "/").dropFirst().map(String.init)
        let collection = path.first ?? ""
        switch (request.method, path.dropFirst().first) {
        case (.get, nil) where collection == "account":
            return answer(200, ["id": "meadow-7", "name": "Ada's meadow", "time_zone": "Europe/Paris"])
        case (.get, nil) where rows[collection] != nil:
            let items = URLComponents(url: request.url, resolvingAgainstBaseURL: true)?.queryItems ?? []
            return list(collection, Dictionary(items.map { ($0.name, $0.value ?? "") }) { $1 })
        case (.post, "find") where rows[collection] != nil:
            return answer(200, ["records": .array(find(collection, body))])
        case (.post, "batch") where rows[collection] != nil:
            let items = body["items"]?.array ?? []
            guard items.count <= 50 else { return answer(413, ["code": "too_many"]) }
            let results = items.map { result(of: $0, in: collection) }
            return answer(200, ["results": .array(isShuffling ? results.reversed() : results)])
        default:
            return answer(404, ["code": "no_such_place"])
        }
    }

    private func answer(_ status: Int, _ body: JSONValue) -> HTTPResponse {
        var response = HTTPResponse(status: status, headers: ["Content-Type": "application/json"], body: body.data)
        response.headers["Meadow-Calls-Left"] = String(100 - calls.count)
        if status == 429 { response.headers["Retry-After"] = "10" }
        return response
    }

    private func list(_ collection: String, _ query: [String: String]) -> HTTPResponse {
        let since = query["since"].flatMap { ISO8601.date(from: $0) } ?? .distantPast
        let before = query["before"].flatMap { ISO8601.date(from: $0) } ?? .distantFuture
        let sorted = (rows[collection] ?? [:]).values
            .filter { since <= $0.changed && $0.changed < before }
            .map { (place: "\(SimulatedMeadow.text($0.changed)) \($0.id)", row: $0) }
            .filter { $0.place > query["after"] ?? "" }
            .sorted { $0.place < $1.place }
        let page = sorted.prefix(Int(query["limit"] ?? "") ?? 50)
        var body: JSONObject = ["records": .array(page.map { json($0.row, collection) })]
        if page.count < sorted.count { body["next"] = page.last.map { .string($0.place) } }
        return answer(200, .object(body))
    }

    private func find(_ collection: String, _ body: JSONValue) -> [JSONValue] {
        func texts(_ name: String) -> Set<String> { Set((body[name]?.array ?? []).compactMap(\.string)) }
        let (ids, keys, emails) = (texts("ids"), texts("keys"), texts("emails"))
        return (rows[collection] ?? [:]).values.filter { row in
            let isLive = !row.isDeleted && row.mergedInto == nil
            return ids.contains(row.id)
                || isLive && (keys.contains(row.key ?? "") || emails.contains(row.values["email"] ?? ""))
        }
        .sorted { $0.id < $1.id }.map { json($0, collection) }
    }

    private func result(of item: JSONValue, in collection: String) -> JSONValue {
        var result: JSONObject = ["ref": item["ref"] ?? .null, "status": 200]
        do {
            if item["do"] == "delete" {
                try remove(collection, item["id"]?.string ?? "")
            }
            let row =
                item["do"] == "delete" ? rows[collection]?[item["id"]?.string ?? ""] : try store(item, in: collection)
            result["record"] = row.map { json($0, collection) }
        } catch let refusal as Refusal {
            result["status"] = .number(JSONNumber(refusal.status))
            result["id"] = refusal.id.map { .string($0) }
            result["field"] = refusal.field.map { .string($0) }
        } catch {
            result["status"] = 500
        }
        return .object(result)
    }

    private func store(_ item: JSONValue, in collection: String) throws -> Row {
        var values: [String: String?] = [:]
        for member in item["values"]?.object?.members ?? [] {
            values.updateValue(member.value.string, forKey: member.key)
        }
        let key = item["key"]?.string
        let known = rows[collection]?.values.first {
            $0.key == key && key != nil && !$0.isDeleted && $0.mergedInto == nil
        }
        let id = item["id"]?.string ?? known?.id
        if id == nil, let key { creations[key, default: 0] += 1 }
        do {
            return try put(collection, id, key: key, values, person: item["person"]?.string)
        } catch {
            if id == nil, let key { creations[key, default: 0] -= 1 }
            throw error
        }
    }

    private func put(
        _ collection: String,
        _ id: String?,
        key: String?,
        _ values: [String: String?],
        person: String?
    ) throws -> Row {
        var row = Row(id: id ?? "", key: key, changed: now, values: [:], person: person)
        if let id { row = try live(collection, id) }
        for (name, value) in values {
            guard SimulatedMeadow.fields[collection]?.contains(name) == true else {
                throw Refusal(status: 422, field: name)
            }
            if name == "email", let value {
                guard value.contains("@") else { throw Refusal(status: 422, field: name) }
                let holder = rows[collection]?.values.first { $0.values[name] == value && $0.id != id && !$0.isDeleted }
                if let holder { throw Refusal(status: 409, id: holder.id) }
            }
            row.values[name] = value
        }
        if row.id.isEmpty {
            lastID += 1
            row.id = String(format: "%@-%06d", collection, lastID)
        }
        row.person = person ?? row.person
        touch(row, in: collection)
        return rows[collection]?[row.id] ?? row
    }

    private func live(_ collection: String, _ id: String) throws -> Row {
        guard let row = rows[collection]?[id], !row.isDeleted else { throw Refusal(status: 404) }
        if let winner = row.mergedInto { throw Refusal(status: 410, id: winner) }
        return row
    }

    private func touch(_ row: Row, in collection: String) {
        var row = row
        row.changed = now
        rows[collection]?[row.id] = row
        deliveries.append([
            "id": .string("event-\(deliveries.count)-\(row.id)-\(SimulatedMeadow.text(row.changed))"),
            "account": "meadow-7",
            "collection": .string(collection), "record": .string(row.id),
        ])
    }

    private func json(_ row: Row, _ collection: String) -> JSONValue {
        var json: JSONObject = ["id": .string(row.id), "changed": .string(SimulatedMeadow.text(row.changed))]
        json["key"] = row.key.map { .string($0) }
        json["person"] = row.person.map { .string($0) }
        json["merged_into"] = row.mergedInto.map { .string($0) }
        if row.isDeleted { json["deleted"] = true }
        let names = SimulatedMeadow.fields[collection] ?? []
        json["values"] = .object(JSONObject(names.map { .init($0, row.values[$0].map { .string($0) } ?? .null) }))
        return .object(json)
    }

    private static func text(_ date: Date) -> String { ISO8601.string(from: date, alwaysMilliseconds: true) }

    // MARK: What people do

    func make(_ collection: String, _ values: [String: String?]) throws -> String {
        try put(collection, nil, key: nil, values, person: nil).id
    }

    func edit(_ collection: String, _ id: String, _ values: [String: String?]) throws {
        _ = try put(collection, id, key: nil, values, person: nil)
    }

    func remove(_ collection: String, _ id: String) throws {
        var row = try live(collection, id)
        row.isDeleted = true
        touch(row, in: collection)
    }

    func merge(_ collection: String, _ loser: String, into winner: String) throws {
        var row = try live(collection, loser)
        row.mergedInto = try live(collection, winner).id
        touch(row, in: collection)
    }

    func person(of note: String) -> String? { rows["notes"]?[note]?.person }

    // MARK: What goes wrong, and what is delivered

    func shuffle() { isShuffling = true }

    func useUpLimits() { calls = Array(repeating: now, count: 100) }

    func takeDeliveries() -> [HTTPRequest] {
        defer { deliveries = [] }
        return deliveries.map { deliver($0.data) }
    }

    /// Signs a body anew, as of now.
    func deliver(_ body: Data) -> HTTPRequest {
        let seconds = Int(time.now().timeIntervalSince1970)
        let code = Hashing.hmacSHA256(Data("\(seconds).".utf8) + body, key: Data(webhookSecret.utf8))
        return HTTPRequest(
            .post,
            MeadowProvider.address,
            headers: ["Meadow-Signature": "t=\(seconds),s=\(code.base64EncodedString())"],
            body: body
        )
    }
}
