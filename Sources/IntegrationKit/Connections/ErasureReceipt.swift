// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What an erasure removed.
public struct ErasureReceipt: Hashable, Sendable {
    /// How many rows were removed.
    public var rows: Int
    /// Records with a write whose outcome was not known: the platform may hold them although nothing here says so.
    public var unknownWrites: [HostReference]
    /// From when on nothing that was sealed could be read any more; nil where no key was dropped.
    public var unreadableAt: Date?
    /// When the rows were removed.
    public var removedAt: Date
    /// When the store's medium held nothing of them any more; nil where the store leaves that to its database.
    public var compactedAt: Date?

    /// Creates a receipt.
    ///
    /// - Parameters:
    ///   - rows: How many rows were removed.
    ///   - unknownWrites: Records with a write whose outcome was not known.
    ///   - unreadableAt: From when on nothing could be read.
    ///   - removedAt: When the rows were removed.
    ///   - compactedAt: When the store's medium held nothing of them any more.
    public init(
        rows: Int,
        unknownWrites: [HostReference],
        unreadableAt: Date?,
        removedAt: Date,
        compactedAt: Date? = nil
    ) {
        self.rows = rows
        self.unknownWrites = unknownWrites
        self.unreadableAt = unreadableAt
        self.removedAt = removedAt
        self.compactedAt = compactedAt
    }
}
