// SPDX-License-Identifier: Apache-2.0

/// Which fields of a host's kind are which fields of a platform's kind.
public struct FieldMapping: Hashable, Codable, Sendable {
    /// The host's kind, such as `prospect`.
    public var hostKind: String
    /// The platform's kind.
    public var kind: RecordKind
    /// The rules, one per pair of fields.
    public var rules: [FieldRule]

    /// Creates a mapping.
    ///
    /// - Parameters:
    ///   - hostKind: The host's kind.
    ///   - kind: The platform's kind.
    ///   - rules: The rules, one per pair of fields.
    public init(hostKind: String, kind: RecordKind, rules: [FieldRule]) {
        self.hostKind = hostKind
        self.kind = kind
        self.rules = rules
    }
}

/// How one field of the host becomes one field of a platform, and back.
public struct FieldRule: Hashable, Codable, Sendable {
    /// In which direction values travel.
    public enum Direction: String, Hashable, Codable, Sendable {
        /// To the platform and back.
        case both
        /// To the platform alone.
        case outbound
        /// From the platform alone.
        case inbound
    }

    /// The host's field.
    public var host: FieldName
    /// The platform's field.
    public var remote: FieldName
    /// In which direction values travel.
    public var direction: Direction
    /// What is done to a value on its way to the platform, in order; on the way back their inverses in reverse order.
    public var transforms: [FieldTransform]
    /// The value for a create whose event has none.
    public var fallback: FieldValue?
    /// Whether a create without a value is refused before it is sent.
    public var isRequired: Bool

    /// Creates a rule.
    ///
    /// - Parameters:
    ///   - host: The host's field.
    ///   - remote: The platform's field.
    ///   - direction: In which direction values travel.
    ///   - transforms: What is done to a value on its way to the platform.
    ///   - fallback: The value for a create whose event has none.
    ///   - isRequired: Whether a create needs a value.
    public init(
        _ host: FieldName,
        _ remote: FieldName,
        direction: Direction = .both,
        transforms: [FieldTransform] = [],
        fallback: FieldValue? = nil,
        isRequired: Bool = false
    ) {
        self.host = host
        self.remote = remote
        self.direction = direction
        self.transforms = transforms
        self.fallback = fallback
        self.isRequired = isRequired
    }

    /// Whether values travel to the platform.
    public var isOutbound: Bool { direction != .inbound }

    /// Whether values travel from the platform.
    public var isInbound: Bool { direction != .outbound }
}
