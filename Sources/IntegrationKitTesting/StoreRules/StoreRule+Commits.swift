// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension StoreRule {
    static let commitRules = [
        StoreRule("requirements", "A commit goes through only if each of its requirements holds.") { trial in
            try await trial.commit(requires: [.absent(trial.id("a"))], puts: [trial.content("a", body: "1")])
            let row = try trial.require(try await trial.row("a"), "row a")
            let absent = Requirement.absent(trial.id("a"))
            try await trial.expectConflict(trial.changes(requires: [absent]), [absent])
            let current = Requirement.revision(trial.id("a"), row.revision)
            try await trial.commit(requires: [current], puts: [trial.content("a", body: "2")])
            try await trial.expectConflict(trial.changes(requires: [current], deletes: [trial.id("a")]), [current])
            let missing = Requirement.revision(trial.id("missing"), row.revision)
            try await trial.expectConflict(trial.changes(requires: [missing]), [missing])
            try trial.expect(try await trial.row("a")?.content.body, is: Data("2".utf8), "the body")
        },
        StoreRule("before-the-commit", "Requirements are checked against what was there before the commit.") { trial in
            let absent = Requirement.absent(trial.id("a"))
            try await trial.commit(puts: [trial.content("a")])
            let change = trial.changes(requires: [absent], puts: [trial.content("a")], deletes: [trial.id("a")])
            try await trial.expectConflict(change, [absent])
            let fresh = Requirement.absent(trial.id("b"))
            try await trial.commit(requires: [fresh], puts: [trial.content("b")])
        },
        StoreRule("all-or-nothing", "A commit that conflicts has done nothing.") { trial in
            let (busy, quiet) = (trial.lane("busy"), trial.lane("quiet"))
            try await trial.commit(puts: [trial.content("a", body: "1"), trial.content("b")])
            try await trial.touch(busy)
            let held = try await trial.claimOne()
            let failing = trial.changes(
                requires: [.absent(trial.id("a"))],
                puts: [trial.content("a", body: "2"), trial.content("c")],
                deletes: [trial.id("b")],
                touches: [LaneTouch(quiet, tenant: "tenant-a", workClass: .live)],
                releases: [LaneRelease(held.lease, seenTail: held.tail, dueAfter: .zero)]
            )
            try await trial.expectConflict(failing, [.absent(trial.id("a"))])
            try trial.expect(try await trial.row("a")?.content.body, is: Data("1".utf8), "the body of row a")
            try trial.expect(try await trial.keys(trial.query()), is: ["a", "b"], "the rows")
            try trial.expect(try await trial.claimedSubjects(), is: [], "the lanes that are due")
            try await trial.commit(requires: [.lease(busy, token: held.lease.token)])
        },
        StoreRule("conflict-names-all", "A conflict names every requirement that fails and every entry that is taken.")
        {
            trial in
            let owned = trial.content("a", indexes: [IndexEntry("mail", "a@x", isUnique: true)])
            let other = trial.content("b", indexes: [IndexEntry("mail", "b@x", isUnique: true)])
            try await trial.commit(puts: [owned, other])
            let idle = trial.lane("idle")
            let failing: Set<Requirement> = [
                .absent(trial.id("a")), .absent(trial.id("b")), .revision(trial.id("c"), 1), .lease(idle, token: 1),
            ]
            let holding: Set<Requirement> = [.absent(trial.id("c")), .idle(idle, tail: 0)]
            let entries = ["a@x", "b@x"].map { IndexEntry("mail", $0, isUnique: true) }
            let free = IndexEntry("mail", "free@x", isUnique: true)
            let change = trial.changes(
                requires: failing.union(holding),
                puts: [trial.content("c", indexes: entries + [free])]
            )
            try await trial.expectConflict(change, failing, taken: entries)
        },
        StoreRule("order-of-steps", "Deletes come first, then puts in their order, then touches, then releases.") {
            trial in
            try await trial.commit(puts: [trial.content("a", body: "1")])
            let old = try trial.require(try await trial.row("a"), "row a")
            let puts = ["2", "3"].map { trial.content("a", at: "at \($0)", body: $0) }
            try await trial.commit(puts: puts, deletes: [trial.id("a")])
            let new = try trial.require(try await trial.row("a"), "row a, deleted and put")
            try trial.expect(new.content.body, is: Data("3".utf8), "the body of the last put")
            try trial.expect(new.created > old.created, "the row was not made anew by the delete and the put")
            try trial.expect(try await trial.keys(trial.query()), is: ["a"], "the rows in the index")
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            let held = try await trial.claimOne()
            try await trial.commit(
                touches: [LaneTouch(lane, tenant: "tenant-a", workClass: .live, after: .seconds(60))],
                releases: [LaneRelease(held.lease, seenTail: held.tail, dueAfter: .seconds(90))]
            )
            try trial.expect(try await trial.claimedSubjects(), is: ["lane"], "lanes touched before their release")
        },
        StoreRule("repeatable", "Repeating an id that was committed succeeds and changes nothing.") { trial in
            let lane = trial.lane("lane")
            let change = trial.changes(
                requires: [.absent(trial.id("a"))],
                puts: [trial.content("a")],
                touches: [LaneTouch(lane, tenant: "tenant-a", workClass: .live)]
            )
            try await trial.store.commit(change)
            let first = try await trial.row("a")
            try await trial.store.commit(change)
            try trial.expect(try await trial.row("a"), is: first, "the row")
            let held = try await trial.claimOne()
            try await trial.store.commit(change)
            try await trial.commit(
                deletes: [trial.id("a")],
                releases: [LaneRelease(held.lease, seenTail: held.tail)]
            )
            try await trial.store.commit(change)
            try trial.expect(try await trial.row("a") == nil, "the repeated commit brought a deleted row back")
            try trial.expect(try await trial.claimedSubjects(), is: [], "lanes that the repeated commit touched")
        },
        StoreRule("repeatable-for-long", "The last 1,000 commits can be repeated.") { trial in
            let change = trial.changes(puts: [trial.content("a", body: "1")])
            try await trial.store.commit(change)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<999 {
                    group.addTask { try await trial.commit(puts: [trial.content("a", body: "\(number + 2)")]) }
                }
                try await group.waitForAll()
            }
            let last = try await trial.row("a")
            try await trial.store.commit(change)
            try trial.expect(try await trial.row("a"), is: last, "the row")
        },
        StoreRule(
            "failed-id-is-free",
            "Changes that conflicted can be committed under their id once nothing stands against."
        ) {
            trial in
            try await trial.commit(puts: [trial.content("a", body: "1")])
            let change = trial.changes(requires: [.absent(trial.id("a"))], puts: [trial.content("a", body: "2")])
            try await trial.expectConflict(change, [.absent(trial.id("a"))])
            try await trial.commit(deletes: [trial.id("a")])
            try await trial.store.commit(change)
            try trial.expect(try await trial.row("a")?.content.body, is: Data("2".utf8), "the body")
        },
        StoreRule("one-winner", "Of commits that race for one revision, one wins.") { trial in
            try await trial.commit(puts: [trial.content("a")])
            let revision = try trial.require(try await trial.row("a"), "row a").revision
            let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let change = trial.changes(
                            requires: [.revision(trial.id("a"), revision)],
                            puts: [trial.content("a", body: "\(number)"), trial.content("of \(number)", at: "won")]
                        )
                        return try await trial.conflict(change) == nil
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try trial.expect(winners, is: 1, "the number of winners")
            try trial.expect(try await trial.keys(trial.query(keys: ["won"])).count, is: 1, "rows of winners")
        },
    ]

    static let uniqueRules = [
        StoreRule("unique", "No two rows have the same key where an entry is unique.") { trial in
            let entry = IndexEntry("mail", "ada@x", isUnique: true)
            let plain = IndexEntry("mail", "ada@x")
            try await trial.commit(puts: [trial.content("a", indexes: [entry])])
            try await trial.expectConflict(
                trial.changes(puts: [trial.content("b", indexes: [entry])]),
                [],
                taken: [entry]
            )
            try trial.expect(
                try await trial.conflict(trial.changes(puts: [trial.content("b", indexes: [plain])])) != nil,
                "another row got the key of a unique entry"
            )
            try await trial.commit(puts: [trial.content("c", indexes: [IndexEntry("phone", "ada@x", isUnique: true)])])
            try await trial.commit(puts: [trial.content("d", indexes: [IndexEntry("mail", "bob@x")])])
            let late = IndexEntry("mail", "bob@x", isUnique: true)
            try await trial.expectConflict(
                trial.changes(puts: [trial.content("e", indexes: [late])]),
                [],
                taken: [late]
            )
            try trial.expect(try await trial.keys(RowQuery("mail")), is: ["a", "d"], "the rows in the index")
        },
        StoreRule("unique-in-one-commit", "Two rows of one commit cannot have the same unique entry either.") { trial in
            let entry = IndexEntry("mail", "ada@x", isUnique: true)
            let puts = ["a", "b"].map { trial.content($0, indexes: [entry]) }
            try await trial.expectConflict(trial.changes(puts: puts), [], taken: [entry])
            try trial.expect(try await trial.store.rows(puts.map(\.id)).isEmpty, "a row was put")
        },
        StoreRule("unique-hand-over", "A commit may hand a unique entry from row to row; what stands after it counts.")
        {
            trial in
            let (ada, bob) = (
                IndexEntry("mail", "ada@x", isUnique: true), IndexEntry("mail", "bob@x", isUnique: true)
            )
            try await trial.commit(puts: [trial.content("a", indexes: [ada])])
            try await trial.commit(puts: [trial.content("a", indexes: [ada], body: "2")])
            try await trial.commit(puts: [trial.content("b", indexes: [ada])], deletes: [trial.id("a")])
            try trial.expect(try await trial.keys(RowQuery("mail", keys: ["ada@x"])), is: ["b"], "who has it")
            try await trial.commit(puts: [trial.content("c", indexes: [bob])])
            try await trial.commit(puts: [trial.content("b", indexes: [bob]), trial.content("c", indexes: [ada])])
            try trial.expect(try await trial.keys(RowQuery("mail")), is: ["c", "b"], "who has what after a swap")
            try await trial.commit(puts: [trial.content("b", indexes: [])])
            try await trial.commit(puts: [trial.content("d", indexes: [bob])])
            try trial.expect(try await trial.keys(RowQuery("mail")), is: ["c", "d"], "who has what after a release")
        },
        StoreRule("unique-by-bytes", "Unique entries are told apart by their bytes.") { trial in
            let spellings = ["\u{E9}", "e\u{301}"].map { IndexEntry("name", $0, isUnique: true) }
            try await trial.commit(puts: [trial.content("a", indexes: [spellings[0]])])
            try await trial.commit(puts: [trial.content("b", indexes: [spellings[1]])])
            try trial.expect(try await trial.keys(RowQuery("name")), is: ["b", "a"], "the rows in the index")
        },
    ]

    static let purgeRules = [
        StoreRule("purge-scope", "A purge removes the rows of its scope, with their index entries, and no other row.") {
            trial in
            for tenant in ["tenant-a", "tenant-b"] {
                for integration in ["one", "two"] {
                    let key = "\(tenant) \(integration)"
                    try await trial.commit(puts: [
                        trial.content(
                            key,
                            tenant: tenant,
                            integration: "\(integration) of \(tenant)",
                            indexes: [
                                IndexEntry(StoreTrial.index, key), IndexEntry("u", key, isUnique: true),
                            ]
                        )
                    ])
                }
            }
            try await trial.commit(puts: [trial.content("bare", tenant: "tenant-a", integration: nil)])
            try trial.expect(
                try await trial.store.purge(.integration("one of tenant-a"), limit: 10),
                is: 1,
                "rows removed"
            )
            let left = ["bare", "tenant-a two", "tenant-b one", "tenant-b two"]
            try trial.expect(try await trial.keys(trial.query()), is: left, "rows left")
            try trial.expect(try await trial.store.purge(.tenant("tenant-a"), limit: 10), is: 2, "rows removed")
            try trial.expect(try await trial.keys(trial.query()), is: Array(left.suffix(2)), "rows left")
            try trial.expect(try await trial.row("tenant-a two") == nil, "a purged row is there by id")
            try trial.expect(try await trial.store.purge(.tenant("none"), limit: 10), is: 0, "rows of nobody")
            let heir = trial.content("heir", indexes: [IndexEntry("u", "tenant-a two", isUnique: true)])
            try await trial.commit(puts: [heir])
        },
        StoreRule("purge-lanes", "A purge removes the lanes of its scope, held ones too.") { trial in
            let (first, second) = (trial.lane("first"), trial.lane("second"))
            let other = trial.lane("other", of: "two")
            try await trial.commit(puts: [trial.job("job", in: first)])
            try await trial.touch(first)
            let held = try await trial.claimOne()
            try await trial.touch(second)
            try await trial.touch(other, tenant: "tenant-b")
            try await trial.purgeAll(.integration("one"))
            let lost = Requirement.lease(first, token: held.lease.token)
            try await trial.expectConflict(trial.changes(requires: [lost]), [lost])
            trial.clock.advance(by: .seconds(60))
            try trial.expect(try await trial.claimedSubjects(), is: ["other"], "the lanes left")
            try await trial.purgeAll(.tenant("tenant-b"))
            trial.clock.advance(by: .seconds(60))
            try trial.expect(try await trial.claimedSubjects(), is: [], "the lanes left at last")
        },
        StoreRule("purge-bounded", "A purge removes no more rows than its limit and goes on with the next call.") {
            trial in
            try await trial.commit(puts: (0..<25).map { trial.content("\($0)") })
            var removed: [Int] = []
            repeat {
                removed.append(try await trial.store.purge(.tenant("tenant-a"), limit: 10))
                try trial.expect((removed.last ?? 0) <= 10, "more rows than the limit were removed")
                let left = try await trial.store.count(matching: trial.query(), upTo: 100)
                try trial.expect(left, is: 25 - removed.reduce(0, +), "the rows left")
            } while removed.last != 0 && removed.count < 30
            try trial.expect(removed.last, is: 0, "the last answer")
            try trial.expect(removed.reduce(0, +), is: 25, "the rows removed")
        },
        StoreRule("keep", "An expired row is purged once its time to keep is over, counted from its last put.") {
            trial in
            try await trial.commit(puts: [
                trial.content("short", keep: .seconds(60)), trial.content("renewed", keep: .seconds(60)),
                trial.content("long", keep: .seconds(3600)), trial.content("ever"),
            ])
            trial.clock.advance(by: .seconds(59))
            try trial.expect(try await trial.store.purge(.expired, limit: 10), is: 0, "rows purged too early")
            try await trial.commit(puts: [trial.content("renewed", keep: .seconds(60))])
            trial.clock.advance(by: .seconds(2))
            try trial.expect(try await trial.store.purge(.expired, limit: 10), is: 1, "rows purged")
            try trial.expect(try await trial.keys(trial.query()), is: ["ever", "long", "renewed"], "rows left")
            trial.clock.advance(by: .seconds(100_000))
            try trial.expect(try await trial.store.purge(.expired, limit: 1), is: 1, "rows purged in a first step")
            try trial.expect(try await trial.store.purge(.expired, limit: 1), is: 1, "rows purged in a second step")
            try trial.expect(try await trial.store.purge(.expired, limit: 1), is: 0, "rows purged at last")
            try trial.expect(try await trial.keys(trial.query()), is: ["ever"], "rows left")
        },
        StoreRule("wall-jump", "A wall clock that jumps purges no row and takes no lease before its time.") { trial in
            try await trial.commit(puts: [trial.content("a", keep: .seconds(86_400))])
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            let held = try await trial.claimOne()
            for years in [1.0, -2.0] {
                trial.clock.setWall(trial.clock.wall.addingTimeInterval(years * 365 * 86_400))
                try trial.expect(try await trial.store.purge(.expired, limit: 10), is: 0, "rows purged")
                try trial.expect(try await trial.claimedSubjects(), is: [], "lanes taken from their holder")
                try await trial.commit(requires: [.lease(lane, token: held.lease.token)])
            }
            trial.clock.advance(by: .seconds(31))
            try trial.expect(try await trial.claimedSubjects(), is: ["lane"], "lanes whose lease has expired")
        },
    ]
}
