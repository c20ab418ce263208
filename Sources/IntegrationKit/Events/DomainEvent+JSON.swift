// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension DomainEvent {
    /// Reads an event from JSON.
    ///
    /// ```json
    /// {"event": "call.completed", "id": "evt-3", "tenant": "t-1", "record": "call_9", "at": "2026-11-20T14:02:10Z",
    ///  "fields": {"duration": {"seconds": 184}, "summary": "Parlé du prix"},
    ///  "related": [{"kind": "prospect", "id": "prospect_123", "fields": {"email": "ada@example.fr"}}],
    ///  "audience": ["integration-7"]}
    /// ```
    ///
    /// The values of fields have the forms of ``FieldValue/init(json:)``. `at`, `fields`, `related`, `audience` (all
    /// integrations), `origin` and `kind` (the one that the event names) may be missing. A key that is not known is
    /// refused, since a misspelt one would lose what it holds.
    ///
    /// - Parameter json: The JSON.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` that names what is wrong.
    public init(json: JSONValue) throws {
        let reader = try EventReader(
            json,
            of: "event",
            keys: ["event", "id", "tenant", "record", "kind", "at", "fields", "related", "origin", "audience"]
        )
        let kind = EventKind(rawValue: try reader.text("event"))
        self.init(
            kind,
            id: try reader.id("id"),
            of: try reader.id("record"),
            for: try reader.id("tenant"),
            fields: try reader.fields(),
            related: try reader.array("related").map(RelatedRecord.init(eventJSON:)),
            occurredAt: try reader.date("at"),
            origin: try reader.origin(),
            audience: try reader.audience()
        )
        if reader.has("kind") { record.kind = try reader.text("kind") }
        try validate()
    }

    /// The event in the form that ``init(json:)`` reads; its date to the millisecond.
    public var json: JSONValue {
        var object: JSONObject = [
            "event": .string(kind.rawValue), "id": .string(id), "tenant": .string(record.tenant),
            "record": .string(record.id),
        ]
        if record.kind != kind.hostKind { object["kind"] = .string(record.kind) }
        if let occurredAt { object["at"] = .string(ISO8601.string(from: occurredAt)) }
        if !fields.isEmpty { object["fields"] = EventReader.json(fields) }
        if !related.isEmpty {
            object["related"] = .array(
                related.map {
                    var object: JSONObject = ["kind": .string($0.kind), "id": .string($0.id)]
                    if !$0.fields.isEmpty { object["fields"] = EventReader.json($0.fields) }
                    return .object(object)
                }
            )
        }
        if let origin { object["origin"] = ["integration": .string(origin.integration), "remote": origin.remote.json] }
        if case .only(let ids) = audience { object["audience"] = .array(ids.sorted().map { .string($0) }) }
        return .object(object)
    }

    /// One line of a text of events.
    public struct Line: Hashable, Sendable {
        /// The line's number, from 1.
        public var number: Int
        /// The event, or why the line holds none.
        public var result: Result<DomainEvent, IntegrationError>

        /// Creates a line.
        ///
        /// - Parameters:
        ///   - number: The line's number.
        ///   - result: The event, or why the line holds none.
        public init(number: Int, result: Result<DomainEvent, IntegrationError>) {
            self.number = number
            self.result = result
        }
    }

    /// Reads JSON Lines: one event a line.
    ///
    /// A line that holds no event is reported under its number and never stops the rest. Empty lines are skipped.
    ///
    /// - Parameters:
    ///   - lines: The text in UTF-8; lines end with `\n` or `\r\n`.
    ///   - limits: The most that one line may hold.
    /// - Returns: One entry per line that is not empty, in order.
    public static func read(lines: Data, limits: JSONValue.Limits = JSONValue.Limits()) -> [Line] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let body = lines.starts(with: mark) ? lines.dropFirst(mark.count) : lines
        let space: Set<UInt8> = [0x20, 0x09, 0x0D]
        return body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
            .filter { !$0.element.allSatisfy(space.contains) }
            .map { index, line in
                Line(number: index + 1, result: read(line: Data(line), number: index + 1, limits: limits))
            }
    }

    private static func read(
        line: Data,
        number: Int,
        limits: JSONValue.Limits
    ) -> Result<DomainEvent, IntegrationError> {
        do {
            return .success(try DomainEvent(json: try JSONValue(parsing: line, limits: limits)))
        } catch {
            let cause = error as? IntegrationError
            return .failure(
                IntegrationError(
                    .invalidInput,
                    "Line \(number): \(cause?.message ?? "no event.")",
                    remedy: cause?.code == .invalidInput
                        ? cause?.remedy ?? LocalizedText()
                        : LocalizedText(
                            "Write one JSON object a line.",
                            fr: "Écrivez un objet JSON par ligne."
                        ),
                    context: cause?.context ?? IntegrationError.Context()
                )
            )
        }
    }
}

extension RelatedRecord {
    fileprivate init(eventJSON json: JSONValue) throws {
        let reader = try EventReader(json, of: "related record", keys: ["kind", "id", "fields"])
        self.init(try reader.text("kind"), try reader.id("id"), fields: try reader.fields())
    }
}

/// Reads the members of an event's objects and names the one that is wrong.
private struct EventReader {
    private let object: JSONObject
    private let thing: String

    init(_ json: JSONValue, of thing: String, keys: Set<String>) throws {
        self.thing = thing
        guard let object = json.object else {
            throw IntegrationError(
                .invalidInput,
                "The \(thing) is no JSON object.",
                remedy: LocalizedText("Write a JSON object.", fr: "Écrivez un objet JSON.")
            )
        }
        self.object = object
        if let unknown = object.keys.first(where: { !keys.contains($0) }) { throw invalid(unknown, "is not known") }
    }

    static func json(_ fields: [FieldName: FieldValue]) -> JSONValue {
        .object(JSONObject(fields.sorted { $0.key < $1.key }.map { JSONObject.Member($0.key.rawValue, $0.value.json) }))
    }

    func has(_ key: String) -> Bool {
        object[key].map { !$0.isNull } ?? false
    }

    func text(_ key: String) throws -> String {
        guard let text = object[key]?.string else { throw invalid(key, has(key) ? "is no text" : "is missing") }
        return text
    }

    func id(_ key: String) throws -> String {
        guard let id = object[key]?.idText else { throw invalid(key, has(key) ? "is no text" : "is missing") }
        return id
    }

    func date(_ key: String) throws -> Date? {
        guard has(key) else { return nil }
        guard let date = ISO8601.date(from: try text(key)) else {
            throw invalid(key, "is no moment such as 2026-11-20T14:02:10Z")
        }
        return date
    }

    func array(_ key: String) throws -> [JSONValue] {
        guard has(key) else { return [] }
        guard let array = object[key]?.array else { throw invalid(key, "is no array") }
        return array
    }

    func fields() throws -> [FieldName: FieldValue] {
        guard has("fields") else { return [:] }
        guard let members = object["fields"]?.object?.members else { throw invalid("fields", "is no object") }
        var fields: [FieldName: FieldValue] = [:]
        for member in members {
            do {
                fields[FieldName(member.key)] = try FieldValue(json: member.value)
            } catch let error as IntegrationError {
                throw invalid("fields.\(member.key)", "has a form that is not known", remedy: error.remedy)
            }
        }
        return fields
    }

    func origin() throws -> DomainEvent.Origin? {
        guard has("origin"), let json = object["origin"] else { return nil }
        let reader = try EventReader(json, of: "origin", keys: ["integration", "remote"])
        guard let remote = json["remote"].flatMap(RemoteID.init(json:)) else {
            throw reader.invalid("remote", "needs a kind and an id")
        }
        return DomainEvent.Origin(integration: try reader.text("integration"), remote: remote)
    }

    func audience() throws -> DomainEvent.Audience {
        guard has("audience") else { return .all }
        let ids = try array("audience")
        let texts = ids.compactMap(\.string)
        guard texts.count == ids.count else { throw invalid("audience", "holds what is no text") }
        return .only(Set(texts))
    }

    func invalid(_ key: String, _ reason: String, remedy: LocalizedText? = nil) -> IntegrationError {
        let name = String(key.prefix(80))
        return IntegrationError(
            .invalidInput,
            "The \(thing)'s \(name) \(reason).",
            remedy: remedy
                ?? LocalizedText(
                    "Correct \(name) of the \(thing).",
                    fr: "Corrigez \(name) dans l’événement."
                ),
            context: IntegrationError.Context(fields: [name])
        )
    }
}
