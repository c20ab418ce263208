// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Where the library keeps its rows, decides races and takes time.
///
/// A store knows nothing of platforms or of the library's types: it holds rows of opaque JSON with index entries, commits
/// changes as a whole, and hands out lanes under leases by its own clock. `IntegrationKitTesting` checks a conformance
/// with its `StoreRule` suite, one rule per promise below.
public protocol IntegrationStore: Sendable {
    /// Returns rows by id; an id without a row is absent from the answer.
    ///
    /// - Parameter ids: The rows wanted, up to a few thousand.
    /// - Returns: The rows that are there.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func rows(_ ids: [RowID]) async throws -> [RowID: StoredRow]

    /// Returns rows by an index, ordered by index key and, among equal keys, by ``StoredRow/created``.
    ///
    /// A page that continues by ``RowQuery/after`` skips and repeats no row that was there throughout, whatever is put
    /// or deleted between the pages.
    ///
    /// - Parameter query: The index, its keys or range, and the page.
    /// - Returns: The rows of the page.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func rows(matching query: RowQuery) async throws -> [StoredRow]

    /// Counts the rows that a query matches, ignoring its page.
    ///
    /// - Parameters:
    ///   - query: The index and its keys or range.
    ///   - limit: Where to stop counting.
    /// - Returns: The count, or `limit` if there are at least as many.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func count(matching query: RowQuery, upTo limit: Int) async throws -> Int

    /// Commits changes: all of them or, with a failure, none. Durable when it returns.
    ///
    /// Checks every requirement, then applies deletes, puts, touches and releases. Repeating an id that was committed
    /// succeeds and changes nothing, for at least the last 1,000 commits.
    ///
    /// - Parameter changes: What to change and what it relies on.
    /// - Throws: ``StoreFailure``.
    func commit(_ changes: Changes) async throws

    /// Leases due lanes that nobody holds, in fair turns between integrations.
    ///
    /// A lane is due when its time has come by the store's clock, or when a lease on it has expired. No integration
    /// gets more than ``LaneClaim/perIntegration`` lanes of one claim; the turn begins after
    /// ``LaneClaim/startingAfter`` in the order of integration ids. Within an integration and a class the lane that has
    /// been due longest comes first.
    ///
    /// - Parameter claim: What is wanted.
    /// - Returns: The lanes with their jobs, and when to ask again.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func claimLanes(_ claim: LaneClaim) async throws -> ClaimAnswer

    /// Extends leases, by the store's clock from now.
    ///
    /// - Parameters:
    ///   - leases: The leases held.
    ///   - duration: How long from now.
    /// - Returns: Those that were still held, extended. One that is missing was lost.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func renew(_ leases: [LaneLease], for duration: Duration) async throws -> [LaneLease]

    /// Removes rows of a scope, with their index entries and lanes, in bounded steps.
    ///
    /// - Parameters:
    ///   - scope: What to remove.
    ///   - limit: The most rows to remove in this call.
    /// - Returns: How many were removed; call again until it is 0.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func purge(_ scope: PurgeScope, limit: Int) async throws -> Int
}

/// What to purge.
public enum PurgeScope: Hashable, Sendable {
    /// Every row of a tenant.
    case tenant(String)
    /// Every row of an integration.
    case integration(String)
    /// Every row whose time to keep is over, by the store's clock.
    case expired
}

/// Keeps the tenants' wrapped data keys, apart from the rows: dropping one makes all that it sealed unreadable at once.
public protocol TenantKeyStore: Sendable {
    /// Returns a tenant's wrapped key; nil if there is none.
    ///
    /// - Parameter tenant: The tenant.
    /// - Returns: The key; nil if the tenant has none.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func wrappedKey(for tenant: String) async throws -> Data?

    /// Puts a tenant's wrapped key in place of the one that the caller knows.
    ///
    /// - Parameters:
    ///   - old: The key that the caller knows; nil: none.
    ///   - wrapped: The key to put.
    ///   - tenant: The tenant.
    /// - Returns: The key that stands afterwards: `wrapped`, or the one that somebody else put meanwhile.
    /// - Throws: ``StoreFailure/refused(_:)``, also if the key that the caller knows was dropped meanwhile.
    func replace(_ old: Data?, with wrapped: Data, for tenant: String) async throws -> Data

    /// Drops a tenant's key for good, also from the medium as far as the medium allows.
    ///
    /// - Parameter tenant: The tenant.
    /// - Throws: ``StoreFailure/refused(_:)``.
    func dropKey(for tenant: String) async throws
}
