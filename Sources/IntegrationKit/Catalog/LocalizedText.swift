// SPDX-License-Identifier: Apache-2.0

/// A text for people, in English and French and whatever the host adds.
public struct LocalizedText: Hashable, Codable, Sendable {
    /// The text by language code, such as `en`, `fr`, `de`.
    public var texts: [String: String]

    /// Creates a text.
    ///
    /// - Parameters:
    ///   - en: The English text.
    ///   - fr: The French text; English where nil.
    public init(_ en: String = "", fr: String? = nil) {
        texts = en.isEmpty ? [:] : ["en": en]
        texts["fr"] = fr
    }

    /// Returns the text in a language, in English where there is none, or nothing.
    ///
    /// - Parameter language: A language code; a region as in `fr-CA` is ignored.
    /// - Returns: The text; empty if there is none at all.
    public func text(in language: String) -> String {
        let base = language.split(whereSeparator: { $0 == "-" || $0 == "_" }).first.map(String.init) ?? language
        return texts[base] ?? texts["en"] ?? ""
    }
}
