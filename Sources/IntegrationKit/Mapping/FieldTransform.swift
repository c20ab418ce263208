// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A step that changes a value on its way to a platform, and its inverse on the way back.
///
/// An empty value stays empty both ways, so that clearing a field reaches the other side. Steps that change texts do so
/// to each option and each labelled value too. Where a step loses something (case, time of day), the way back leaves
/// the value as it is: sent once more it stays the same, so that no exchange of values ever starts.
public struct FieldTransform: Hashable, Codable, Sendable {
    /// The transform's name as it is stored.
    public var name: String
    /// Its parameters.
    public var parameters: [String: JSONValue]

    /// Creates a transform.
    ///
    /// - Parameters:
    ///   - name: The transform's name.
    ///   - parameters: Its parameters.
    public init(name: String, parameters: [String: JSONValue] = [:]) {
        self.name = name
        self.parameters = parameters
    }
}

extension FieldTransform {
    /// A unit that platforms count durations in.
    public enum DurationUnit: String, Hashable, Codable, Sendable, CaseIterable {
        /// Thousandths of a second.
        case milliseconds
        /// Seconds.
        case seconds
        /// Minutes.
        case minutes
        /// Hours.
        case hours
    }

    /// Removes space around a text; back: nothing.
    public static let trimmed = FieldTransform(name: "trim")

    /// Turns a text into small letters; back: nothing.
    public static let lowercased = FieldTransform(name: "lowercase")

    /// Turns a text into capitals; back: nothing.
    public static let uppercased = FieldTransform(name: "uppercase")

    /// Writes telephone numbers in the international form: `06 12 34 56 78` becomes `+33612345678`; back: nothing.
    ///
    /// What is no telephone number stays as it is: a platform may well take it, and nothing is lost.
    ///
    /// - Parameters:
    ///   - callingCode: The calling code of numbers that name no country, such as `33`.
    ///   - trunkPrefix: What stands before a national number at home and not abroad; empty where there is no such thing.
    /// - Returns: The transform.
    public static func phone(callingCode: String, trunkPrefix: String = "0") -> FieldTransform {
        FieldTransform(
            name: "phone",
            parameters: ["callingCode": .string(callingCode), "trunkPrefix": .string(trunkPrefix)]
        )
    }

    /// Turns each value into the one that the platform has for it, and back; other values are refused by name.
    ///
    /// Where several values become one, the way back gives the first of them in the order of the alphabet.
    ///
    /// - Parameter values: The platform's values by the host's.
    /// - Returns: The transform.
    public static func values(_ values: [String: String]) -> FieldTransform {
        FieldTransform(name: "values", parameters: ["values": .object(JSONObject(values.mapValues { .string($0) }))])
    }

    /// Splits a text into options; back: joins them.
    ///
    /// - Parameter separator: What stands between two values.
    /// - Returns: The transform.
    public static func split(separator: String) -> FieldTransform {
        FieldTransform(name: "split", parameters: ["separator": .string(separator)])
    }

    /// Joins options into a text; back: splits it.
    ///
    /// - Parameter separator: What stands between two values.
    /// - Returns: The transform.
    public static func joined(separator: String) -> FieldTransform {
        FieldTransform(name: "join", parameters: ["separator": .string(separator)])
    }

    /// Puts a text before a text; back: takes it away where it is there.
    ///
    /// - Parameter text: The text to add.
    /// - Returns: The transform.
    public static func prefix(_ text: String) -> FieldTransform {
        FieldTransform(name: "prefix", parameters: ["text": .string(text)])
    }

    /// Puts a text behind a text; back: takes it away where it is there.
    ///
    /// - Parameter text: The text to add.
    /// - Returns: The transform.
    public static func suffix(_ text: String) -> FieldTransform {
        FieldTransform(name: "suffix", parameters: ["text": .string(text)])
    }

    /// Multiplies a number; back: divides it.
    ///
    /// - Parameter factor: The factor, not zero.
    /// - Returns: The transform.
    public static func scaled(by factor: Decimal) -> FieldTransform {
        FieldTransform(name: "scale", parameters: ["factor": .number(JSONNumber(factor))])
    }

    /// Turns a duration into a number of the given unit; back: into whole seconds.
    ///
    /// - Parameter unit: The unit.
    /// - Returns: The transform.
    public static func duration(in unit: DurationUnit) -> FieldTransform {
        FieldTransform(name: "duration", parameters: ["unit": .string(unit.rawValue)])
    }

    /// Turns a moment into the day that it falls on in the account's time zone; back: nothing.
    public static let day = FieldTransform(name: "day")

    /// Cuts a text off behind so many characters; back: nothing.
    ///
    /// - Parameter count: How many characters stay.
    /// - Returns: The transform.
    public static func truncated(to count: Int) -> FieldTransform {
        FieldTransform(name: "truncate", parameters: ["characters": .number(JSONNumber(count))])
    }

    /// Gives a number a currency; back: takes it away.
    ///
    /// An amount in another currency is refused, never relabelled.
    ///
    /// - Parameter currency: The ISO 4217 code; nil: the account's.
    /// - Returns: The transform.
    public static func money(currency: String? = nil) -> FieldTransform {
        FieldTransform(name: "money", parameters: currency.map { ["currency": .string($0)] } ?? [:])
    }

    /// Takes the currency from an amount; back: gives it.
    ///
    /// An amount in another currency is refused, never relabelled.
    ///
    /// - Parameter currency: The ISO 4217 code; nil: the account's.
    /// - Returns: The transform.
    public static func amount(currency: String? = nil) -> FieldTransform {
        FieldTransform(name: "amount", parameters: currency.map { ["currency": .string($0)] } ?? [:])
    }

    /// Turns yes and no into options, and back.
    ///
    /// - Parameters:
    ///   - yes: The option for yes.
    ///   - no: The option for no.
    /// - Returns: The transform.
    public static func option(yes: String, no: String) -> FieldTransform {
        FieldTransform(name: "option", parameters: ["yes": .string(yes), "no": .string(no)])
    }

    /// Turns a plain text into HTML with `<br>` at its line ends; back: into plain text.
    public static let html = FieldTransform(name: "html")

    /// Turns HTML into a plain text; back: into HTML.
    public static let plainText = FieldTransform(name: "plain-text")
}
