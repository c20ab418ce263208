// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension SimulatedWooCommerce {
    /// Something that truly happened in a shop, whatever its caller was told.
    public struct Effect: Hashable, Codable, Sendable {
        /// What happened.
        public enum Kind: String, Hashable, Codable, Sendable {
            /// A record was created.
            case created
            /// A record was changed.
            case updated
            /// A record was put into the trash.
            case trashed
            /// A record was taken out of the trash.
            case restored
            /// A record was removed for good.
            case erased
        }

        /// Who did it.
        public enum Source: Hashable, Codable, Sendable {
            /// A call of the API, by its number; calls are counted from 1.
            case api(call: Int)
            /// A person in the shop's pages.
            case person
        }

        /// What happened.
        public var kind: Kind
        /// The kind of the record: `customer`, `product`, `variation`, `order`, `note`, `coupon` or `webhook`.
        public var resource: String
        /// The record's id.
        public var id: Int64
        /// The product of a variation, the order of a note; otherwise 0.
        public var parentID: Int64
        /// The record as it was then.
        public var record: JSONValue
        /// When it happened, in milliseconds since 1970.
        public var time: Int64
        /// Who did it.
        public var source: Source
    }
}
