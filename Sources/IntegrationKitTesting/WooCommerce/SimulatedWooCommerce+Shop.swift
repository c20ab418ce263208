// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension SimulatedWooCommerce {
    /// A version of WooCommerce; several behaviours depend on it.
    public struct Version: Hashable, Comparable, Codable, Sendable, ExpressibleByStringLiteral {
        /// The version as the shop tells it.
        public var text: String

        /// Creates a version from its text, such as `9.9.5`.
        public init(stringLiteral value: String) { text = value }

        /// Orders versions by their numbers.
        public static func < (left: Version, right: Version) -> Bool {
            left.numbers.lexicographicallyPrecedes(right.numbers)
        }

        private var numbers: [Int] {
            let parts = text.split(separator: ".").map { Int($0) ?? 0 }
            return parts + Array(repeating: 0, count: max(0, 3 - parts.count))
        }
    }

    /// How a shop's addresses look.
    public enum Permalinks: Hashable, Codable, Sendable {
        /// `/wp-json/` and `/index.php/wp-json/`.
        case pretty
        /// Only `/index.php/wp-json/`: the server rewrites no addresses.
        case index
        /// Only `/?rest_route=/`.
        case plain
    }

    /// A shop's settings.
    public struct Shop: Codable, Sendable {
        /// The home address, such as `https://shop.example/store`, which also names the shop in all functions here.
        public var home: String
        /// The shop's name.
        public var name = "Example shop"
        /// The shop's time zone.
        public var timeZone = "Europe/Berlin"
        /// The version of WooCommerce.
        ///
        /// | From | On |
        /// |---|---|
        /// | 9.0 | the names of products' own fields are listed (9.x; the exact version is not known) |
        /// | 9.9 | orders are filtered by `created_via` (9.9.5 does; the exact version is not known) |
        /// | 10.3 | all variations are listed at once |
        /// | 10.4 | lists by date of change are total (known of products and variations alone, and from a date) |
        /// | 10.4 | only customers and subscribers can be deleted or get another sign-in (the version is not known) |
        /// | 10.5 | answers may be kept |
        /// | 10.8 | what is no order is not turned into one |
        /// | 10.9 | `customer.restored` is no topic |
        /// | 11.1 | keys work at plain addresses, and in the namespaces of WooCommerce alone |
        public var version: Version = "9.9.5"
        /// The version of WordPress.
        public var wordPressVersion = "7.0.4"
        /// The currency.
        public var currency = "EUR"
        /// How its addresses look.
        public var permalinks = Permalinks.pretty
        /// Whether orders stand in tables of their own.
        public var usesOrderTables = true
        /// Other hosts that redirect to the home address.
        public var redirectingHosts: [String] = []
        /// Whether something before the shop removes the `Authorization` header.
        public var stripsAuthorization = false
        /// Whether a proxy ends TLS and does not tell PHP.
        public var hidesTLS = false
        /// How far the shop's clock is ahead.
        public var clockOffset = Duration.zero
        /// Whether a new account's owner gets mail.
        public var mailsNewAccounts = true
        /// Whether the shop makes passwords of new accounts; otherwise they are required.
        public var generatesPasswords = true
        /// Whether creates of one e-mail address in the same millisecond do not see each other.
        public var creationsRace = false
        /// The most items of a batch.
        public var batchLimit = 100
        /// The largest batch that PHP finishes in time, nil: any; a larger one is answered with 504 and done later.
        public var batchSizeInTime: Int?
        /// How long a batch that is too large goes on.
        public var lateBatchDelay = Duration.seconds(30)
        /// How long answers of products are kept and given again, from 10.5 on; nil: not at all.
        public var answersKept: Duration?
        /// Whether the site is in maintenance.
        public var isInMaintenance = false
        /// Whether the database is down.
        public var isDatabaseDown = false
        /// What scripts print before the JSON of each answer.
        public var noise = ""
        /// How long webhook jobs wait until the job queue runs them.
        public var jobDelay = Duration.zero

        /// Creates a shop with the usual settings.
        ///
        /// - Parameter home: The home address.
        public init(home: String) {
            self.home = home
        }
    }

    /// What a key may do.
    public enum Permission: String, Hashable, Codable, Sendable {
        /// Read.
        case read
        /// Write.
        case write
        /// Read and write.
        case readWrite = "read_write"
    }

    /// A REST API key.
    public struct Key: Hashable, Codable, Sendable {
        /// The number of the key.
        public var id: Int64
        /// The consumer key.
        public var consumerKey: String
        /// The consumer secret.
        public var consumerSecret: String
        /// What it may do.
        public var permission: Permission
        /// The user whose rights it has.
        public var userID: Int64

        /// Creates a key.
        ///
        /// - Parameters:
        ///   - id: The number of the key.
        ///   - consumerKey: The consumer key.
        ///   - consumerSecret: The consumer secret.
        ///   - permission: What it may do.
        ///   - userID: The user whose rights it has.
        public init(
            id: Int64,
            consumerKey: String,
            consumerSecret: String,
            permission: Permission = .readWrite,
            userID: Int64 = 1
        ) {
            self.id = id
            self.consumerKey = consumerKey
            self.consumerSecret = consumerSecret
            self.permission = permission
            self.userID = userID
        }
    }

    /// A mail that a shop sent.
    public struct Mail: Hashable, Codable, Sendable {
        /// What it is about.
        public enum Kind: String, Hashable, Codable, Sendable {
            /// A new account, to its owner.
            case newAccount
            /// Another e-mail address or password of an account, to its owner at the address before.
            case accountChanged
            /// A new order, to the shop's owner.
            case newOrder
            /// An order's progress, to the buyer; of a live shop only `orderReceived` is known.
            case orderReceived, orderOnHold, orderCompleted, orderRefunded
            /// A note to the buyer.
            case customerNote
        }

        /// What it is about.
        public var kind: Kind
        /// The address.
        public var recipient: String
        /// When it was sent, in milliseconds since 1970.
        public var time: Int64
    }
}
