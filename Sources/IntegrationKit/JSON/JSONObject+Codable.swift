// SPDX-License-Identifier: Apache-2.0

extension JSONObject: Codable {
    /// Decodes an object.
    ///
    /// - Parameter decoder: Where it stands.
    /// - Throws: `DecodingError` if something else stands there.
    public init(from decoder: any Decoder) throws {
        guard let object = try JSONValue(from: decoder).object else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "This is no JSON object.")
            )
        }
        self = object
    }

    /// Encodes the object, its members in their order as far as the encoder keeps it.
    ///
    /// - Parameter encoder: Where it goes.
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try JSONValue.object(self).encode(to: encoder)
    }
}
