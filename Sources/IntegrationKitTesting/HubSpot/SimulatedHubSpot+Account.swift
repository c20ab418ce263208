// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension SimulatedHubSpot {
    /// An account of the simulated platform.
    public struct Account: Codable, Sendable {
        /// The account's id.
        public var portalID: Int64
        /// The account's name.
        public var name: String
        /// The time zone, at whose midnight the daily limit starts anew.
        public var timeZone: String
        /// The currency.
        public var currency: String
        /// Further currencies.
        public var additionalCurrencies: [String] = []
        /// `STANDARD`, `DEVELOPER_TEST`, `SANDBOX` or `APP_DEVELOPER`.
        public var accountType = "STANDARD"
        /// The host of the user interface.
        public var uiDomain = "app-eu1.hubspot.com"
        /// The data centre.
        public var dataHostingLocation = "eu1"
        /// When the account was opened, in milliseconds since 1970.
        public var createdAt: Int64 = 1_640_995_200_000
        /// Who can own records.
        public var owners: [Owner]
        /// The pipelines, by the plural name of their objects.
        public var pipelines: [String: [Pipeline]]
        /// Labels that admins gave to associations.
        public var associationLabels: [AssociationLabel] = []
        /// What admins require of records; versions from 2026-09 on enforce it.
        public var rules: [RequiredProperty] = []
        /// How much the account may be called.
        public var limits = Limits()
        /// How long a write stays hidden from search, at least and at most.
        public var searchLag: ClosedRange<Duration> = .zero ... .zero
        /// How many associations of one record a batch read shows at once.
        public var associationPageSize = 500

        /// Creates an account with the pipelines that every account starts with.
        ///
        /// - Parameters:
        ///   - portalID: The account's id.
        ///   - name: The account's name.
        ///   - timeZone: The time zone.
        ///   - currency: The currency.
        ///   - owners: Who can own records.
        public init(
            portalID: Int64 = 147_893_286,
            name: String = "Example",
            timeZone: String = "US/Eastern",
            currency: String = "USD",
            owners: [Owner] = [Owner(id: 88_842_095, email: "owner@example.com", firstName: "Olive", lastName: "Owner")]
        ) {
            self.portalID = portalID
            self.name = name
            self.timeZone = timeZone
            self.currency = currency
            self.owners = owners
            pipelines = ["deals": [.sales], "tickets": [.support], "orders": [.orders]]
        }
    }

    /// Someone who can own records.
    public struct Owner: Hashable, Codable, Sendable {
        /// The id that stands in `hubspot_owner_id`.
        public var id: Int64
        /// The e-mail address.
        public var email: String
        /// The first name.
        public var firstName: String
        /// The last name.
        public var lastName: String
        /// Whether the owner has left.
        public var isArchived: Bool

        /// Creates an owner.
        ///
        /// - Parameters:
        ///   - id: The id.
        ///   - email: The e-mail address.
        ///   - firstName: The first name.
        ///   - lastName: The last name.
        ///   - isArchived: Whether the owner has left.
        public init(id: Int64, email: String, firstName: String, lastName: String, isArchived: Bool = false) {
            self.id = id
            self.email = email
            self.firstName = firstName
            self.lastName = lastName
            self.isArchived = isArchived
        }

        /// The id of the owner as a user.
        var userID: Int64 { id - 40_000_000 }
    }

    /// A pipeline with its stages.
    public struct Pipeline: Hashable, Codable, Sendable {
        /// A stage of a pipeline.
        public struct Stage: Hashable, Codable, Sendable {
            /// The id.
            public var id: String
            /// The label.
            public var label: String
            /// The probability that a deal in it is won, as the platform writes it.
            public var probability: String
            /// Whether records in it are closed.
            public var isClosed: Bool

            /// Creates a stage.
            ///
            /// - Parameters:
            ///   - id: The id.
            ///   - label: The label.
            ///   - probability: The probability of winning.
            ///   - isClosed: Whether records in it are closed.
            public init(id: String, label: String, probability: String = "0.0", isClosed: Bool = false) {
                self.id = id
                self.label = label
                self.probability = probability
                self.isClosed = isClosed
            }
        }

        /// The id.
        public var id: String
        /// The label.
        public var label: String
        /// The stages in order.
        public var stages: [Stage]

        /// Creates a pipeline.
        ///
        /// - Parameters:
        ///   - id: The id.
        ///   - label: The label.
        ///   - stages: The stages in order.
        public init(id: String, label: String, stages: [Stage]) {
            self.id = id
            self.label = label
            self.stages = stages
        }

        /// The pipeline of deals that every account starts with.
        public static let sales = Pipeline(
            id: "default",
            label: "Sales Pipeline",
            stages: [
                Stage(id: "appointmentscheduled", label: "Appointment Scheduled", probability: "0.2"),
                Stage(id: "qualifiedtobuy", label: "Qualified To Buy", probability: "0.4"),
                Stage(id: "presentationscheduled", label: "Presentation Scheduled", probability: "0.6"),
                Stage(id: "decisionmakerboughtin", label: "Decision Maker Bought-In", probability: "0.8"),
                Stage(id: "contractsent", label: "Contract Sent", probability: "0.9"),
                Stage(id: "closedwon", label: "Closed Won", probability: "1.0", isClosed: true),
                Stage(id: "closedlost", label: "Closed Lost", isClosed: true),
            ]
        )

        /// The pipeline of tickets that every account starts with.
        public static let support = Pipeline(
            id: "0",
            label: "Support Pipeline",
            stages: [
                Stage(id: "1", label: "New"), Stage(id: "2", label: "Waiting on contact"),
                Stage(id: "3", label: "Waiting on us"), Stage(id: "4", label: "Closed", isClosed: true),
            ]
        )

        /// A pipeline of orders; its ids differ from account to account on the real platform.
        public static let orders = Pipeline(
            id: "14a2e10e-5471-408a-906e-c51f3b04369e",
            label: "Order Pipeline",
            stages: [
                Stage(id: "4b27b500-f031-4927-9811-68a0b525cbae", label: "Open"),
                Stage(id: "aa99e8d0-c1d5-4071-b915-d240bbb1aed9", label: "Processed"),
                Stage(id: "3c85a297-e9ce-400b-b42e-9f16853d69d6", label: "Delivered", isClosed: true),
            ]
        )
    }

    /// A label that an admin gave to associations between two types.
    public struct AssociationLabel: Hashable, Codable, Sendable {
        /// The name of the type that the association starts from.
        public var from: String
        /// The name of the type that it leads to.
        public var to: String
        /// The label.
        public var label: String
        /// The id of the kind.
        public var typeID: Int
        /// The id of the kind in the other direction.
        public var reverseTypeID: Int

        /// Creates a label.
        ///
        /// - Parameters:
        ///   - from: The type that the association starts from.
        ///   - to: The type that it leads to.
        ///   - label: The label.
        ///   - typeID: The id of the kind.
        ///   - reverseTypeID: The id in the other direction.
        public init(from: String, to: String, label: String, typeID: Int, reverseTypeID: Int) {
            self.from = from
            self.to = to
            self.label = label
            self.typeID = typeID
            self.reverseTypeID = reverseTypeID
        }
    }

    /// A property that an admin requires, always or if another one has a value.
    public struct RequiredProperty: Hashable, Codable, Sendable {
        /// When a property is required.
        public struct Condition: Hashable, Codable, Sendable {
            /// The other property.
            public var property: String
            /// The value that makes the first one required.
            public var value: String

            /// Creates a condition.
            public init(property: String, value: String) {
                self.property = property
                self.value = value
            }
        }

        /// The name of the type of object.
        public var objectType: String
        /// The required property.
        public var property: String
        /// When it is required; nil: always.
        public var condition: Condition?

        /// Creates a rule.
        ///
        /// - Parameters:
        ///   - property: The required property.
        ///   - objectType: The name of the type of object.
        ///   - condition: When it is required; nil: always.
        public init(_ property: String, of objectType: String, if condition: Condition? = nil) {
            self.property = property
            self.objectType = objectType
            self.condition = condition
        }
    }

    /// How much one account may be called.
    public struct Limits: Hashable, Codable, Sendable {
        /// Calls in one interval by each application with a key of the account.
        public var burst = 190
        /// Calls in one interval by an application that customers authorise.
        public var oauthBurst = 110
        /// The interval of the burst limits.
        public var interval = Duration.seconds(10)
        /// Calls a day by all keys of the account together.
        public var daily = 625_000
        /// Searches a second.
        public var searchesPerSecond = 5
        /// Calls of the associations API in one interval.
        public var associations = 150

        /// Creates the limits of the Professional edition.
        public init() {}

        /// Limits so high that no test meets them.
        public static var none: Limits {
            var limits = Limits()
            limits.burst = .max
            limits.oauthBurst = .max
            limits.daily = .max
            limits.searchesPerSecond = .max
            limits.associations = .max
            return limits
        }
    }
}
