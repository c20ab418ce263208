// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A transform that this version knows, with its parameters read.
enum BuiltInTransform {
    case trimmed
    case lowercased
    case uppercased
    case phone(callingCode: String, trunkPrefix: String)
    case values(forward: [String: String], back: [String: String])
    case split(separator: String)
    case joined(separator: String)
    case prefix(String)
    case suffix(String)
    case scaled(Decimal)
    case duration(FieldTransform.DurationUnit)
    case day
    case truncated(Int)
    case money(String?)
    case amount(String?)
    case option(yes: String, no: String)
    case html
    case plainText
}

extension BuiltInTransform {
    /// Reads a stored transform; one of a newer version, or with parameters that make no sense, is named.
    init(_ transform: FieldTransform) throws(TransformFailure) {
        let parameters = TransformParameters(transform)
        switch transform.name {
        case "trim": self = .trimmed
        case "lowercase": self = .lowercased
        case "uppercase": self = .uppercased
        case "phone":
            let code = try parameters.text("callingCode")
            let trunk = try parameters.optionalText("trunkPrefix") ?? "0"
            guard (1...3).contains(code.utf8.count), (code + trunk).utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                throw parameters.invalid("callingCode")
            }
            self = .phone(callingCode: code, trunkPrefix: trunk)
        case "values":
            let forward = try parameters.texts("values")
            let sorted = forward.sorted { $0.key < $1.key }
            self = .values(
                forward: forward,
                back: Dictionary(sorted.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
            )
        case "split": self = .split(separator: try parameters.text("separator"))
        case "join": self = .joined(separator: try parameters.text("separator"))
        case "prefix": self = .prefix(try parameters.text("text"))
        case "suffix": self = .suffix(try parameters.text("text"))
        case "scale":
            guard let factor = parameters["factor"]?.number?.decimal, factor.isFinite, factor != 0 else {
                throw parameters.invalid("factor")
            }
            self = .scaled(factor)
        case "duration":
            guard let unit = FieldTransform.DurationUnit(rawValue: try parameters.text("unit")) else {
                throw parameters.invalid("unit")
            }
            self = .duration(unit)
        case "day": self = .day
        case "truncate":
            guard let count = parameters["characters"]?.int64.flatMap(Int.init(exactly:)), count > 0 else {
                throw parameters.invalid("characters")
            }
            self = .truncated(count)
        case "money": self = .money(try parameters.optionalText("currency"))
        case "amount": self = .amount(try parameters.optionalText("currency"))
        case "option":
            let (yes, no) = (try parameters.text("yes"), try parameters.text("no"))
            guard yes != no else { throw parameters.invalid("no") }
            self = .option(yes: yes, no: no)
        case "html": self = .html
        case "plain-text": self = .plainText
        default:
            throw TransformFailure(
                "The step \(transform.name) is not known to this version.",
                remedy: LocalizedText(
                    "Update the application, or take the step \(transform.name) out of the mapping.",
                    fr: "Mettez l’application à jour, ou retirez l’étape \(transform.name) du mappage."
                )
            )
        }
    }

    func apply(_ value: FieldValue, name: String, context: MappingContext) throws(TransformFailure) -> FieldValue {
        switch self {
        case .trimmed: value.mapTexts { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        case .lowercased: value.mapTexts { $0.lowercased() }
        case .uppercased: value.mapTexts { $0.uppercased() }
        case .phone(let code, let trunk):
            value.mapTexts { PhoneNumber.international($0, callingCode: code, trunkPrefix: trunk) ?? $0 }
        case .values(let forward, _): try Self.replace(value, by: forward, name: name)
        case .split(let separator): try Self.split(value, separator, name: name)
        case .joined(let separator): try Self.join(value, separator, name: name)
        case .prefix(let text): value.mapTexts { text + $0 }
        case .suffix(let text): value.mapTexts { $0 + text }
        case .scaled(let factor): try Self.scale(value, name: name) { $0 * factor }
        case .duration(let unit): try Self.number(of: value, in: unit, name: name)
        case .day: try Self.day(of: value, in: context.timeZone, name: name)
        case .truncated(let count): value.mapTexts { String($0.prefix(count)) }
        case .money(let currency): try Self.addCurrency(value, currency ?? context.currency, name: name)
        case .amount(let currency): try Self.removeCurrency(value, currency ?? context.currency, name: name)
        case .option(let yes, let no):
            switch value {
            case .flag(let flag): .options([flag ? yes : no])
            default: throw TransformFailure.wrongForm(name, expects: "yes or no", formInFrench: "oui ou non")
            }
        case .html: value.mapText(HTMLText.escaped)
        case .plainText: value.mapText(HTMLText.plain)
        }
    }

    func revert(_ value: FieldValue, name: String, context: MappingContext) throws(TransformFailure) -> FieldValue {
        switch self {
        case .trimmed, .lowercased, .uppercased, .phone, .day, .truncated: value
        case .values(_, let back): try Self.replace(value, by: back, name: name)
        case .split(let separator): try Self.join(value, separator, name: name)
        case .joined(let separator): try Self.split(value, separator, name: name)
        case .prefix(let text): value.mapTexts { $0.hasPrefix(text) ? String($0.dropFirst(text.count)) : $0 }
        case .suffix(let text): value.mapTexts { $0.hasSuffix(text) ? String($0.dropLast(text.count)) : $0 }
        case .scaled(let factor): try Self.scale(value, name: name) { $0 / factor }
        case .duration(let unit): try Self.seconds(of: value, in: unit, name: name)
        case .money(let currency): try Self.removeCurrency(value, currency ?? context.currency, name: name)
        case .amount(let currency): try Self.addCurrency(value, currency ?? context.currency, name: name)
        case .option(let yes, let no):
            switch value {
            case .flag: value
            case .options([yes]), .text(yes): .flag(true)
            case .options([no]), .text(no): .flag(false)
            default: throw Self.notAllowed([yes, no], name: name)
            }
        case .html: value.mapText(HTMLText.plain)
        case .plainText: value.mapText(HTMLText.escaped)
        }
    }

    /// A value of the form that the step gives; nil if it gives the form that it takes.
    var example: FieldValue? {
        switch self {
        case .trimmed, .lowercased, .uppercased, .phone, .values, .prefix, .suffix, .truncated: nil
        case .split: .options(["a", "b"])
        case .joined, .html, .plainText: .text("a")
        case .scaled, .duration, .amount: .number(1)
        case .day: .day("2026-01-01")
        case .money: .money(1, currency: "EUR")
        case .option(let yes, _): .options([yes])
        }
    }

    /// The only values that the step can give; nil if it may give others.
    var allowedOptions: [String]? {
        switch self {
        case .values(let forward, _): Set(forward.values).sorted()
        case .option(let yes, let no): [yes, no]
        default: nil
        }
    }
}

extension BuiltInTransform {
    private static func replace(
        _ value: FieldValue,
        by table: [String: String],
        name: String
    ) throws(TransformFailure) -> FieldValue {
        let replacement = { (text: String) throws(TransformFailure) -> String in
            guard let found = table[text] else { throw notAllowed(table.keys.sorted(), name: name) }
            return found
        }
        switch value {
        case .text(let text): return .text(try replacement(text))
        case .options(let options): return .options(try options.map(replacement))
        default:
            throw TransformFailure.wrongForm(
                name,
                expects: "a text or options",
                formInFrench: "un texte ou des options"
            )
        }
    }

    private static func notAllowed(_ values: [String], name: String) -> TransformFailure {
        let list = values.prefix(30).joined(separator: ", ") + (values.count > 30 ? ", …" : "")
        return TransformFailure(
            "The step \(name) has nothing for the value; it knows \(list).",
            remedy: LocalizedText(
                "Use one of \(list), or add the value to the mapping.",
                fr: "Utilisez l’une de ces valeurs : \(list), ou ajoutez la valeur au mappage."
            )
        )
    }

    private static func split(
        _ value: FieldValue,
        _ separator: String,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .text(let text):
            let options = parts(of: text, separator)
            return options.isEmpty ? .empty : .options(options)
        case .options(let options):
            let parts = options.flatMap { Self.parts(of: $0, separator) }
            return parts.isEmpty ? .empty : .options(parts)
        default: throw TransformFailure.wrongForm(name, expects: "a text", formInFrench: "un texte")
        }
    }

    private static func join(
        _ value: FieldValue,
        _ separator: String,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        let options: [String]
        switch value {
        case .options(let values):
            options = values.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
        case .text(let text): options = parts(of: text, separator)
        default: throw TransformFailure.wrongForm(name, expects: "options", formInFrench: "des options")
        }
        guard !options.contains(where: { $0.contains(separator) }) else {
            throw TransformFailure(
                "The step \(name) cannot join an option that holds the separator.",
                remedy: LocalizedText(
                    "Choose another separator in the mapping.",
                    fr: "Choisissez un autre séparateur dans le mappage."
                )
            )
        }
        // Options have no order: sorted, the same choice is always the same text.
        return options.isEmpty ? .empty : .text(Set(options).sorted().joined(separator: separator))
    }

    private static func parts(of text: String, _ separator: String) -> [String] {
        text.components(separatedBy: separator)
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            .filter { !$0.isEmpty }
    }

    private static func scale(
        _ value: FieldValue,
        name: String,
        by operation: (Decimal) -> Decimal
    ) throws(TransformFailure) -> FieldValue {
        guard case .number(let number) = value else {
            throw TransformFailure.wrongForm(name, expects: "a number", formInFrench: "un nombre")
        }
        let result = operation(number)
        guard result.isFinite else {
            throw TransformFailure.wrongForm(name, expects: "a smaller number", formInFrench: "un nombre plus petit")
        }
        return .number(result)
    }

    private static func number(
        of value: FieldValue,
        in unit: FieldTransform.DurationUnit,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .seconds(let seconds): .number(Decimal(seconds) * unit.perSecond.numerator / unit.perSecond.denominator)
        default: throw TransformFailure.wrongForm(name, expects: "a duration", formInFrench: "une durée")
        }
    }

    private static func seconds(
        of value: FieldValue,
        in unit: FieldTransform.DurationUnit,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .seconds: return value
        case .number(let number):
            var exact = number * unit.perSecond.denominator / unit.perSecond.numerator
            var rounded = Decimal()
            unsafe NSDecimalRound(&rounded, &exact, 0, .plain)
            guard rounded.isFinite, let seconds = Int(CanonicalText.number(rounded)) else { fallthrough }
            return .seconds(seconds)
        default: throw TransformFailure.wrongForm(name, expects: "a duration", formInFrench: "une durée")
        }
    }

    private static func day(
        of value: FieldValue,
        in timeZone: TimeZone,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .instant(let date): return .day(ISO8601.day(of: date, in: timeZone))
        case .day: return value
        default:
            throw TransformFailure.wrongForm(name, expects: "a moment or a day", formInFrench: "un moment ou un jour")
        }
    }

    private static func addCurrency(
        _ value: FieldValue,
        _ currency: String?,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .number(let amount):
            guard let currency else { throw currencyUnknown(name) }
            return .money(amount, currency: currency)
        case .money(_, let other):
            guard currency == nil || other.uppercased() == currency?.uppercased() else {
                throw otherCurrency(currency ?? "", name: name)
            }
            return value
        default:
            throw TransformFailure.wrongForm(
                name,
                expects: "a number or an amount",
                formInFrench: "un nombre ou un montant"
            )
        }
    }

    private static func removeCurrency(
        _ value: FieldValue,
        _ currency: String?,
        name: String
    ) throws(TransformFailure) -> FieldValue {
        switch value {
        case .money(let amount, let other):
            guard let currency else { throw currencyUnknown(name) }
            guard other.uppercased() == currency.uppercased() else { throw otherCurrency(currency, name: name) }
            return .number(amount)
        case .number: return value
        default:
            throw TransformFailure.wrongForm(name, expects: "an amount", formInFrench: "un montant")
        }
    }

    private static func currencyUnknown(_ name: String) -> TransformFailure {
        TransformFailure(
            "The step \(name) has no currency, and the account's is not known.",
            remedy: LocalizedText("Name the currency in the mapping.", fr: "Indiquez la devise dans le mappage.")
        )
    }

    private static func otherCurrency(_ currency: String, name: String) -> TransformFailure {
        TransformFailure(
            "The step \(name) takes amounts in \(currency) alone.",
            remedy: LocalizedText(
                "Send the amount in \(currency), or map another field.",
                fr: "Envoyez le montant en \(currency), ou mappez un autre champ."
            )
        )
    }
}

extension FieldTransform.DurationUnit {
    /// How many of the unit a second is, as a fraction, since a third of a minute has no exact decimal.
    fileprivate var perSecond: (numerator: Decimal, denominator: Decimal) {
        switch self {
        case .milliseconds: (1000, 1)
        case .seconds: (1, 1)
        case .minutes: (1, 60)
        case .hours: (1, 3600)
        }
    }
}

extension FieldValue {
    fileprivate func mapText(_ change: (String) -> String) -> FieldValue {
        guard case .text(let text) = self else { return self }
        let changed = change(text)
        return changed.isEmpty ? .empty : .text(changed)
    }

    /// Changes a text, each option or each labelled value; what becomes of nothing is empty.
    fileprivate func mapTexts(_ change: (String) -> String) -> FieldValue {
        switch self {
        case .options(let options):
            let changed = options.filter { !$0.isEmpty }.map(change).filter { !$0.isEmpty }
            return changed.isEmpty ? .empty : .options(changed)
        case .labelled(let values):
            let changed = values.filter { !$0.value.isEmpty }
                .map { LabelledText(change($0.value), label: $0.label, isPrimary: $0.isPrimary) }
                .filter { !$0.value.isEmpty }
            return changed.isEmpty ? .empty : .labelled(changed)
        default: return mapText(change)
        }
    }
}
