// SPDX-License-Identifier: Apache-2.0
import Foundation

extension FieldValue {
    /// Reads a value from the JSON that hosts and operators write.
    ///
    /// | JSON | Value |
    /// |---|---|
    /// | `null` | ``empty`` |
    /// | `"Zoë"` | ``text(_:)`` |
    /// | `true` | ``flag(_:)`` |
    /// | `10.50` | ``number(_:)``, exactly |
    /// | `["a", "b"]` | ``options(_:)`` |
    /// | `{"amount": "10.50", "currency": "EUR"}` | ``money(_:currency:)`` |
    /// | `{"day": "2026-11-20"}` | ``day(_:)`` |
    /// | `{"instant": "2026-11-20T14:02:10Z"}` | ``instant(_:)``, with an offset or `Z` |
    /// | `{"seconds": 184}` | ``seconds(_:)`` |
    /// | `{"labelled": [{"value": "+33612345678", "label": "mobile", "primary": true}]}` | ``labelled(_:)`` |
    /// | `{"address": {"street": "…", "city": "…", "region": "…", "postalCode": "…", "country": "…"}}` | ``address(_:)`` |
    /// | `{"record": {"kind": "contact", "id": "7"}}` | ``record(_:)`` |
    /// | `{"json": …}` | ``json(_:)`` |
    ///
    /// - Parameter json: The JSON.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` for any other form.
    public init(json: JSONValue) throws {
        guard let value = FieldValue.read(json) else {
            throw IntegrationError(
                .invalidInput,
                "A field's value has a form that is not known.",
                remedy: LocalizedText(
                    "Write the value in one of the documented forms, or wrap it as {\"json\": …}.",
                    fr: "Écrivez la valeur dans l’une des formes documentées, ou sous la forme {\"json\": …}."
                )
            )
        }
        self = value
    }

    /// The value in the form that ``init(json:)`` reads.
    public var json: JSONValue {
        switch self {
        case .empty: .null
        case .text(let value): .string(value)
        case .flag(let value): .bool(value)
        case .number(let value): value.isFinite ? .number(JSONNumber(value)) : .null
        case .money(let value, let currency):
            value.isFinite ? ["amount": .string(value.description), "currency": .string(currency)] : .null
        case .day(let value): ["day": .string(value)]
        case .instant(let value): ["instant": .string(ISO8601.string(from: value))]
        case .seconds(let value): ["seconds": .number(JSONNumber(value))]
        case .options(let values): .array(values.map { .string($0) })
        case .labelled(let values): ["labelled": .array(values.map(\.json))]
        case .address(let value): ["address": value.json]
        case .record(let value): ["record": value.json]
        case .json(let value): ["json": value]
        }
    }

    private static func read(_ json: JSONValue) -> FieldValue? {
        switch json {
        case .null: .empty
        case .bool(let value): .flag(value)
        case .string(let value): .text(value)
        case .number(let value): value.decimal.map { .number($0) }
        case .array(let values):
            values.allSatisfy { $0.string != nil } ? .options(values.compactMap(\.string)) : nil
        case .object(let object): read(object)
        }
    }

    private static func read(_ object: JSONObject) -> FieldValue? {
        if Set(object.keys) == ["amount", "currency"] {
            guard let amount = object["amount"], let currency = object["currency"]?.string else { return nil }
            let number = amount.number ?? amount.string.flatMap { JSONNumber(text: $0) }
            return number?.decimal.map { .money($0, currency: currency) }
        }
        guard object.count == 1, let member = object.members.first else { return nil }
        let value = member.value
        switch member.key {
        case "day": return value.string.flatMap { ISO8601.isDay($0) ? .day($0) : nil }
        case "instant": return value.string.flatMap { ISO8601.date(from: $0) }.map { .instant($0) }
        case "seconds": return value.number?.int64.flatMap(Int.init(exactly:)).map { .seconds($0) }
        case "labelled":
            guard let array = value.array else { return nil }
            let values = array.compactMap(LabelledText.init(json:))
            return values.count == array.count ? .labelled(values) : nil
        case "address": return PostalAddress(json: value).map { .address($0) }
        case "record": return RemoteID(json: value).map { .record($0) }
        case "json": return .json(value)
        default: return nil
        }
    }
}

extension JSONValue {
    /// The object, if this is one with no other keys than these.
    fileprivate func object(of keys: Set<String>) -> JSONObject? {
        object.flatMap { Set($0.keys).isSubset(of: keys) ? $0 : nil }
    }

    /// An object without the members that are not there.
    fileprivate static func compact(_ members: KeyValuePairs<String, String?>) -> JSONValue {
        .object(JSONObject(members.compactMap { key, value in value.map { JSONObject.Member(key, .string($0)) } }))
    }

    /// Whether the member is not there, null or a text.
    fileprivate func hasTextOrNothing(_ key: String) -> Bool {
        self[key].map { $0.isNull || $0.string != nil } ?? true
    }
}

extension LabelledText {
    fileprivate init?(json: JSONValue) {
        guard let object = json.object(of: ["value", "label", "primary"]), let value = object["value"]?.string,
            json.hasTextOrNothing("label"), object["primary"].map({ $0.bool != nil }) ?? true
        else { return nil }
        self.init(value, label: object["label"]?.string, isPrimary: object["primary"]?.bool ?? false)
    }

    fileprivate var json: JSONValue {
        var object: JSONObject = ["value": .string(value)]
        if let label { object["label"] = .string(label) }
        if isPrimary { object["primary"] = true }
        return .object(object)
    }
}

extension PostalAddress {
    fileprivate init?(json: JSONValue) {
        let keys = ["street", "city", "region", "postalCode", "country"]
        guard let object = json.object(of: Set(keys)), keys.allSatisfy(json.hasTextOrNothing) else { return nil }
        self.init(
            street: object["street"]?.string,
            city: object["city"]?.string,
            region: object["region"]?.string,
            postalCode: object["postalCode"]?.string,
            country: object["country"]?.string
        )
    }

    fileprivate var json: JSONValue {
        .compact([
            "street": street, "city": city, "region": region, "postalCode": postalCode, "country": country,
        ])
    }
}

extension RemoteID {
    /// Reads `{"kind": "contact", "id": "7", "parent": "3"}`; the parent may be missing.
    init?(json: JSONValue) {
        guard let object = json.object(of: ["kind", "id", "parent"]), let kind = object["kind"]?.string,
            let id = object["id"]?.idText, !kind.isEmpty, !id.isEmpty, json.hasTextOrNothing("parent")
        else { return nil }
        self.init(RecordKind(rawValue: kind), id, parent: object["parent"]?.string)
    }

    /// The form that ``init(json:)`` reads.
    var json: JSONValue {
        .compact(["kind": kind.rawValue, "id": value, "parent": parent])
    }
}
