// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// For each store rule a store that breaks it, as real ones do.
enum StoreDefects {
    typealias Defect = BrokenStore.Defect

    static let all: [String: @Sendable () -> Defect] =
        rows.merging(queries) { $1 }.merging(commits) { $1 }.merging(purges) { $1 }.merging(lanes) { $1 }

    /// A UUID that was not used before, for a store that splits or repeats a commit.
    private static func fresh(_ changes: Changes) -> Changes {
        var changes = changes
        changes.id = UUID()
        return changes
    }

    private static let rows: [String: @Sendable () -> Defect] = [
        "rows-by-id": { Defect(rows: { base, ids in await base.rows(Array(ids.prefix(10))) }) },
        "content": { .rows { $0.content.keep = nil } },
        "ids-by-bytes": {
            .commit { for place in $0.puts.indices { $0.puts[place].id.key = $0.puts[place].id.key.composed } }
        },
        "reput": {
            Defect(commit: { base, changes in
                var changes = changes
                let old = await base.rows(changes.puts.map(\.id))
                for place in changes.puts.indices {
                    changes.puts[place].indexes += old[changes.puts[place].id]?.content.indexes ?? []
                }
                try await base.commit(changes)
            })
        },
        "delete": { .commit { $0.deletes = [] } },
        "numbers": { .rows { $0.created = $0.revision } },
        "numbers-after-delete": { .rows { $0.revision = $0.revision - $0.created + 1 } },
    ]

    private static let queries: [String: @Sendable () -> Defect] = [
        "order": {
            Defect(query: { base, query in
                await base.rows(matching: query).sorted { $0.content.id.key < $1.content.id.key }
            })
        },
        "byte-order": {
            Defect(query: { base, query in
                await base.rows(matching: query).sorted {
                    ($0.content.indexes.first?.key ?? "") < ($1.content.indexes.first?.key ?? "")
                }
            })
        },
        "pages": { .query { $0.limit += 1 } },
        "pages-under-change": {
            let offset = LockBox(0)
            return Defect(query: { base, query in
                var query = query
                let start = offset.withLock { offset in
                    if query.after == nil { offset = 0 }
                    return offset
                }
                query.after = nil
                query.limit += start
                let page = Array(await base.rows(matching: query).dropFirst(start))
                offset.withLock { $0 += page.count }
                return page
            })
        },
        "descending": { .query { $0.descending = false } },
        "exact-keys": {
            Defect(query: { base, query in
                guard let keys = query.keys else { return await base.rows(matching: query) }
                var found: [StoredRow] = []
                for key in keys {
                    var query = query
                    query.keys = [key]
                    found += await base.rows(matching: query)
                }
                return found
            })
        },
        "ranges": { .query { $0.range = $0.range.map { $0.lowerBound..<$0.upperBound + "\0" } } },
        "count": {
            Defect(count: { base, query, limit in
                await base.count(matching: query, upTo: min(limit, query.limit))
            })
        },
        "many-rows": {
            Defect(query: { base, query in
                await base.rows(matching: query).filter { $0.content.id.key != "105000" }
            })
        },
    ]

    private static let commits: [String: @Sendable () -> Defect] = [
        "requirements": { .commit { $0.requires = [] } },
        "before-the-commit": {
            Defect(commit: { base, changes in
                var changes = changes
                try await base.commit(Changes(id: UUID(), deletes: changes.deletes))
                changes.deletes = []
                try await base.commit(changes)
            })
        },
        "all-or-nothing": {
            Defect(commit: { base, changes in
                try await base.commit(Changes(id: UUID(), touches: changes.touches))
                try await base.commit(changes)
            })
        },
        "conflict-names-all": {
            Defect(commit: { base, changes in
                do {
                    try await base.commit(changes)
                } catch StoreFailure.conflict(let failed, let taken) {
                    throw StoreFailure.conflict(Set(failed.prefix(1)), taken: taken)
                }
            })
        },
        "order-of-steps": {
            Defect(commit: { base, changes in
                var first = changes
                first.touches = []
                try await base.commit(first)
                try await base.commit(Changes(id: UUID(), touches: changes.touches))
            })
        },
        "repeatable": { .commit { $0 = fresh($0) } },
        "repeatable-for-long": {
            let recent = LockBox<[UUID]>([])
            return .commit { changes in
                let isKnown = recent.withLock { recent in
                    defer { recent = [changes.id] + recent.prefix(99) }
                    return recent.contains(changes.id)
                }
                if !isKnown { changes = fresh(changes) }
            }
        },
        "failed-id-is-free": {
            let seen = LockBox<Set<UUID>>([])
            return Defect(commit: { base, changes in
                guard seen.withLock({ $0.insert(changes.id).inserted }) else { return }
                try await base.commit(changes)
            })
        },
        "one-winner": { .commit { $0.requires = [] } },
        "unique": {
            .commit { changes in
                for put in changes.puts.indices {
                    for place in changes.puts[put].indexes.indices {
                        changes.puts[put].indexes[place].isUnique = false
                    }
                }
            }
        },
        "unique-in-one-commit": {
            .commit { changes in
                var seen: Set<IndexEntry> = []
                changes.puts.removeAll { put in put.indexes.contains { $0.isUnique && !seen.insert($0).inserted } }
            }
        },
        "unique-hand-over": {
            Defect(commit: { base, changes in
                for put in changes.puts {
                    for entry in put.indexes where entry.isUnique {
                        let owners = await base.rows(matching: RowQuery(entry.name, keys: [entry.key]))
                        if owners.contains(where: { $0.content.id != put.id }) {
                            throw StoreFailure.conflict([], taken: [entry])
                        }
                    }
                }
                try await base.commit(changes)
            })
        },
        "unique-by-bytes": {
            .commit { changes in
                for put in changes.puts.indices {
                    for place in changes.puts[put].indexes.indices {
                        changes.puts[put].indexes[place].key = changes.puts[put].indexes[place].key.composed
                    }
                }
            }
        },
    ]

    private static let purges: [String: @Sendable () -> Defect] = [
        "purge-scope": {
            Defect(purge: { base, scope, limit in
                if case .integration = scope { return await base.purge(.tenant("tenant-a"), limit: limit) }
                return await base.purge(scope, limit: limit)
            })
        },
        "purge-lanes": {
            Defect(purge: { base, _, _ in
                let rows = await base.rows(matching: RowQuery(LaneID.indexName))
                try await base.commit(Changes(id: UUID(), deletes: rows.map(\.content.id)))
                return rows.count
            })
        },
        "purge-bounded": { Defect(purge: { base, scope, _ in await base.purge(scope, limit: .max) }) },
        "keep": {
            let first = LockBox<Set<RowID>>([])
            return .commit { changes in
                // Counts from the first put: the second one gives a row no new time.
                changes.puts.removeAll { put in first.withLock { !$0.insert(put.id).inserted } }
            }
        },
        "wall-jump": {
            Defect(time: { time in
                var time = time
                let now = time.now
                let start = now()
                time.elapsed = { .seconds(now().timeIntervalSince(start)) }
                return time
            })
        },
    ]

    private static let lanes: [String: @Sendable () -> Defect] = [
        "due": { .commit { for place in $0.touches.indices { $0.touches[place].after = .zero } } },
        "longest-due-first": { .answer { $0.lanes.reverse() } },
        "earliest-time": {
            let touched = LockBox<Set<LaneID>>([])
            return .commit { changes in
                changes.touches.removeAll { touch in touched.withLock { !$0.insert(touch.lane).inserted } }
            }
        },
        "most-urgent-class": {
            let touched = LockBox<[LaneID: WorkClass]>([:])
            return .commit { changes in
                for place in changes.touches.indices {
                    let touch = changes.touches[place]
                    changes.touches[place].workClass = touched.withLock { touched in
                        defer { touched[touch.lane] = touched[touch.lane] ?? touch.workClass }
                        return touched[touch.lane] ?? touch.workClass
                    }
                }
            }
        },
        "jobs": { .answer { for place in $0.lanes.indices { $0.lanes[place].jobs.reverse() } } },
        "exclusive": { .claim { $0.lease = .zero } },
        "racing-claims": { .claim { $0.lease = .zero } },
        "expired-lease": { .answer { for place in $0.lanes.indices { $0.lanes[place].lease.starts = 1 } } },
        "tokens-rise": { .answer { for place in $0.lanes.indices { $0.lanes[place].lease.token = 1 } } },
        "loser": {
            .commit { changes in
                changes.requires = changes.requires.filter { if case .lease = $0 { false } else { true } }
            }
        },
        "idle": {
            .commit { changes in
                changes.requires = changes.requires.filter { if case .idle = $0 { false } else { true } }
            }
        },
        "release": {
            .commit { for place in $0.releases.indices { $0.releases[place].dueAfter = .zero } }
        },
        "touched-while-held": {
            .commit { for place in $0.releases.indices { $0.releases[place].seenTail = .max } }
        },
        "release-to-sleep": {
            .commit { changes in
                for place in changes.releases.indices where changes.releases[place].dueAfter == nil {
                    changes.releases[place].dueAfter = .seconds(600)
                }
            }
        },
        "release-of-a-loser": {
            .commit { changes in
                for release in changes.releases {
                    changes.requires.insert(.lease(release.lease.lane, token: release.lease.token))
                }
            }
        },
        "renew": {
            Defect(renew: { base, leases, duration in
                _ = await base.renew(leases, for: duration)
                return leases
            })
        },
        "fair-turns": {
            Defect(claim: { base, claim in
                var first = claim
                first.skipping = ["a", "c"]
                return await base.claimLanes(first)
            })
        },
        "turn": { .claim { $0.startingAfter = nil } },
        "per-integration": { .claim { $0.perIntegration = .max } },
        "shares": { .claim { claim in claim.shares = claim.shares.mapValues { _ in 100 } } },
        "shares-are-fair": {
            Defect(claim: { base, claim in
                var whole = ClaimAnswer(lanes: [], nextDue: nil, storeTime: Date(timeIntervalSince1970: 0))
                for workClass in WorkClass.allCases {
                    var part = claim
                    part.shares = claim.shares.filter { $0.key == workClass }
                    whole.lanes += await base.claimLanes(part).lanes
                }
                return whole
            })
        },
        "skipping": { .claim { $0.skipping = [] } },
        "next-due": { .answer { $0.nextDue = $0.lanes.isEmpty ? $0.nextDue : .zero } },
        "store-time": { .answer { $0.storeTime = Date(timeIntervalSince1970: 0) } },
        "one-lane-per-subject": {
            .commit { changes in
                for place in changes.touches.indices {
                    changes.touches[place].lane.subject = changes.touches[place].lane.subject.composed
                }
            }
        },
    ]
}
