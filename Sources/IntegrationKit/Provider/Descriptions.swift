// SPDX-License-Identifier: Apache-2.0
/// What is known about a field of a platform, for a mapping editor and for checking a mapping.
public struct FieldDescription: Hashable, Codable, Sendable {
    /// The type of a field's values.
    public struct ValueType: RawRepresentable, Hashable, Codable, Sendable {
        /// The type's name as it is stored.
        public var rawValue: String
        /// Creates a type from its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A text.
        public static let text = ValueType(rawValue: "text")
        /// Yes or no.
        public static let flag = ValueType(rawValue: "flag")
        /// A number.
        public static let number = ValueType(rawValue: "number")
        /// An amount of money.
        public static let money = ValueType(rawValue: "money")
        /// A day.
        public static let day = ValueType(rawValue: "day")
        /// A moment.
        public static let instant = ValueType(rawValue: "instant")
        /// A duration.
        public static let seconds = ValueType(rawValue: "seconds")
        /// One option of a list.
        public static let option = ValueType(rawValue: "option")
        /// Several options of a list.
        public static let options = ValueType(rawValue: "options")
        /// Another record.
        public static let record = ValueType(rawValue: "record")
        /// Anything else.
        public static let json = ValueType(rawValue: "json")
    }
    /// How a write changes the field.
    public enum WriteMode: String, Codable, Sendable {
        /// Only what is sent changes.
        case patch
        /// What is sent replaces the whole list or group.
        case replace
    }
    /// One choice of a field or setting.
    public struct Option: Hashable, Codable, Sendable {
        /// The internal value, which is what is written.
        public var value: String
        /// The label for people.
        public var label: String

        /// Creates a choice.
        public init(_ value: String, label: String) {
            self.value = value
            self.label = label
        }
    }

    /// The platform's name of the field.
    public var name: FieldName
    /// The label for people.
    public var label: String
    /// The type of its values.
    public var type: ValueType
    /// The choices, where there are any.
    public var options: [Option]
    /// Whether a record needs it.
    public var isRequired: Bool
    /// Whether it can be written.
    public var isWritable: Bool
    /// Whether the customer made it.
    public var isCustom: Bool
    /// Whether no two records may share a value.
    public var isUnique: Bool
    /// How a write changes it.
    public var writeMode: WriteMode
    /// Fields of one group only go together.
    public var group: String?

    /// Creates a description.
    ///
    /// - Parameters:
    ///   - name: The platform's name of the field.
    ///   - label: The label for people.
    ///   - type: The type of its values.
    ///   - options: The choices.
    ///   - isRequired: Whether a record needs it.
    ///   - isWritable: Whether it can be written.
    ///   - isCustom: Whether the customer made it.
    ///   - isUnique: Whether no two records may share a value.
    ///   - writeMode: How a write changes it.
    ///   - group: Fields of one group only go together.
    public init(
        name: FieldName,
        label: String,
        type: ValueType,
        options: [Option] = [],
        isRequired: Bool = false,
        isWritable: Bool = true,
        isCustom: Bool = false,
        isUnique: Bool = false,
        writeMode: WriteMode = .patch,
        group: String? = nil
    ) {
        self.name = name
        self.label = label
        self.type = type
        self.options = options
        self.isRequired = isRequired
        self.isWritable = isWritable
        self.isCustom = isCustom
        self.isUnique = isUnique
        self.writeMode = writeMode
        self.group = group
    }
}

/// A choice that only the account can offer: a pipeline, an owner, a location.
public struct SettingDescription: Hashable, Codable, Sendable {
    /// The setting's name, such as `deal.pipeline`.
    public var id: String
    /// The label for people.
    public var label: LocalizedText
    /// The choices as the account has them now.
    public var options: [FieldDescription.Option]
    /// Whether the integration cannot work without it.
    public var isRequired: Bool
    /// A choice that is safe for everyone; nil where there is none.
    public var defaultValue: JSONValue?
    /// The setting whose choice limits this one's, such as a stage its pipeline.
    public var dependsOn: String?

    /// Creates a description.
    ///
    /// - Parameters:
    ///   - id: The setting's name.
    ///   - label: The label for people.
    ///   - options: The choices.
    ///   - isRequired: Whether the integration cannot work without it.
    ///   - defaultValue: A choice that is safe for everyone.
    ///   - dependsOn: The setting whose choice limits this one's.
    public init(
        id: String,
        label: LocalizedText,
        options: [FieldDescription.Option],
        isRequired: Bool = false,
        defaultValue: JSONValue? = nil,
        dependsOn: String? = nil
    ) {
        self.id = id
        self.label = label
        self.options = options
        self.isRequired = isRequired
        self.defaultValue = defaultValue
        self.dependsOn = dependsOn
    }
}

/// What an account lacks for the promises, and what will be made there; shown to the customer first.
public struct ProvisioningPlan: Hashable, Sendable {
    /// One thing to make.
    public struct Step: Hashable, Sendable {
        /// The kind that it belongs to.
        public var kind: RecordKind
        /// The field or definition to make.
        public var field: FieldName
        /// What it is for.
        public var reason: LocalizedText

        /// Creates a step.
        ///
        /// - Parameters:
        ///   - kind: The kind that it belongs to.
        ///   - field: The field or definition to make.
        ///   - reason: What it is for.
        public init(kind: RecordKind, field: FieldName, reason: LocalizedText) {
            self.kind = kind
            self.field = field
            self.reason = reason
        }
    }

    /// The things to make; empty if nothing is missing.
    public var steps: [Step]

    /// Creates a plan.
    public init(steps: [Step]) {
        self.steps = steps
    }
}
