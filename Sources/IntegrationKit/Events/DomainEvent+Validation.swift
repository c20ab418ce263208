// SPDX-License-Identifier: Apache-2.0
import Foundation

extension DomainEvent {
    /// The most that an event may hold; what is larger is a mistake or belongs into a record of its own.
    enum Bounds {
        /// Bytes of an id or name in UTF-8.
        static let name = 512
        /// Fields of the event, and of each related record.
        static let fields = 1000
        /// Related records.
        static let related = 100
    }

    /// Checks that the event can be stored and sent: names, bounds, and values that mean something.
    ///
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidInput`` that names every bad part, never
    ///   its content.
    public func validate() throws {
        var faults: [Fault] = []
        if !kind.isWellFormed {
            faults.append(
                Fault("event", "is no kind such as prospect.created", "n’est pas un type comme prospect.created")
            )
        }
        let names = [("id", id), ("tenant", record.tenant), ("record", record.id), ("kind", record.kind)]
        faults += names.compactMap { Fault(name: $0.0, $0.1) }
        faults += Fault.of(fields, in: "fields")
        if related.count > Bounds.related {
            faults.append(Fault("related", "holds more than \(Bounds.related)", "en compte plus de \(Bounds.related)"))
        }
        for (place, other) in related.prefix(Bounds.related).enumerated() {
            let path = "related[\(place)]"
            faults += [("\(path).kind", other.kind), ("\(path).id", other.id)].compactMap { Fault(name: $0.0, $0.1) }
            faults += Fault.of(other.fields, in: "\(path).fields")
        }
        if case .only(let ids) = audience { faults += ids.sorted().compactMap { Fault(name: "audience", $0) } }
        guard faults.isEmpty else {
            throw IntegrationError(
                .invalidInput,
                "The event cannot be taken: " + faults.map { "\($0.part) \($0.reason)" }.joined(separator: ", ") + ".",
                remedy: LocalizedText(
                    "Correct the event: " + faults.map { "\($0.part) \($0.reason)" }.joined(separator: ", ") + ".",
                    fr: "Corrigez l’événement : "
                        + faults.map { "\($0.part) \($0.reasonInFrench)" }.joined(separator: ", ")
                        + "."
                ),
                context: IntegrationError.Context(fields: faults.map(\.part))
            )
        }
    }
}

extension EventKind {
    /// Whether the name is made of two or more words of ASCII letters, digits, `-` and `_`, joined by full stops.
    var isWellFormed: Bool {
        let words = rawValue.split(separator: ".", omittingEmptySubsequences: false)
        return words.count >= 2 && rawValue.utf8.count <= 128
            && words.allSatisfy { word in
                !word.isEmpty
                    && word.unicodeScalars.allSatisfy {
                        "a"..."z" ~= $0 || "A"..."Z" ~= $0 || "0"..."9" ~= $0 || $0 == "-" || $0 == "_"
                    }
            }
    }
}

/// What is wrong with a part of an event.
private struct Fault {
    let part: String
    let reason: String
    let reasonInFrench: String

    init(_ part: String, _ reason: String, _ reasonInFrench: String) {
        self.part = part
        self.reason = reason
        self.reasonInFrench = reasonInFrench
    }

    /// Judges an id or name; nil if it is good.
    init?(name part: @autoclosure () -> String, _ text: String) {
        if text.isEmpty {
            self.init(part(), "is empty", "est vide")
        } else if text.utf8.count > DomainEvent.Bounds.name {
            let bytes = DomainEvent.Bounds.name
            self.init(part(), "is longer than \(bytes) bytes", "dépasse \(bytes) octets")
        } else if text.unicodeScalars.contains(where: { $0.value < 0x20 || 0x7F...0x9F ~= $0.value }) {
            self.init(part(), "holds a control character", "contient un caractère de contrôle")
        } else {
            return nil
        }
    }

    static func of(_ fields: [FieldName: FieldValue], in path: String) -> [Fault] {
        guard fields.count <= DomainEvent.Bounds.fields else {
            let most = DomainEvent.Bounds.fields
            return [Fault(path, "holds more than \(most)", "en compte plus de \(most)")]
        }
        return fields.sorted { $0.key < $1.key }.compactMap { name, value in
            if let fault = Fault(name: "\(path).\(name.rawValue.prefix(80))", name.rawValue) { return fault }
            guard let reasons = value.fault else { return nil }
            return Fault("\(path).\(name.rawValue.prefix(80))", reasons.english, reasons.french)
        }
    }
}

extension FieldValue {
    fileprivate var fault: (english: String, french: String)? {
        switch self {
        case .number(let number) where !number.isFinite: ("is no number", "n’est pas un nombre")
        case .money(let number, _) where !number.isFinite: ("is no number", "n’est pas un nombre")
        case .money(_, let code) where code.utf8.count != 3 || !code.utf8.allSatisfy { 0x41...0x5A ~= $0 & 0xDF }:
            ("has no currency such as EUR", "n’a pas de devise comme EUR")
        case .day(let day) where !ISO8601.isDay(day):
            ("is no day such as 2026-11-20", "n’est pas un jour comme 2026-11-20")
        default: nil
        }
    }
}
