// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Changes that are committed as a whole.
public struct Changes: Sendable {
    /// Names the changes: repeating a committed id does nothing and succeeds.
    public var id: UUID
    /// What must hold.
    public var requires: Set<Requirement>
    /// The rows to put, in order.
    public var puts: [RowContent]
    /// The rows to delete; a row that is not there is no failure.
    public var deletes: [RowID]
    /// The lanes that have new work.
    public var touches: [LaneTouch]
    /// The leases to give back.
    ///
    /// One that is held no longer is ignored, unless `requires` names it.
    public var releases: [LaneRelease]

    /// Creates changes.
    ///
    /// - Parameters:
    ///   - id: Names the changes.
    ///   - requires: What must hold.
    ///   - puts: The rows to put.
    ///   - deletes: The rows to delete.
    ///   - touches: The lanes that have new work.
    ///   - releases: The leases to give back.
    public init(
        id: UUID,
        requires: Set<Requirement> = [],
        puts: [RowContent] = [],
        deletes: [RowID] = [],
        touches: [LaneTouch] = [],
        releases: [LaneRelease] = []
    ) {
        self.id = id
        self.requires = requires
        self.puts = puts
        self.deletes = deletes
        self.touches = touches
        self.releases = releases
    }

    /// Whether there is nothing to change.
    public var isEmpty: Bool { puts.isEmpty && deletes.isEmpty && touches.isEmpty && releases.isEmpty }
}

/// A store's answer to a commit that did not succeed.
public enum StoreFailure: Error, Sendable {
    /// Nothing was done; names every requirement that does not hold and every unique entry that another row has.
    case conflict(Set<Requirement>, taken: [IndexEntry])
    /// Nothing was done and never will be: disk full, no permission.
    case refused(any Error)
    /// Nobody knows: repeat the same changes until one of the other answers comes.
    case outcomeUnknown(any Error)
}
