// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension JSONValue {
    /// How large and how deep a text may be.
    public struct Limits: Hashable, Sendable {
        /// The most arrays and objects inside each other; never more than 512, because reading recurses.
        public var depth: Int
        /// The most bytes.
        public var bytes: Int

        /// Creates limits.
        ///
        /// - Parameters:
        ///   - depth: The most arrays and objects inside each other.
        ///   - bytes: The most bytes.
        public init(depth: Int = 128, bytes: Int = 16 << 20) {
            self.depth = depth
            self.bytes = bytes
        }
    }

    /// Reads a JSON text as RFC 8259 defines it, in UTF-8.
    ///
    /// Numbers keep their text, members their order; a key that occurs twice keeps its last value at its first place.
    ///
    /// - Parameters:
    ///   - data: The text.
    ///   - limits: How large and how deep it may be.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidAnswer`` that tells line and column, and
    ///   nothing of the text.
    public init(parsing data: Data, limits: Limits = Limits()) throws {
        self = try JSONParser.parse(data, limits: limits, skippingNoise: false)
    }

    /// Reads a JSON object or array that may stand behind a byte order mark or other noise.
    ///
    /// Servers with a chatty script print warnings before their answer; what stands before the first bracket is skipped.
    ///
    /// - Parameters:
    ///   - data: The noise, if any, and the text.
    ///   - limits: How large and how deep it may be, the noise included.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidAnswer``.
    public init(parsingAfterNoise data: Data, limits: Limits = Limits()) throws {
        self = try JSONParser.parse(data, limits: limits, skippingNoise: true)
    }

    /// Reads a JSON text with the default limits.
    ///
    /// - Parameter text: The text.
    /// - Throws: ``IntegrationError`` with code ``IntegrationError/Code/invalidAnswer``.
    public init(text: String) throws {
        try self.init(parsing: Data(text.utf8))
    }

    /// The shortest text of the value, in UTF-8.
    public var data: Data { Data(JSONWriter.bytes(of: self, pretty: false)) }

    /// The shortest text of the value.
    public var text: String { String(decoding: JSONWriter.bytes(of: self, pretty: false), as: UTF8.self) }

    /// The text of the value with one member or element a line, for people.
    public var prettyText: String { String(decoding: JSONWriter.bytes(of: self, pretty: true), as: UTF8.self) }
}
