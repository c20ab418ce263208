// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Telephone numbers as people and platforms write them.
enum PhoneNumber {
    /// Returns the digits of a telephone number without its punctuation and its `+` or `00`.
    ///
    /// - Returns: The digits; nil if the text holds anything that no number has, or fewer than six digits.
    static func digits(of text: String) -> String? {
        guard let (digits, isInternational) = scan(text), digits.count >= 6 else { return nil }
        return isInternational || !digits.hasPrefix("00") ? digits : String(digits.dropFirst(2))
    }

    /// Writes a telephone number in the international form, such as `+33612345678`.
    ///
    /// - Parameters:
    ///   - text: The number as it was written.
    ///   - callingCode: The calling code of numbers that name no country, such as `33`.
    ///   - trunkPrefix: What stands before a national number at home and not abroad, such as `0`.
    /// - Returns: The number; nil if the text is none that the form can hold.
    static func international(_ text: String, callingCode: String, trunkPrefix: String) -> String? {
        guard let (digits, isInternational) = scan(text) else { return nil }
        let full =
            if isInternational {
                digits
            } else if digits.hasPrefix("00") {
                String(digits.dropFirst(2))
            } else if !trunkPrefix.isEmpty, digits.hasPrefix(trunkPrefix) {
                callingCode + digits.dropFirst(trunkPrefix.count)
            } else if digits.hasPrefix(callingCode), digits.count > 9 {
                digits
            } else {
                callingCode + digits
            }
        return (8...15).contains(full.count) ? "+" + full : nil
    }

    private static func scan(_ text: String) -> (digits: String, isInternational: Bool)? {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let isInternational = trimmed.hasPrefix("+")
        // People write +33 (0)6: the digit in brackets is for callers at home.
        let body = isInternational ? trimmed.dropFirst().replacingOccurrences(of: "(0)", with: "") : trimmed
        var digits = ""
        for scalar in body.unicodeScalars {
            switch scalar {
            case "0"..."9": digits.unicodeScalars.append(scalar)
            case " ", "\u{A0}", "\u{202F}", "-", "\u{2011}", ".", "/", "(", ")": continue
            default: return nil
            }
        }
        return body.hasPrefix("-") || digits.isEmpty ? nil : (digits, isInternational)
    }
}
