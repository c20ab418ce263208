// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// One condition of a search, its values ready to be compared.
private struct Filter {
    enum Subject {
        case property(HubSpotPropertyDefinition)
        case association(HubSpotObjectType)
    }

    var subject: Subject
    var comparison: String
    var value = ""
    var high = ""
    var values: [String] = []
    /// The bounds as integers, for what every record has: its id and its moments.
    var bounds: (low: Int64, high: Int64)?

    var property: String? { if case .property(let definition) = subject { definition.name } else { nil } }
}

extension HubSpotAccountState {
    private static let operators: Set<String> = [
        "LT", "LTE", "GT", "GTE", "EQ", "NEQ", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY",
        "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
    ]
    /// How many results of one search can be reached.
    static let searchCap = 10_000

    /// Answers a search.
    mutating func search(_ call: HubSpotCall, type: HubSpotObjectType, now: Int64) throws -> HubSpotReply {
        guard String(decoding: call.body, as: UTF8.self).count <= 3_000 else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "The request body must be at most 3000 characters"))
        }
        let body = try call.json()
        let limit = body["limit"].map { Int($0.int64 ?? -1) } ?? 10
        guard (1...200).contains(limit) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "limit must be between 1 and 200"))
        }
        let offset = try HubSpotAccountState.offset(body["after"])
        guard offset + limit <= HubSpotAccountState.searchCap else {
            throw HubSpotRefusal(.plainError(400, "There was a problem with the request."))
        }
        let groups = try filterGroups(body, type: type)
        stores[type.id]?.refreshIndex(now: now)
        let index = store(type).index
        if let stamps = changed(groups, in: index, body: body, type: type) {
            let page = stamps.dropFirst(offset).prefix(limit).compactMap { index.documents[$0.id] }
            return searchReply(page, total: stamps.count, offset: offset, body: body, type: type)
        }
        var found = candidates(for: groups, in: index, type: type).filter { record in
            groups.isEmpty || groups.contains { group in group.allSatisfy { matches(record, $0, type: type) } }
        }
        if let query = body["query"]?.string, !query.isEmpty {
            found = found.filter { record in record.values.values.contains { tokens($0).isSuperset(of: tokens(query)) }
            }
        }
        try sort(&found, by: body["sorts"], type: type)
        let page = Array(found[min(offset, found.count)..<min(offset + limit, found.count)])
        return searchReply(page, total: found.count, offset: offset, body: body, type: type)
    }

    private func searchReply(
        _ page: [HubSpotRecord],
        total: Int,
        offset: Int,
        body: JSONValue,
        type: HubSpotObjectType
    ) -> HubSpotReply {
        let properties = body["properties"]?.array?.compactMap(\.string)
        var reply: JSONObject = [
            "total": .integer(total),
            "results": .array(
                page.map { .object(self.body(of: $0, type: type, properties: properties, showsURL: false)) }
            ),
        ]
        if offset + page.count < total {
            reply["paging"] = ["next": ["after": .string(String(offset + page.count))]]
        }
        return .json(200, .object(reply))
    }

    private static func offset(_ after: JSONValue?) throws -> Int {
        guard let after, !after.isNull, after.idText?.isEmpty == false else { return 0 }
        guard let offset = after.int64, offset >= 0, offset <= Int64(Int32.max) else {
            throw HubSpotRefusal(
                .plainError(
                    400,
                    "Invalid input JSON on line 1: Cannot deserialize value of type `int` from String"
                )
            )
        }
        return Int(offset)
    }

    private func filterGroups(_ body: JSONValue, type: HubSpotObjectType) throws -> [[Filter]] {
        var groups = try (body["filterGroups"]?.array ?? []).map { group in
            try (group["filters"]?.array ?? []).map { try filter($0, type: type) }
        }
        if let shorthand = body["filters"]?.array, !shorthand.isEmpty {
            groups.append(try shorthand.map { try filter($0, type: type) })
        }
        groups.removeAll { $0.isEmpty }
        guard groups.count <= 5, groups.allSatisfy({ $0.count <= 6 }), groups.reduce(0, { $0 + $1.count }) <= 18 else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "At most 5 filterGroups of 6 filters, 18 in total, are allowed")
            )
        }
        return groups
    }

    private func filter(_ value: JSONValue, type: HubSpotObjectType) throws -> Filter {
        let comparison = value["operator"]?.string ?? ""
        let name = value["propertyName"]?.string ?? ""
        guard HubSpotAccountState.operators.contains(comparison) else {
            throw HubSpotRefusal(
                .plainError(400, "Invalid input JSON on line 1: Cannot deserialize value of type `OperatorEnum`")
            )
        }
        if name.hasPrefix("associations.") {
            guard let other = HubSpotObjectType.named(String(name.dropFirst("associations.".count))), comparison == "EQ"
            else { throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "There was a problem with the request.")) }
            let id = HubSpotAccountState.text(of: value["value"] ?? .null) ?? ""
            return Filter(subject: .association(other), comparison: comparison, value: id)
        }
        guard let definition = definition(name, of: type) else {
            throw HubSpotRefusal(
                .error(400, "VALIDATION_ERROR", "There was a problem with the request: property \(name) does not exist")
            )
        }
        var filter = Filter(subject: .property(definition), comparison: comparison)
        filter.value = HubSpotAccountState.text(of: value["value"] ?? .null) ?? ""
        filter.high = HubSpotAccountState.text(of: value["highValue"] ?? .null) ?? ""
        filter.values = (value["values"]?.array ?? []).compactMap { HubSpotAccountState.text(of: $0) }
        let needsValue = !["IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"].contains(comparison)
        let isComplete =
            (!needsValue || !filter.value.isEmpty) && (comparison != "BETWEEN" || !filter.high.isEmpty)
            && (!["IN", "NOT_IN"].contains(comparison) || !filter.values.isEmpty)
        guard isComplete else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "operator \(comparison) requires a value"))
        }
        if ["hs_object_id", type.modifiedProperty, type.createdProperty].contains(name),
            let low = HubSpotTime.parse(filter.value)
        {
            filter.bounds = (low, HubSpotTime.parse(filter.high) ?? low)
        }
        if definition.type == "datetime", name == type.modifiedProperty, filter.value == "0" {
            throw HubSpotRefusal(.error(500, "INTERNAL_ERROR", "internal error"))
        }
        return filter
    }

    /// The documents that can match, in the order of their ids or of their change.
    private func candidates(
        for groups: [[Filter]],
        in index: HubSpotSearchIndex,
        type: HubSpotObjectType
    ) -> [HubSpotRecord] {
        if groups.count == 1, let group = groups.first {
            for filter in group where filter.comparison == "EQ" {
                guard let property = filter.property else { continue }
                if property == "hs_object_id" {
                    return Int64(filter.value).flatMap { index.documents[$0] }.map { [$0] } ?? []
                }
            }
            let changes = group.filter { $0.property == type.modifiedProperty }
            if let range = HubSpotAccountState.range(of: changes) {
                let start = index.byModification.lowerBound(HubSpotStamp(moment: range.lowerBound, id: .min))
                let end = index.byModification.lowerBound(HubSpotStamp(moment: range.upperBound, id: .max))
                return index.byModification[start..<max(start, end)].compactMap { index.documents[$0.id] }
            }
        }
        return index.ids.compactMap { index.documents[$0] }
    }

    /// The changes that a plain incremental search asks for, if it is one: they need neither filtering nor sorting.
    private func changed(
        _ groups: [[Filter]],
        in index: HubSpotSearchIndex,
        body: JSONValue,
        type: HubSpotObjectType
    ) -> ArraySlice<HubSpotStamp>? {
        guard groups.count == 1, body["query"] == nil,
            groups[0].allSatisfy({
                $0.property == type.modifiedProperty && $0.bounds != nil
                    && ["GTE", "LTE", "EQ", "BETWEEN"].contains($0.comparison)
            }),
            let sorts = body["sorts"]?.array, sorts.count == 1, sorts[0]["direction"]?.string != "DESCENDING",
            sorts[0]["propertyName"]?.string == type.modifiedProperty,
            let range = HubSpotAccountState.range(of: groups[0])
        else { return nil }
        let start = index.byModification.lowerBound(HubSpotStamp(moment: range.lowerBound, id: .min))
        let end = index.byModification.lowerBound(HubSpotStamp(moment: range.upperBound, id: .max))
        return index.byModification[start..<max(start, end)]
    }

    /// The moments that conditions on the change date leave; nil if they leave all.
    private static func range(of filters: [Filter]) -> ClosedRange<Int64>? {
        var low = Int64.min
        var high = Int64.max
        for filter in filters {
            guard let moment = HubSpotTime.parse(filter.value) else { continue }
            switch filter.comparison {
            case "GTE", "GT": low = max(low, moment)
            case "LTE", "LT": high = min(high, moment)
            case "EQ": (low, high) = (max(low, moment), min(high, moment))
            case "BETWEEN": (low, high) = (max(low, moment), min(high, HubSpotTime.parse(filter.high) ?? high))
            default: break
            }
        }
        guard low != .min || high != .max else { return nil }
        return low...max(low, high)
    }

    private func matches(_ record: HubSpotRecord, _ filter: Filter, type: HubSpotObjectType) -> Bool {
        let definition: HubSpotPropertyDefinition
        switch filter.subject {
        case .association(let other):
            guard let id = Int64(filter.value) else { return false }
            return liveLinks(from: HubSpotEnd(type: type.id, id: record.id), to: other).contains { $0.id == id }
        case .property(let known): definition = known
        }
        if let bounds = filter.bounds {
            let number =
                switch definition.name {
                case "hs_object_id": record.id
                case type.modifiedProperty: record.updatedAt
                default: record.createdAt
                }
            switch filter.comparison {
            case "EQ": return number == bounds.low
            case "LT": return number < bounds.low
            case "LTE": return number <= bounds.low
            case "GT": return number > bounds.low
            case "GTE": return number >= bounds.low
            case "BETWEEN": return number >= bounds.low && number <= bounds.high
            default: break
            }
        }
        let value = record.value(of: definition.name)
        switch filter.comparison {
        case "HAS_PROPERTY": return value != nil
        case "NOT_HAS_PROPERTY": return value == nil
        case "NEQ": return value.map { !equals($0, filter.value, definition) } ?? true
        case "NOT_IN": return value.map { !isAmong(filter.values, $0, definition) } ?? true
        case "NOT_CONTAINS_TOKEN": return value.map { !contains($0, filter.value) } ?? true
        default: break
        }
        guard let value else { return false }
        switch filter.comparison {
        case "EQ": return equals(value, filter.value, definition)
        case "IN": return isAmong(filter.values, value, definition)
        case "CONTAINS_TOKEN": return contains(value, filter.value)
        case "LT": return order(value, filter.value, definition) == .orderedAscending
        case "LTE": return order(value, filter.value, definition) != .orderedDescending
        case "GT": return order(value, filter.value, definition) == .orderedDescending
        case "GTE": return order(value, filter.value, definition) != .orderedAscending
        case "BETWEEN":
            return order(value, filter.value, definition) != .orderedAscending
                && order(value, filter.high, definition) != .orderedDescending
        default: return false
        }
    }

    private func equals(_ value: String, _ wanted: String, _ definition: HubSpotPropertyDefinition) -> Bool {
        if definition.isList { return value.split(separator: ";").contains { $0.lowercased() == wanted.lowercased() } }
        if definition.type == "enumeration" { return value == wanted }
        return order(value, wanted, definition) == .orderedSame
    }

    /// Whether a value is listed; for texts, only lower-case entries can match.
    private func isAmong(_ values: [String], _ value: String, _ definition: HubSpotPropertyDefinition) -> Bool {
        definition.type == "string"
            ? values.contains(value.lowercased()) : values.contains { equals(value, $0, definition) }
    }

    private func order(_ left: String, _ right: String, _ definition: HubSpotPropertyDefinition) -> ComparisonResult {
        switch definition.type {
        case "number":
            if let a = Int64(left), let b = Int64(right) { return HubSpotAccountState.compare(a, b) }
            if let a = Double(left), let b = Double(right) { return HubSpotAccountState.compare(a, b) }
        case "date", "datetime":
            if let a = HubSpotTime.parse(left), let b = HubSpotTime.parse(right) {
                return HubSpotAccountState.compare(a, b)
            }
        default: break
        }
        return HubSpotAccountState.compare(left.lowercased(), right.lowercased())
    }

    private static func compare<Value: Comparable>(_ left: Value, _ right: Value) -> ComparisonResult {
        left < right ? .orderedAscending : left == right ? .orderedSame : .orderedDescending
    }

    /// Whether every word of a query is a word of a value; `*` stands for any letters.
    private func contains(_ value: String, _ query: String) -> Bool {
        let words = tokens(value)
        return tokens(query).allSatisfy { wanted in
            guard wanted.contains("*") else { return words.contains(wanted) }
            return words.contains { HubSpotAccountState.fits($0[...], wanted[...]) }
        }
    }

    private func tokens(_ text: String) -> Set<String> {
        Set(text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "*" }.map(String.init))
    }

    private static func fits(_ text: Substring, _ pattern: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            return fits(text, pattern.dropFirst()) || (!text.isEmpty && fits(text.dropFirst(), pattern))
        }
        return text.first == first && fits(text.dropFirst(), pattern.dropFirst())
    }

    private func sort(_ records: inout [HubSpotRecord], by sorts: JSONValue?, type: HubSpotObjectType) throws {
        let sorts = sorts?.array ?? []
        guard sorts.count <= 1 else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "Only one sort is allowed"))
        }
        guard let sort = sorts.first else { return records.sort { $0.id < $1.id } }
        let name = sort["propertyName"]?.string ?? sort.string ?? ""
        guard let definition = definition(name, of: type) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "There was a problem with the request."))
        }
        let isDescending = sort["direction"]?.string == "DESCENDING"
        if name == type.modifiedProperty {
            records.sort {
                let (a, b) = isDescending ? ($1, $0) : ($0, $1)
                return a.updatedAt != b.updatedAt ? a.updatedAt < b.updatedAt : $0.id < $1.id
            }
            return
        }
        if name == "hs_object_id" || name == type.createdProperty {
            return records.sort { isDescending ? $0.id > $1.id : $0.id < $1.id }
        }
        records.sort { left, right in
            switch (left.value(of: name), right.value(of: name)) {
            case (nil, nil): return left.id < right.id
            case (nil, _): return false
            case (_, nil): return true
            case (let a?, let b?):
                let result = order(a, b, definition)
                guard result != .orderedSame else { return left.id < right.id }
                return (result == .orderedAscending) != isDescending
            }
        }
    }
}
