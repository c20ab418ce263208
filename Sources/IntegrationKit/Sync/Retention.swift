// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Removes finished jobs, log entries and deliveries by age and by count, a bounded number at a time.
///
/// Age goes by the store's clock, which a wall clock that jumps does not move. Any number of coordinators may do this
/// beside each other: what one has removed is not there for the next.
struct Retention: Sendable {
    /// How long to wait when there was nothing left to do.
    static let pause = Duration.seconds(600)
    private static let rows = 1000
    private static let integrations = 100

    private var due: Duration?
    /// Where the round through the integrations goes on.
    private var place: PageKey?

    /// Starts a step if one is due, and sees to it that no other starts meanwhile.
    mutating func begin(at now: Duration) -> Retention? {
        if let due, due > now { return nil }
        due = now + Retention.pause
        return self
    }

    /// Removes what is over, up to the bounds; a step that met one is followed by another one at once.
    mutating func step(in core: EngineCore) async throws {
        let now = core.time.elapsed()
        due = now + Retention.pause
        var isDone = try await core.store.purge(.expired, limit: Retention.rows) < Retention.rows
        let page = try await core.store.rows(
            matching: RowQuery("integration.all", after: place, limit: Retention.integrations)
        )
        for row in page where try await !trim(row.content.id.key, in: core) { isDone = false }
        place = nil
        if page.count == Retention.integrations, let last = page.last {
            place = PageKey(key: last.content.id.key, created: last.created)
            isDone = false
        }
        if !isDone { due = now }
    }

    /// Removes the oldest rows of an integration beyond what is kept; false: there are more.
    private func trim(_ id: String, in core: EngineCore) async throws -> Bool {
        let options = core.options
        // A time is written in digits, which the colon follows.
        let ofLog = RowKey.join(id, "0")..<RowKey.join(id, ":")
        let lists = [
            (RowQuery("log.integration", range: ofLog), options.logEntriesKept),
            (RowQuery("job.finished", keys: [id]), options.finishedJobsKept),
            (RowQuery("delivery.integration", keys: [id]), options.deliveriesKept),
        ]
        var isDone = true
        for (list, kept) in lists {
            let excess = try await core.store.count(matching: list, upTo: kept + Retention.rows) - kept
            guard excess > 0 else { continue }
            var oldest = list
            oldest.limit = excess
            let rows = try await core.store.rows(matching: oldest)
            try await core.commit(Changes(id: core.random.uuid(), deletes: rows.map(\.content.id)))
            if excess == Retention.rows { isDone = false }
        }
        return isDone
    }
}
