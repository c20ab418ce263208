// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Values and records as HubSpot writes them: every property is a text.
struct HubSpotPayloads: Sendable {
    /// The account: its currencies and its time zone decide.
    let account: ConnectedAccount

    private static let numbers: Set<FieldName> = [
        "annualrevenue", "numberofemployees", "hs_cost_of_goods_sold", "num_associated_contacts",
    ]
    private static let moneys: Set<FieldName> = ["amount", "price"]
    private static let instants: Set<FieldName> = [
        "closedate", "createdate", "hs_createdate", "hs_lastmodifieddate", "hs_timestamp", "lastmodifieddate",
    ]
    private static let flags: Set<FieldName> = ["hs_is_closed", "hs_is_closed_won"]
    private static let lists: Set<FieldName> = [
        "hs_additional_domains", "hs_additional_emails", "hs_attachment_ids", "hs_merged_object_ids",
    ]
    private static let milliseconds: Set<FieldName> = ["hs_call_duration"]
    static let currencyCode = FieldName("deal_currency_code")

    // MARK: To HubSpot

    /// Writes fields as properties, in the order of their names.
    ///
    /// - Throws: ``IntegrationError`` that names the field whose value has no form in HubSpot.
    func properties(of fields: [FieldName: FieldValue], kind: RecordKind) throws -> [String: String] {
        var properties: [String: String] = [:]
        for (name, value) in fields {
            properties[name.rawValue] = try text(of: value, for: name)
            if case .money(_, let currency) = value {
                try write(currency: currency, of: name, kind: kind, into: &properties)
            }
        }
        return properties
    }

    private func text(of value: FieldValue, for name: FieldName) throws -> String {
        switch value {
        case .empty: return ""
        case .text(let text): return text
        case .flag(let flag): return flag ? "true" : "false"
        case .number(let number): return number.description
        case .money(let amount, _): return amount.description
        case .day(let day):
            guard HubSpotPayloads.instants.contains(name) else { return day }
            let zone = TimeZone(identifier: account.profile.timeZone) ?? .gmt
            return ISO8601.start(ofDay: day, in: zone).map { ISO8601.string(from: $0) } ?? day
        case .instant(let date): return ISO8601.string(from: date)
        case .seconds(let seconds):
            return HubSpotPayloads.milliseconds.contains(name) ? String(Int64(seconds) * 1_000) : String(seconds)
        case .options(let options): return options.joined(separator: ";")
        case .labelled(let values):
            guard let value = values.first(where: \.isPrimary) ?? (values.count == 1 ? values.first : nil) else {
                throw unfit(name, "holds several values and none of them is the main one")
            }
            return value.value
        case .record(let id): return id.value
        case .json(let json): return json.isNull ? "" : json.text
        case .address: throw unfit(name, "is an address, which HubSpot keeps in single properties")
        }
    }

    /// An amount without its currency would be another amount, so a currency that cannot be told is refused.
    private func write(
        currency: String,
        of name: FieldName,
        kind: RecordKind,
        into properties: inout [String: String]
    ) throws {
        let known = account.profile.currencies
        let isOwn = known.count == 1 && known.first == currency
        if kind == .deal, name == "amount", known.isEmpty || known.contains(currency) {
            if !isOwn { properties[HubSpotPayloads.currencyCode.rawValue] = currency }
        } else if known.first != currency {
            throw unfit(name, "is in \(currency), which the HubSpot account does not use")
        }
    }

    private func unfit(_ name: FieldName, _ reason: String) -> IntegrationError {
        IntegrationError(
            .refused,
            "The field \(name.rawValue) \(reason).",
            remedy: LocalizedText(
                "Change the mapping of \(name.rawValue), or the account’s settings in HubSpot.",
                fr: "Modifiez l’association de \(name.rawValue) ou les réglages du compte dans HubSpot."
            ),
            context: IntegrationError.Context(platform: PlatformID.hubSpot.rawValue, fields: [name.rawValue])
        )
    }

    // MARK: From HubSpot

    /// Reads a record.
    ///
    /// - Parameters:
    ///   - json: The record.
    ///   - object: What it is.
    ///   - wanted: The fields that were asked for; nil: all that are told.
    /// - Returns: The record; nil if the JSON has no id.
    func record(_ json: JSONValue, of object: HubSpotObject, wanted: [FieldName]? = nil) -> RemoteRecord? {
        guard let id = json["id"]?.idText else { return nil }
        let told = json["properties"]?.object ?? JSONObject()
        let changed = told[object.changeProperty.rawValue]?.string ?? json["updatedAt"]?.string
        var record = RemoteRecord(
            id: RemoteID(object.kind, id),
            version: changed,
            modifiedAt: changed.flatMap(HubSpotPayloads.date),
            formerIDs: formerIDs(in: told, kind: object.kind, besides: id)
        )
        if let slot = account.profile.keySlots[object.kind]?.field,
            let key = told[slot.rawValue]?.string, !key.isEmpty
        {
            record.externalKey = key
        }
        let wanted = wanted.map(Set.init)
        for member in told.members {
            let name = FieldName(member.key)
            guard name != HubSpotProvider.keyProperty, wanted?.contains(name) ?? true else { continue }
            record.fields[name] = value(of: member.value, for: name, among: told, kind: object.kind)
        }
        if let body = object.markedBody, let text = told[body.rawValue]?.string {
            let (content, key) = HubSpotMarker.split(text)
            record.externalKey = record.externalKey ?? key
            if record.fields[body] != nil { record.fields[body] = content.isEmpty ? .empty : .text(content) }
        }
        return record
    }

    /// Which properties must be asked for so that the fields can be told.
    func names(for fields: [FieldName], of object: HubSpotObject) -> [String] {
        var names = Set(fields)
        names.formUnion([object.changeProperty, "hs_object_id", "hs_merged_object_ids"])
        if let slot = account.profile.keySlots[object.kind]?.field { names.insert(slot) }
        if let body = object.markedBody { names.insert(body) }
        if object.kind == .deal, names.contains("amount") { names.insert(HubSpotPayloads.currencyCode) }
        return names.map(\.rawValue).sorted()
    }

    /// Reads a date, which HubSpot writes as ISO 8601 or as milliseconds.
    static func date(_ text: String) -> Date? {
        if let milliseconds = Int64(text) { return Date(timeIntervalSince1970: Double(milliseconds) / 1_000) }
        return ISO8601.date(from: text)
    }

    private func formerIDs(in told: JSONObject, kind: RecordKind, besides id: String) -> [RemoteID] {
        let text = told["hs_merged_object_ids"]?.idText ?? ""
        return text.split(separator: ";").map(String.init).filter { $0 != id }.map { RemoteID(kind, $0) }
    }

    /// Nil where the answer does not tell: an amount whose currency is not told.
    private func value(of json: JSONValue, for name: FieldName, among told: JSONObject, kind: RecordKind) -> FieldValue?
    {
        guard let text = json.idText ?? json.bool.map({ $0 ? "true" : "false" }), !text.isEmpty else { return .empty }
        if HubSpotPayloads.moneys.contains(name) {
            guard let amount = JSONNumber(text: text)?.decimal else { return .text(text) }
            return money(amount, of: name, among: told, kind: kind)
        }
        if HubSpotPayloads.numbers.contains(name) {
            return JSONNumber(text: text)?.decimal.map(FieldValue.number) ?? .text(text)
        }
        if HubSpotPayloads.milliseconds.contains(name) {
            let seconds = Int64(text).map { Int($0 / 1_000) }
            return seconds.map(FieldValue.seconds) ?? .text(text)
        }
        if HubSpotPayloads.instants.contains(name) {
            return HubSpotPayloads.date(text).map(FieldValue.instant) ?? .text(text)
        }
        if HubSpotPayloads.flags.contains(name) { return .flag(text == "true") }
        if HubSpotPayloads.lists.contains(name) { return .options(text.split(separator: ";").map(String.init)) }
        return .text(text)
    }

    private func money(_ amount: Decimal, of name: FieldName, among told: JSONObject, kind: RecordKind) -> FieldValue? {
        let known = account.profile.currencies
        guard kind == .deal, let code = told[HubSpotPayloads.currencyCode.rawValue] else {
            // With one currency the account's own is meant; with several a deal's amount says nothing without its code.
            if kind == .deal, known.count > 1 { return nil }
            return known.first.map { .money(amount, currency: $0) } ?? .number(amount)
        }
        let currency = code.string.flatMap { $0.isEmpty ? nil : $0 } ?? known.first
        return currency.map { .money(amount, currency: $0) } ?? .number(amount)
    }
}
