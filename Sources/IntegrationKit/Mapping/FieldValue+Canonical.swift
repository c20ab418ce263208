// SPDX-License-Identifier: Apache-2.0
import Foundation

extension FieldValue {
    /// Tells whether two values are the same by the meaning of their form.
    ///
    /// 10 and 10.00 are the same number, options and labelled values are sets, moments are compared by the millisecond,
    /// and whatever holds nothing (an empty text, no options) is the same as ``empty``. Case counts; another form with
    /// the same text is another value.
    ///
    /// - Parameter other: The other value.
    /// - Returns: Whether they are the same.
    public func isEquivalent(to other: FieldValue) -> Bool {
        if case .empty = other { return holdsNothing }
        return self == other || canonicalText == other.canonicalText
    }

    private var holdsNothing: Bool {
        switch self {
        case .empty, .json(.null): true
        case .text(let value), .day(let value): value.isEmpty
        case .options(let values): values.isEmpty
        case .labelled(let values): values.isEmpty
        case .address(let value): value.parts.allSatisfy(\.isEmpty)
        default: false
        }
    }

    /// The one text of all values that are equivalent to this one; no other value has it.
    package var canonicalText: String {
        switch self {
        case .empty, .json(.null): ""
        case .text(let value): value.isEmpty ? "" : "t" + CanonicalText.composed(value)
        case .flag(let value): value ? "f1" : "f0"
        case .number(let value): "n" + CanonicalText.number(value)
        case .money(let value, let currency): "m\(CanonicalText.number(value)) \(currency.uppercased())"
        case .day(let value): value.isEmpty ? "" : "d" + value
        case .instant(let value): "i\(value.milliseconds)"
        case .seconds(let value): "s\(value)"
        case .options(let values): values.isEmpty ? "" : "o" + CanonicalText.set(values.map(CanonicalText.composed))
        case .labelled(let values):
            values.isEmpty
                ? ""
                : "l"
                    + CanonicalText.set(
                        values.map {
                            let label = $0.label.map { "=" + CanonicalText.composed($0) } ?? ""
                            return CanonicalText.joined([
                                CanonicalText.composed($0.value), label, $0.isPrimary ? "1" : "0",
                            ])
                        }
                    )
        case .address(let value):
            value.parts.allSatisfy(\.isEmpty)
                ? "" : "a" + CanonicalText.joined(value.parts.map(CanonicalText.composed))
        case .record(let value):
            "r" + CanonicalText.joined([value.kind.rawValue, value.value, value.parent.map { "=" + $0 } ?? ""])
        case .json(let value): "j" + CanonicalText.json(value)
        }
    }

    /// Tells whether a platform that was sent one value and shows the other merely stored it in its own manner.
    package func isLooselyEquivalent(to other: FieldValue) -> Bool {
        looselyCanonicalText == other.looselyCanonicalText
    }

    /// The one text of all values that a platform may turn into each other when it stores them.
    ///
    /// Case, surrounding space, line ends, the punctuation of telephone numbers and the scale of numbers make no
    /// difference, nor does the form: the text `10`, the option `10` and the number 10 are the same here.
    package var looselyCanonicalText: String {
        switch self {
        case .empty: ""
        case .text(let value), .day(let value): FieldValue.loose(value)
        case .flag(let value): value ? "true" : "false"
        case .number(let value): CanonicalText.number(value)
        case .money(let value, let currency): "\(CanonicalText.number(value)) \(currency.lowercased())"
        case .instant(let value): "i\(value.milliseconds)"
        case .seconds(let value): String(value)
        case .options(let values): FieldValue.looseSet(values.map(FieldValue.loose))
        case .labelled(let values):
            FieldValue.looseSet(
                values.map {
                    let value = FieldValue.loose($0.value)
                    let label = FieldValue.loose($0.label ?? "")
                    let mark = $0.isPrimary && values.count > 1 ? "1" : ""
                    return label.isEmpty && mark.isEmpty ? value : CanonicalText.joined([value, label, mark])
                }
            )
        case .address(let value):
            value.parts.allSatisfy(\.isEmpty) ? "" : CanonicalText.joined(value.parts.map(FieldValue.loose))
        case .record: canonicalText
        case .json(.null): ""
        case .json(.string(let value)): FieldValue.loose(value)
        case .json(.bool(let value)): value ? "true" : "false"
        case .json(.number(let value)): CanonicalText.number(text: value.text)
        case .json: canonicalText
        }
    }

    private static func looseSet(_ values: [String]) -> String {
        let values = Set(values).subtracting([""])
        return values.count == 1 ? values.first ?? "" : CanonicalText.set(Array(values))
    }

    private static func loose(_ text: String) -> String {
        let lines = text.replacingOccurrences(of: "\r\n", with: "\n")
        let trimmed = lines.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let first = trimmed.utf8.first else { return "" }
        guard first < 0x40 else { return CanonicalText.composed(trimmed.lowercased()) }
        if ISO8601.isDay(trimmed) { return trimmed }
        if let date = ISO8601.date(from: trimmed) { return "i\(date.milliseconds)" }
        if let number = JSONNumber(text: trimmed) { return CanonicalText.number(text: number.text) }
        return PhoneNumber.digits(of: trimmed) ?? CanonicalText.composed(trimmed.lowercased())
    }
}

extension PostalAddress {
    /// The parts in a fixed order; a part that is not there is empty.
    var parts: [String] {
        [street, city, region, postalCode, country].map { $0 ?? "" }
    }
}
