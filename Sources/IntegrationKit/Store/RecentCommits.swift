// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The ids of the last commits, so that repeating one of them does nothing.
struct RecentCommits: Sendable {
    /// How many the protocol promises.
    static let promised = 1000
    private let capacity: Int
    private var known: Set<UUID> = []
    private var order: [UUID] = []
    private var oldest = 0

    /// Remembers so many ids.
    init(capacity: Int = 4096) {
        self.capacity = capacity
    }

    /// The ids, the oldest first.
    var ids: [UUID] { Array(order[oldest...] + order[..<oldest]) }

    /// Whether an id is among them.
    func contains(_ id: UUID) -> Bool { known.contains(id) }

    /// Adds an id, in place of the oldest if there are too many.
    mutating func insert(_ id: UUID) {
        guard known.insert(id).inserted else { return }
        if order.count < capacity {
            order.append(id)
        } else {
            known.remove(order[oldest])
            order[oldest] = id
            oldest = (oldest + 1) % capacity
        }
    }
}
