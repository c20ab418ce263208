// SPDX-License-Identifier: Apache-2.0

extension SimulatedHubSpot {
    /// Something that truly happened on the simulated platform, whatever its caller was told.
    public struct Effect: Hashable, Codable, Sendable {
        /// What happened.
        public enum Kind: Hashable, Codable, Sendable {
            /// A record was created.
            case created
            /// A record was changed.
            case updated
            /// A record was archived.
            case archived
            /// An archived record was brought back.
            case restored
            /// A record became part of another one.
            case merged(into: Int64)
            /// A record was removed for good.
            case erased
            /// A record was associated with another one, named by type and id.
            case associated(with: String, id: String)
            /// An association with another record was removed.
            case dissociated(from: String, id: String)
            /// A property was created; ``Effect/objectID`` is its name.
            case propertyCreated
        }

        /// Who did it.
        public enum Source: Hashable, Codable, Sendable {
            /// A call of the API, by its number; calls are counted from 1.
            case api(call: Int)
            /// A person in the platform's user interface.
            case person
        }

        /// What happened.
        public var kind: Kind
        /// The account.
        public var portalID: Int64
        /// The name of the record's type in the singular, such as `contact`.
        public var objectType: String
        /// The record's id.
        public var objectID: String
        /// The values that were written; an empty one was cleared.
        public var values: [String: String]
        /// When it happened, in milliseconds since 1970.
        public var time: Int64
        /// Who did it.
        public var source: Source
    }

    /// What a record of the simulated platform looks like at one moment.
    public struct Snapshot: Hashable, Sendable {
        /// The record's id.
        public var id: String
        /// The values, without empty ones and without those that the platform derives.
        public var properties: [String: String]
        /// When it was created, in milliseconds since 1970.
        public var createdAt: Int64
        /// When it was last changed, in milliseconds since 1970.
        public var updatedAt: Int64
        /// When it was archived, in milliseconds since 1970; nil if it is not.
        public var archivedAt: Int64?
        /// The ids of records that were merged into it.
        public var mergedIDs: [String]

        /// Whether the record is archived.
        public var isArchived: Bool { archivedAt != nil }

        init(_ record: HubSpotRecord) {
            id = String(record.id)
            properties = record.values
            createdAt = record.createdAt
            updatedAt = record.updatedAt
            archivedAt = record.archivedAt
            mergedIDs = record.mergedIDs.map(String.init)
        }
    }
}
