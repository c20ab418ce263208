// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// One record of the file of host records, as a line of JSON.
///
/// ```json
/// {"tenant": "default", "kind": "customer", "id": "c-1", "fields": {"email": "ada@example.fr"},
///  "from": {"int_1f…": {"kind": "customer", "id": "7", "version": "…"}}, "events": ["evt-1"]}
/// ```
struct RecordLine: Hashable, Sendable {
    /// The record's partner in an integration, and the last change that came from there.
    struct Partner: Hashable, Sendable {
        var remote: RemoteID
        /// Names the last change that was carried out, so that it is known when it comes again.
        var change: String?
    }

    var reference: HostReference
    var fields: [FieldName: FieldValue] = [:]
    /// Partners by integration.
    var partners: [String: Partner] = [:]
    /// The events that the fields include, so that the same event is not taken in twice.
    var events: [String] = []
    /// Whether the record was deleted: the line stays, so that an old event does not bring it back.
    var isDeleted = false

    init(_ reference: HostReference) {
        self.reference = reference
    }

    /// Names the state of the fields; an edit by hand is another one.
    var revision: String { RecordLine.digest(RecordLine.json(fields)) }

    static func digest(_ json: JSONValue) -> String {
        Hashing.sha256(json.data).prefix(8).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    static func json(_ fields: [FieldName: FieldValue]) -> JSONValue {
        .object(JSONObject(fields.sorted { $0.key < $1.key }.map { JSONObject.Member($0.key.rawValue, $0.value.json) }))
    }

    var json: JSONValue {
        var object: JSONObject = [
            "tenant": .string(reference.tenant), "kind": .string(reference.kind), "id": .string(reference.id),
        ]
        if isDeleted { object["deleted"] = true } else { object["fields"] = RecordLine.json(fields) }
        if !partners.isEmpty {
            object["from"] = .object(
                JSONObject(partners.sorted { $0.key < $1.key }.map { JSONObject.Member($0.key, $0.value.json) })
            )
        }
        if !events.isEmpty { object["events"] = .array(events.map { .string($0) }) }
        return .object(object)
    }

    /// Reads a line; `tenant` stands for one that the line does not name.
    init(json: JSONValue, tenant: String) throws {
        guard let object = json.object else { throw RecordLine.invalid("it is no JSON object") }
        let known: Set<String> = ["tenant", "kind", "id", "fields", "from", "events", "deleted"]
        if let other = object.keys.first(where: { !known.contains($0) }) {
            throw RecordLine.invalid("“\(other.prefix(40))” is not known; fields stand inside “fields”")
        }
        guard let kind = object["kind"]?.string, let id = object["id"]?.idText, !kind.isEmpty, !id.isEmpty else {
            throw RecordLine.invalid("“kind” and “id” are needed")
        }
        reference = HostReference(tenant: object["tenant"]?.string ?? tenant, kind: kind, id: id)
        isDeleted = object["deleted"]?.bool ?? false
        for member in object["fields"]?.object?.members ?? [] {
            do {
                fields[FieldName(member.key)] = try FieldValue(json: member.value)
            } catch {
                throw RecordLine.invalid("the field “\(member.key.prefix(40))” has a form that is not known")
            }
        }
        for member in object["from"]?.object?.members ?? [] {
            guard let partner = Partner(json: member.value) else { throw RecordLine.invalid("“from” is damaged") }
            partners[member.key] = partner
        }
        events = (object["events"]?.array ?? []).compactMap(\.string)
    }

    private static func invalid(_ reason: String) -> IntegrationError {
        IntegrationError(.invalidInput, reason)
    }
}

extension RecordLine.Partner {
    fileprivate init?(json: JSONValue) {
        guard let kind = json["kind"]?.string, let id = json["id"]?.idText else { return nil }
        remote = RemoteID(RecordKind(rawValue: kind), id, parent: json["parent"]?.string)
        change = json["change"]?.string
    }

    fileprivate var json: JSONValue {
        var object: JSONObject = ["kind": .string(remote.kind.rawValue), "id": .string(remote.value)]
        if let parent = remote.parent { object["parent"] = .string(parent) }
        if let change { object["change"] = .string(change) }
        return .object(object)
    }
}
