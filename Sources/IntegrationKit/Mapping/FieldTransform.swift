// SPDX-License-Identifier: Apache-2.0

/// A step that changes a value on its way to a platform.
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
