// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A platform that can be connected, as data: what a settings screen and the engine need to know of it.
public struct PlatformDescriptor: Sendable {
    /// The family of a platform.
    public struct Category: RawRepresentable, Hashable, Codable, Sendable {
        /// The category's name as it is stored.
        public var rawValue: String
        /// Creates a category from its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Customer relationship management.
        public static let crm = Category(rawValue: "crm")
        /// Online shops.
        public static let eCommerce = Category(rawValue: "e-commerce")
        /// Marketing.
        public static let marketing = Category(rawValue: "marketing")
        /// Help desks.
        public static let support = Category(rawValue: "support")
    }

    /// The platform's id.
    public var id: PlatformID
    /// The platform's name.
    public var name: String
    /// What the platform is for.
    public var summary: LocalizedText
    /// The family it belongs to.
    public var category: Category
    /// The API version that is spoken.
    public var apiVersion: String
    /// When the platform stops serving that version, as `YYYY-MM-DD`; nil: not announced.
    public var apiSunset: String?
    /// The platform's API documentation.
    public var documentation: URL
    /// The ways to sign in; the first is the one to offer.
    public var signInMethods: [SignInMethod]
    /// The kinds of record.
    public var kinds: [KindDescription]
    /// What is written for which event, unless the host says otherwise.
    public var routes: [EventRoute]
    /// The field mappings that hold unless the host says otherwise.
    public var mappings: [FieldMapping]
    /// The address of the platform's API; for platforms with one address per account the one that the form asks for.
    public var baseURL: URL?

    /// Creates a descriptor.
    ///
    /// - Parameters:
    ///   - id: The platform's id.
    ///   - name: The platform's name.
    ///   - summary: What the platform is for.
    ///   - category: The family it belongs to.
    ///   - apiVersion: The API version that is spoken.
    ///   - apiSunset: When the platform stops serving that version.
    ///   - documentation: The platform's API documentation.
    ///   - signInMethods: The ways to sign in.
    ///   - kinds: The kinds of record.
    ///   - routes: What is written for which event.
    ///   - mappings: The default field mappings.
    ///   - baseURL: The address of the platform's API.
    public init(
        id: PlatformID,
        name: String,
        summary: LocalizedText,
        category: Category,
        apiVersion: String,
        apiSunset: String? = nil,
        documentation: URL,
        signInMethods: [SignInMethod],
        kinds: [KindDescription],
        routes: [EventRoute],
        mappings: [FieldMapping],
        baseURL: URL? = nil
    ) {
        self.id = id
        self.name = name
        self.summary = summary
        self.category = category
        self.apiVersion = apiVersion
        self.apiSunset = apiSunset
        self.documentation = documentation
        self.signInMethods = signInMethods
        self.kinds = kinds
        self.routes = routes
        self.mappings = mappings
        self.baseURL = baseURL
    }

    /// Returns what is known about a kind; nil if the platform has no such kind here.
    public func kind(_ kind: RecordKind) -> KindDescription? {
        kinds.first { $0.kind == kind }
    }
}

/// What a platform does with one kind of record.
public struct KindDescription: Hashable, Sendable {
    /// The kind.
    public var kind: RecordKind
    /// The kind's name for people, in the plural.
    public var name: LocalizedText
    /// Whether records can be written.
    public var canPush: Bool
    /// Whether changes can be read.
    public var canPull: Bool
    /// Whether records that are there can be changed; false: they are made, and stay as they were made.
    public var canUpdate: Bool
    /// Whether records can be deleted.
    public var canDelete: Bool
    /// The fields whose values the platform keeps unique, strongest first, such as the e-mail address.
    public var naturalKeys: [FieldName]
    /// Fields that often name a record but may be shared, such as a company's domain: a look-up tries them, nobody owns
    /// their values.
    public var matchFields: [FieldName]
    /// The best that a lost create can promise; the account's ``KeySlot`` says what holds there.
    public var safety: CreateSafety
    /// The writes at which the platform mails people and knows no silent form; without the host's consent they are left
    /// out.
    public var mayNotifyPeople: Set<RecordWrite.Operation>
    /// What the customer should know about the kind here; empty: nothing.
    public var note: LocalizedText

    /// Creates a description.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - name: The kind's name for people.
    ///   - canPush: Whether records can be written.
    ///   - canPull: Whether changes can be read.
    ///   - canUpdate: Whether records that are there can be changed.
    ///   - canDelete: Whether records can be deleted.
    ///   - naturalKeys: The fields whose values the platform keeps unique.
    ///   - matchFields: Fields that often name a record but may be shared.
    ///   - safety: The best that a lost create can promise.
    ///   - mayNotifyPeople: The writes that mail people whatever one does.
    ///   - note: What the customer should know.
    public init(
        kind: RecordKind,
        name: LocalizedText,
        canPush: Bool = true,
        canPull: Bool = true,
        canUpdate: Bool = true,
        canDelete: Bool = true,
        naturalKeys: [FieldName] = [],
        matchFields: [FieldName] = [],
        safety: CreateSafety,
        mayNotifyPeople: Set<RecordWrite.Operation> = [],
        note: LocalizedText = LocalizedText()
    ) {
        self.kind = kind
        self.name = name
        self.canPush = canPush
        self.canPull = canPull
        self.canUpdate = canUpdate
        self.canDelete = canDelete
        self.naturalKeys = naturalKeys
        self.matchFields = matchFields
        self.safety = safety
        self.mayNotifyPeople = mayNotifyPeople
        self.note = note
    }
}

/// A way to sign in to a platform, with the form that it asks the customer to fill in.
public struct SignInMethod: Hashable, Sendable {
    /// How the credential comes about.
    public enum Flow: String, Hashable, Sendable {
        /// The customer pastes it into the form.
        case form
        /// OAuth, with the form's fields known before.
        case oauth
        /// The platform's server posts keys to the host.
        case grant
    }

    /// The method's name, such as `private-app`.
    public var id: String
    /// The label for people.
    public var label: LocalizedText
    /// How the credential comes about.
    public var flow: Flow
    /// The fields of the form.
    public var fields: [FormField]
    /// Where the customer finds what the form asks for.
    public var help: URL?
    /// When the platform ends this way, as `YYYY-MM-DD`; nil: not announced.
    public var retires: String?

    /// Creates a method.
    ///
    /// - Parameters:
    ///   - id: The method's name.
    ///   - label: The label for people.
    ///   - flow: How the credential comes about.
    ///   - fields: The fields of the form.
    ///   - help: Where the customer finds what the form asks for.
    ///   - retires: When the platform ends this way.
    public init(
        id: String,
        label: LocalizedText,
        flow: Flow = .form,
        fields: [FormField],
        help: URL? = nil,
        retires: String? = nil
    ) {
        self.id = id
        self.label = label
        self.flow = flow
        self.fields = fields
        self.help = help
        self.retires = retires
    }
}

/// One field of a sign-in form.
public struct FormField: Hashable, Sendable {
    /// What is entered.
    public enum Kind: Hashable, Sendable {
        /// A text.
        case text
        /// A text that is shown to nobody again.
        case secret
        /// An address.
        case url
        /// One of these choices.
        case choice([FieldDescription.Option])
    }

    /// The field's name, the key of its value in the form.
    public var id: String
    /// The label for people.
    public var label: LocalizedText
    /// What is entered.
    public var kind: Kind
    /// Whether it must be filled in.
    public var isRequired: Bool
    /// A regular expression that the whole value must match; nil: anything.
    public var pattern: String?
    /// An example to show in the empty field.
    public var placeholder: String?
    /// What to enter and where to find it.
    public var help: LocalizedText

    /// Creates a field.
    ///
    /// - Parameters:
    ///   - id: The field's name.
    ///   - label: The label for people.
    ///   - kind: What is entered.
    ///   - isRequired: Whether it must be filled in.
    ///   - pattern: A regular expression that the whole value must match.
    ///   - placeholder: An example.
    ///   - help: What to enter and where to find it.
    public init(
        id: String,
        label: LocalizedText,
        kind: Kind,
        isRequired: Bool = true,
        pattern: String? = nil,
        placeholder: String? = nil,
        help: LocalizedText = LocalizedText()
    ) {
        self.id = id
        self.label = label
        self.kind = kind
        self.isRequired = isRequired
        self.pattern = pattern
        self.placeholder = placeholder
        self.help = help
    }
}
