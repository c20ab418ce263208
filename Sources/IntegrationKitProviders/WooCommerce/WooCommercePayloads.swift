// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Values and records as WooCommerce writes them.
///
/// A batch checks no types, so what is written here must have the right ones.
struct WooCommercePayloads: Sendable {
    /// The account: its currency decides.
    let account: ConnectedAccount

    private var currency: String? { account.profile.currencies.first }

    // MARK: To WooCommerce

    /// Writes fields as a record's members, in the order of their names.
    ///
    /// - Parameters:
    ///   - fields: The fields.
    ///   - kind: The kind of the record that is written.
    ///   - isNew: Whether the record is made: then what is empty is left out.
    /// - Returns: The members.
    /// - Throws: ``IntegrationError`` that names the field whose value has no form in WooCommerce.
    func members(
        of fields: [FieldName: FieldValue],
        kind: RecordKind,
        isNew: Bool
    ) throws -> JSONObject {
        var members = JSONObject()
        var meta: [JSONValue] = []
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let text = name.rawValue
            if kind == .productVariation, WooCommerceFields.ofProductsAlone.contains(text) { continue }
            guard WooCommerceFields.isWritable(name, in: kind) else {
                throw unfit(name, "cannot be written", fr: "ne peut pas être écrit", concerns: .kind)
            }
            let isEmpty = value.isEquivalent(to: .empty)
            if isNew, isEmpty { continue }
            if text.hasPrefix(WooCommerceFields.metaPrefix) {
                let key = String(text.dropFirst(WooCommerceFields.metaPrefix.count))
                meta.append(["key": .string(key), "value": isEmpty ? .null : try metaValue(value, name)])
                continue
            }
            let json = try isEmpty ? cleared(name, kind) : json(value, name, kind, isNew: isNew)
            let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count == 2, WooCommerceFields.objects.contains(parts[0]) {
                var object = members[parts[0]]?.object ?? JSONObject()
                object[parts[1]] = json
                members[parts[0]] = .object(object)
            } else {
                members[text] = json
            }
        }
        if !meta.isEmpty { members["meta_data"] = .array(meta) }
        return members
    }

    /// Adds one of the shop's own fields to members.
    static func add(meta key: String, _ value: String, to members: inout JSONObject) {
        members["meta_data"] = .array(
            (members["meta_data"]?.array ?? []) + [["key": .string(key), "value": .string(value)]]
        )
    }

    private func cleared(_ name: FieldName, _ kind: RecordKind) throws -> JSONValue {
        switch WooCommerceFields.form(of: name, in: kind) {
        case .ids, .lines: return []
        case .number where name == "stock_quantity" || name == "low_stock_amount": return .null
        case .text where !["email", "billing.email", "status"].contains(name.rawValue): return ""
        case .money, .textNumber: return ""
        case .text, .number, .flag, .instant, .json:
            throw unfit(name, "cannot be emptied in WooCommerce", fr: "ne peut pas être vidé dans WooCommerce")
        }
    }

    private func json(_ value: FieldValue, _ name: FieldName, _ kind: RecordKind, isNew: Bool) throws -> JSONValue {
        switch WooCommerceFields.form(of: name, in: kind) {
        case .text: return .string(try text(value, name))
        case .money: return .string(try amount(value, name))
        case .textNumber: return .string(try number(value, name).text)
        case .number: return .number(try number(value, name))
        case .flag:
            switch value {
            case .flag(let flag): return .bool(flag)
            case .text("true"), .options(["true"]): return true
            case .text("false"), .options(["false"]): return false
            default: throw unfit(name, "is not yes or no", fr: "n’est ni oui ni non")
            }
        case .instant:
            guard case .instant(let date) = value else {
                throw unfit(name, "is not a moment", fr: "n’est pas un instant")
            }
            return .string(WooCommerceRequests.filter(date))
        case .ids:
            let ids = try texts(value, name)
            return .array(try ids.map { ["id": .number(try number(.text($0), name))] })
        case .lines:
            guard case .json(let json) = value, let lines = json.array else {
                throw unfit(name, "is not a list of lines", fr: "n’est pas une liste de lignes")
            }
            return .array(try lines.map { try line($0, name, isNew: isNew) })
        case .json:
            guard case .json(let json) = value else {
                throw unfit(name, "is not JSON", fr: "n’est pas du JSON")
            }
            return json
        }
    }

    /// A line of an order, its amounts as texts.
    private func line(_ json: JSONValue, _ name: FieldName, isNew: Bool) throws -> JSONValue {
        guard var line = json.object else {
            throw unfit(name, "holds a line that is no object", fr: "contient une ligne illisible")
        }
        for key in ["subtotal", "subtotal_tax", "total", "total_tax", "amount", "discount", "discount_tax"] {
            if let number = line[key]?.number { line[key] = .string(number.text) }
        }
        let hasID = line["id"]?.idText != nil
        guard isNew || hasID else {
            throw unfit(
                name,
                "holds a line without its id, which WooCommerce would add a second time",
                fr: "contient une ligne sans identifiant, que WooCommerce ajouterait une seconde fois"
            )
        }
        if name == "line_items", !hasID {
            let names = ["sku", "product_id", "variation_id"]
            guard names.contains(where: { line[$0]?.idText.map { !$0.isEmpty && $0 != "0" } ?? false }) else {
                throw unfit(
                    name,
                    "holds a line that names no product; what is no product goes into fee_lines",
                    fr: "contient une ligne sans produit ; ce qui n’est pas un produit va dans fee_lines"
                )
            }
        }
        return .object(line)
    }

    private func text(_ value: FieldValue, _ name: FieldName) throws -> String {
        switch value {
        case .empty: return ""
        case .text(let text), .day(let text): return text
        case .flag(let flag): return flag ? "true" : "false"
        case .number(let number): return number.description
        case .money(let amount, _): return amount.description
        case .instant(let date): return ISO8601.string(from: date)
        case .seconds(let seconds): return String(seconds)
        case .options(let options): return options.joined(separator: ",")
        case .record(let id): return id.value
        case .json(let json): return json.string ?? json.text
        case .labelled(let values):
            guard let value = values.first(where: \.isPrimary) ?? (values.count == 1 ? values.first : nil) else {
                throw unfit(
                    name,
                    "holds several values and none of them is the main one",
                    fr: "contient plusieurs valeurs et aucune n’est la principale"
                )
            }
            return value.value
        case .address:
            throw unfit(
                name,
                "is an address, which WooCommerce keeps in single fields",
                fr: "est une adresse, que WooCommerce garde dans des champs séparés"
            )
        }
    }

    private func texts(_ value: FieldValue, _ name: FieldName) throws -> [String] {
        if case .options(let options) = value { return options }
        return try text(value, name).split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private func metaValue(_ value: FieldValue, _ name: FieldName) throws -> JSONValue {
        if case .json(let json) = value { return json }
        return .string(try text(value, name))
    }

    private func number(_ value: FieldValue, _ name: FieldName) throws -> JSONNumber {
        if case .number(let number) = value { return JSONNumber(number) }
        guard let number = JSONNumber(text: try text(value, name)) else {
            throw unfit(name, "is not a number", fr: "n’est pas un nombre")
        }
        return number
    }

    /// An amount without its currency would be another amount, so another currency than the shop's is refused.
    private func amount(_ value: FieldValue, _ name: FieldName) throws -> String {
        guard case .money(let amount, let code) = value else { return try number(value, name).text }
        guard currency == nil || currency == code else {
            throw unfit(
                name,
                "is in \(code), and the shop sells in \(currency ?? "-")",
                fr: "est en \(code), alors que la boutique vend en \(currency ?? "-")"
            )
        }
        return amount.description
    }

    /// The error of a value that has no form in WooCommerce.
    func unfit(
        _ name: FieldName,
        _ reason: String,
        fr: String,
        concerns: IntegrationError.Concern = .record
    ) -> IntegrationError {
        WooCommerceProvider.error(
            .refused,
            "The field \(name.rawValue) \(reason).",
            remedy: LocalizedText(
                "Change the value of \(name.rawValue) or its mapping.",
                fr: "Le champ \(name.rawValue) \(fr). Modifiez sa valeur ou son association."
            ),
            retry: concerns == .kind ? .afterSetup : .never,
            concerns: concerns,
            fields: [name.rawValue]
        )
    }

    // MARK: From WooCommerce

    /// Reads a record.
    ///
    /// - Parameters:
    ///   - json: The record.
    ///   - kind: What it is; a product that is a variation is read as one.
    ///   - parent: The id of the record that it was addressed through.
    ///   - wanted: The fields that were asked for; nil: all that are told.
    /// - Returns: The record; nil if the JSON has no id.
    func record(
        _ json: JSONValue,
        kind: RecordKind,
        parent: String? = nil,
        wanted: [FieldName]? = nil
    ) -> RemoteRecord? {
        guard let id = json["id"]?.int64, id > 0 else { return nil }
        let isVariation = kind == .productVariation || kind == .product && json["type"]?.string == "variation"
        let ownKind = isVariation ? RecordKind.productVariation : kind
        let changed = json["date_modified_gmt"]?.string
        var record = RemoteRecord(
            id: RemoteID(
                ownKind,
                String(id),
                parent: isVariation ? parent ?? WooCommercePayloads.product(of: json) : parent
            ),
            version: changed,
            modifiedAt: WooCommercePayloads.date(changed),
            externalKey: key(of: json, kind: kind)
        )
        record.fields = fields(of: json, kind: ownKind, wanted: wanted)
        if kind == .order, let customer = json["customer_id"]?.int64, customer > 0 {
            record.relations = [
                Relation(.wooCommerceCustomer, .remote(RemoteID(.customer, String(customer))), isRequired: false)
            ]
        }
        if kind == .note, let text = json["note"]?.string {
            let (content, _) = WooCommerceMarker.split(text)
            if record.fields["note"] != nil { record.fields["note"] = content.isEmpty ? .empty : .text(content) }
        }
        return record
    }

    /// Whether a record lies in the trash.
    static func isTrashed(_ json: JSONValue) -> Bool { json["status"]?.string == "trash" }

    /// Reads a moment in UTC that names no zone.
    static func date(_ text: String?) -> Date? {
        text.flatMap { ISO8601.date(from: $0, assuming: .gmt) }
    }

    /// Our key in a record.
    private func key(of json: JSONValue, kind: RecordKind) -> String? {
        if kind == .note { return json["note"]?.string.flatMap { WooCommerceMarker.split($0).key } }
        let meta = json["meta_data"]?.array?.first { $0["key"]?.string == WooCommerceFields.key }
        let keys = [meta?["value"]?.string, kind == .order ? json["created_via"]?.string : nil]
        return keys.compactMap { $0 }.first(where: WooCommerceMarker.isKey)
    }

    /// The product that a variation belongs to.
    private static func product(of json: JSONValue) -> String? {
        if let parent = json["parent_id"]?.int64, parent > 0 { return String(parent) }
        // Older shops tell it in the links alone.
        let link = json["_links"]?["up"]?[0]?["href"]?.string ?? ""
        let digits = link.split(separator: "/").last.map(String.init) ?? ""
        return Int64(digits).map(String.init)
    }

    private func fields(of json: JSONValue, kind: RecordKind, wanted: [FieldName]?) -> [FieldName: FieldValue] {
        let wanted = wanted.map(Set.init)
        let code = kind == .order ? json["currency"]?.string : currency
        var fields: [FieldName: FieldValue] = [:]
        func take(_ name: String, _ json: JSONValue) {
            let field = FieldName(name)
            guard wanted?.contains(field) ?? true else { return }
            fields[field] = value(json, WooCommerceFields.form(of: field, in: kind), currency: code)
        }
        for member in json.object?.members ?? [] where member.key != "_links" {
            if member.key == "meta_data" {
                for entry in member.value.array ?? [] {
                    guard let key = entry["key"]?.string, key != WooCommerceFields.key else { continue }
                    take(WooCommerceFields.metaPrefix + key, entry["value"] ?? .null)
                }
            } else if WooCommerceFields.objects.contains(member.key), let object = member.value.object {
                for part in object.members { take("\(member.key).\(part.key)", part.value) }
            } else {
                take(member.key, member.value)
            }
        }
        // The list of the shop's own fields is whole: what does not stand in it is empty.
        if json["meta_data"]?.array != nil {
            for name in wanted ?? [] where name.rawValue.hasPrefix(WooCommerceFields.metaPrefix) {
                fields[name] = fields[name] ?? .empty
            }
        }
        return fields
    }

    private func value(_ json: JSONValue, _ form: WooCommerceFields.Form, currency: String?) -> FieldValue {
        if json.isNull || json.string == "" { return .empty }
        switch form {
        case .text:
            if let text = json.idText { return .text(text) }
            return json.bool.map { .text($0 ? "true" : "false") } ?? .json(json)
        case .money:
            guard let amount = WooCommercePayloads.decimal(json) else { return .json(json) }
            return currency.map { .money(amount, currency: $0) } ?? .number(amount)
        case .textNumber, .number:
            return WooCommercePayloads.decimal(json).map(FieldValue.number) ?? .json(json)
        case .flag:
            return json.bool.map(FieldValue.flag) ?? .json(json)
        case .instant:
            return WooCommercePayloads.date(json.string).map(FieldValue.instant) ?? .json(json)
        case .ids:
            let ids = (json.array ?? []).compactMap { $0["id"]?.idText }
            return ids.isEmpty ? .empty : .options(ids)
        case .lines, .json:
            return json.array?.isEmpty ?? false ? .empty : .json(json)
        }
    }

    private static func decimal(_ json: JSONValue) -> Decimal? {
        json.number?.decimal ?? json.string.flatMap { JSONNumber(text: $0)?.decimal }
    }
}

extension RelationRole {
    /// The customer that an order is of.
    static let wooCommerceCustomer = RelationRole(rawValue: "customer")
}

/// The line at the end of an order note that carries our key: notes have no field for it.
enum WooCommerceMarker {
    private static let lead = "ref: "
    private static let keyLength = 54

    /// Adds the marker to a text.
    static func append(_ key: String, to text: String) -> String {
        text.isEmpty ? lead + key : "\(text)\n\(lead)\(key)"
    }

    /// Takes the marker from a text, and what the shop's filters may have put before it.
    ///
    /// - Returns: The text without the marker, and the key; nil if there is none.
    static func split(_ text: String) -> (content: String, key: String?) {
        guard let mark = text.range(of: lead + "ik", options: .backwards) else { return (text, nil) }
        let key = String(text[mark.lowerBound...].dropFirst(lead.count).prefix(keyLength))
        guard isKey(key) else { return (text, nil) }
        var before = text[..<mark.lowerBound]
        while let gap = ["<br>", "<br/>", "<br />", "\n", "\r\n", " "].first(where: { before.hasSuffix($0) }) {
            before = before.dropLast(gap.count)
        }
        let after = text[text.index(mark.lowerBound, offsetBy: lead.count + keyLength)...]
        return (String(before) + String(after), key)
    }

    /// Whether a text is one of our keys.
    static func isKey(_ text: String) -> Bool {
        let alphabet = Set("abcdefghijklmnopqrstuvwxyz234567")
        return text.utf8.count == keyLength && text.hasPrefix("ik") && text.allSatisfy(alphabet.contains)
    }
}
