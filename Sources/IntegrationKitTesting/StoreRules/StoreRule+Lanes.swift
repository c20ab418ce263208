// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension StoreRule {
    static let laneRules = [
        StoreRule("due", "A lane is due when its time has come by the store's clock, and not before.") { trial in
            try await trial.touch(trial.lane("now"))
            try await trial.touch(trial.lane("later"), after: .seconds(10))
            try trial.expect(try await trial.claimedSubjects(), is: ["now"], "at once")
            trial.clock.advance(by: .milliseconds(9_500))
            try trial.expect(try await trial.claimedSubjects(), is: [], "half a second too early")
            trial.clock.advance(by: .milliseconds(500))
            try trial.expect(try await trial.claimedSubjects(), is: ["later"], "in time")
        },
        StoreRule(
            "longest-due-first",
            "Within an integration and a class the lane that has been due longest comes first."
        ) {
            trial in
            for (subject, seconds) in [("c", 3), ("a", 9), ("d", 1), ("b", 6)] {
                try await trial.touch(trial.lane(subject), as: .bulk, after: .seconds(seconds))
            }
            trial.clock.advance(by: .seconds(20))
            try await trial.touch(trial.lane("0"), as: .bulk)
            let first = try await trial.claimedSubjects(shares: [.bulk: 2])
            try trial.expect(first, is: ["d", "c"], "the first claim")
            try trial.expect(try await trial.claimedSubjects(), is: ["b", "a", "0"], "the second claim")
        },
        StoreRule("earliest-time", "A lane keeps the earliest time of its touches.") { trial in
            try await trial.touch(trial.lane("sooner"), after: .seconds(60))
            try await trial.touch(trial.lane("sooner"), after: .seconds(5))
            try await trial.touch(trial.lane("later"), after: .seconds(5))
            try await trial.touch(trial.lane("later"), after: .seconds(60))
            trial.clock.advance(by: .seconds(5))
            try trial.expect(Set(try await trial.claimedSubjects()), is: ["sooner", "later"], "the lanes that are due")
        },
        StoreRule("most-urgent-class", "A lane keeps the most urgent class of its touches.") { trial in
            let classes: [WorkClass] = [.live, .refetch, .bulk, .pull, .hook]
            for (place, urgent) in classes.enumerated() {
                for other in classes[place...] {
                    let lane = trial.lane("\(urgent) \(other)")
                    try await trial.touch(lane, as: other)
                    try await trial.touch(lane, as: urgent)
                    try await trial.touch(lane, as: other)
                }
            }
            for (place, urgent) in classes.enumerated() {
                let lanes = try await trial.claim(shares: [urgent: 100]).lanes
                try trial.expect(lanes.count, is: classes.count - place, "lanes of the class \(urgent)")
                try trial.expect(lanes.allSatisfy { $0.workClass == urgent }, "a lane of \(urgent) shows another class")
            }
        },
        StoreRule("jobs", "A claimed lane shows the rows with an index entry for it, oldest first, up to the limit.") {
            trial in
            let lane = trial.lane("lane")
            for key in ["c", "a", "b"] { try await trial.commit(puts: [trial.job(key, in: lane)]) }
            let strangers = [
                trial.job("other subject", in: trial.lane("lane2")),
                trial.job("other", in: trial.lane("lane", of: "two")),
            ]
            try await trial.commit(puts: strangers)
            try await trial.touch(lane)
            let all = try await trial.claimOne()
            try trial.expect(all.jobs.map(\.content.id.key), is: ["c", "a", "b"], "the jobs")
            let stored = try await trial.store.rows(all.jobs.map(\.content.id))
            try trial.expect(all.jobs.allSatisfy { stored[$0.content.id] == $0 }, "a job is not the row that is stored")
            let change = trial.changes(
                puts: [trial.content("c")],
                releases: [LaneRelease(all.lease, seenTail: all.tail, dueAfter: .zero)]
            )
            try await trial.store.commit(change)
            let lanes = try await trial.claim(jobsPerLane: 1).lanes
            try trial.expect(
                lanes.first?.jobs.map(\.content.id.key),
                is: ["a"],
                "the first job, after the first left the lane"
            )
        },
        StoreRule("exclusive", "A lane that is held is leased to nobody else.") { trial in
            try await trial.touch(trial.lane("lane"))
            let held = try await trial.claimOne()
            try await trial.touch(trial.lane("lane"))
            trial.clock.advance(by: .seconds(29))
            try trial.expect(try await trial.claimedSubjects(), is: [], "lanes leased while they are held")
            try await trial.commit(requires: [.lease(held.lease.lane, token: held.lease.token)])
        },
        StoreRule("racing-claims", "Of claims that race, each lane goes to one.") { trial in
            let lanes = (0..<60).map { trial.lane("\($0)", of: "integration \($0 % 3)") }
            try await trial.commit(
                touches: lanes.map { LaneTouch($0, tenant: "tenant-a", workClass: .live) }
            )
            let claimed = try await withThrowingTaskGroup(of: [LaneLease].self) { group in
                for _ in 0..<12 {
                    group.addTask { try await trial.claim(shares: [.live: 10]).lanes.map(\.lease) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try trial.expect(claimed.count, is: 60, "the number of leases")
            try trial.expect(Set(claimed.map(\.lane)).count, is: 60, "the number of lanes leased")
            try trial.expect(Set(claimed.map(\.token)).count, is: 60, "the number of tokens")
        },
        StoreRule("expired-lease", "A lane whose lease has expired is due; its token rises and its starts count.") {
            trial in
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            var last = try await trial.claimOne(lease: .seconds(5)).lease
            try trial.expect(last.starts, is: 1, "the starts of the first claim")
            try trial.expect(last.duration, is: .seconds(5), "the duration of the lease")
            for starts in 2...4 {
                trial.clock.advance(by: .milliseconds(4_900))
                try trial.expect(try await trial.claimedSubjects(), is: [], "lanes before the lease expired")
                trial.clock.advance(by: .milliseconds(200))
                let next = try await trial.claimOne(lease: .seconds(5)).lease
                try trial.expect(next.starts, is: starts, "the starts")
                try trial.expect(next.token > last.token, "the token did not rise: \(last.token), \(next.token)")
                last = next
            }
        },
        StoreRule("tokens-rise", "Tokens rise over all lanes, also when a lane was removed and came again.") { trial in
            var last: Int64?
            for round in 0..<4 {
                try await trial.touch(trial.lane("lane"), trial.lane("round \(round)"))
                let lanes = try await trial.claim().lanes
                try trial.expect(lanes.count, is: 2, "the lanes that are due")
                for lane in lanes {
                    if let last { try trial.expect(lane.lease.token > last, "a token did not rise") }
                    last = lane.lease.token
                }
                try await trial.commit(releases: lanes.map { LaneRelease($0.lease, seenTail: $0.tail) })
            }
        },
        StoreRule("loser", "Who lost a lease commits nothing that requires it.") { trial in
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            let lost = try await trial.claimOne()
            let requirement = Requirement.lease(lane, token: lost.lease.token)
            try await trial.commit(requires: [requirement], puts: [trial.content("in time")])
            trial.clock.advance(by: .seconds(30))
            let late = trial.changes(requires: [requirement], puts: [trial.content("late")])
            try await trial.expectConflict(late, [requirement])
            let next = try await trial.claimOne()
            try await trial.expectConflict(late, [requirement])
            try await trial.commit(requires: [.lease(lane, token: next.lease.token)])
            try trial.expect(try await trial.keys(trial.query()), is: ["in time"], "the rows")
            let stranger = Requirement.lease(trial.lane("never"), token: next.lease.token)
            try await trial.expectConflict(trial.changes(requires: [stranger]), [stranger])
        },
        StoreRule("idle", "A lane is idle if nobody holds it and no job was made in it since the tail.") { trial in
            let lane = trial.lane("lane")
            let never = Requirement.idle(lane, tail: 0)
            try await trial.commit(requires: [never], puts: [trial.job("a", in: lane)])
            try await trial.expectConflict(trial.changes(requires: [never]), [never])
            let tail = try trial.require(try await trial.row("a"), "the job").created
            let idle = Requirement.idle(lane, tail: tail)
            try await trial.commit(requires: [idle])
            try await trial.touch(lane)
            let held = try await trial.claimOne()
            try trial.expect(held.tail >= tail, "the tail of a touch is behind a job made before it")
            try await trial.expectConflict(trial.changes(requires: [idle]), [idle])
            trial.clock.advance(by: .seconds(31))
            try await trial.commit(requires: [idle])
            try await trial.commit(puts: [trial.job("b", in: lane)])
            try await trial.expectConflict(trial.changes(requires: [idle]), [idle])
            let seen = Requirement.idle(lane, tail: held.tail)
            try await trial.expectConflict(trial.changes(requires: [seen]), [seen])
            try await trial.commit(deletes: [trial.id("b")])
            try await trial.commit(requires: [seen])
        },
    ]

    static let releaseRules = [
        StoreRule("release", "A released lane is due again after the time named, and its starts begin anew.") { trial in
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            trial.clock.advance(by: .seconds(1))
            for delay in [Duration.zero, .seconds(10), .seconds(60)] {
                let held = try await trial.claimOne()
                try trial.expect(held.lease.starts, is: 1, "the starts")
                try await trial.commit(
                    requires: [.lease(lane, token: held.lease.token)],
                    releases: [LaneRelease(held.lease, seenTail: held.tail, dueAfter: delay)]
                )
                let lost = Requirement.lease(lane, token: held.lease.token)
                try await trial.expectConflict(trial.changes(requires: [lost]), [lost])
                if delay > .zero {
                    trial.clock.advance(by: delay - .milliseconds(100))
                    try trial.expect(try await trial.claimedSubjects(), is: [], "lanes before \(delay)")
                    trial.clock.advance(by: .milliseconds(100))
                }
            }
            try trial.expect(try await trial.claimedSubjects(), is: ["lane"], "the lane at last")
        },
        StoreRule("touched-while-held", "A touch takes no lease; a lane touched since its claim is due once released.")
        {
            trial in
            let lane = trial.lane("lane")
            for dueAfter in [nil, Duration.seconds(600)] {
                try await trial.touch(lane)
                let held = try await trial.claimOne()
                try await trial.commit(
                    puts: [trial.job("job", in: lane)],
                    touches: [LaneTouch(lane, tenant: "tenant-a", workClass: .live, after: .seconds(60))]
                )
                try await trial.commit(
                    requires: [.lease(lane, token: held.lease.token)],
                    releases: [LaneRelease(held.lease, seenTail: held.tail, dueAfter: dueAfter)]
                )
                let again = try await trial.claimOne()
                try trial.expect(again.tail > held.tail, "the tail did not rise with the touch")
                try trial.expect(again.jobs.map(\.content.id.key), is: ["job"], "the jobs")
                try await trial.commit(
                    deletes: [trial.id("job")],
                    releases: [LaneRelease(again.lease, seenTail: again.tail)]
                )
                try trial.expect(try await trial.claimedSubjects(), is: [], "lanes released without a touch")
            }
        },
        StoreRule(
            "release-to-sleep",
            "A lane released without a time sleeps if it has jobs, and is removed if it has none."
        ) {
            trial in
            let (busy, empty) = (trial.lane("busy"), trial.lane("empty"))
            try await trial.commit(puts: [trial.job("stays", in: busy), trial.job("goes", in: empty)])
            try await trial.touch(busy, empty, as: .live)
            let held = try await trial.claim().lanes
            try await trial.commit(
                deletes: [trial.id("goes")],
                releases: held.map { LaneRelease($0.lease, seenTail: $0.tail) }
            )
            trial.clock.advance(by: .seconds(86_400))
            let sleeping = try await trial.claim()
            try trial.expect(sleeping.lanes.count, is: 0, "the lanes that are due")
            try trial.expect(sleeping.nextDue == nil, "a lane that sleeps is announced")
            try await trial.touch(busy, empty, as: .bulk)
            // The lane that slept is still one of its most urgent class; the removed one begins anew.
            try trial.expect(try await trial.claimedSubjects(shares: [.live: 9]), is: ["busy"], "the lane that slept")
            try trial.expect(try await trial.claimedSubjects(shares: [.bulk: 9]), is: ["empty"], "the lane made anew")
        },
        StoreRule("release-of-a-loser", "A release of a lease that is held no longer is ignored.") { trial in
            let lane = trial.lane("lane")
            try await trial.touch(lane)
            let lost = try await trial.claimOne()
            trial.clock.advance(by: .seconds(31))
            let late = LaneRelease(lost.lease, seenTail: lost.tail, dueAfter: .seconds(600))
            try await trial.commit(puts: [trial.content("a")], releases: [late])
            let next = try await trial.claimOne()
            try trial.expect(next.lease.starts, is: 2, "the starts after the ignored release")
            try await trial.commit(puts: [trial.content("b")], releases: [late])
            try trial.expect(try await trial.keys(trial.query()), is: ["a", "b"], "the rows put with the releases")
            try trial.expect(try await trial.claimedSubjects(), is: [], "lanes that a loser released")
            try await trial.commit(requires: [.lease(lane, token: next.lease.token)])
        },
        StoreRule("renew", "A lease is renewed from now, if it is still held; a lost one is missing in the answer.") {
            trial in
            let (kept, lost) = (trial.lane("kept"), trial.lane("lost"))
            try await trial.touch(lost)
            let gone = try await trial.claimOne(lease: .seconds(5)).lease
            try await trial.touch(kept)
            let held = try await trial.claimOne(lease: .seconds(20)).lease
            trial.clock.advance(by: .seconds(15))
            let renewed = try await trial.store.renew([gone, held], for: .seconds(40))
            let expected = LaneLease(lane: kept, token: held.token, duration: .seconds(40), starts: 1)
            try trial.expect(renewed, is: [expected], "the leases renewed")
            try trial.expect(try await trial.claimedSubjects(), is: ["lost"], "the lane whose lease was lost")
            trial.clock.advance(by: .milliseconds(29_900))
            let again = try await trial.store.renew([gone], for: .seconds(40))
            try trial.expect(again, is: [], "a lease that another one took, renewed")
            try await trial.commit(requires: [.lease(kept, token: held.token)])
            trial.clock.advance(by: .milliseconds(9_900))
            try await trial.commit(requires: [.lease(kept, token: held.token)])
            trial.clock.advance(by: .milliseconds(300))
            let over = Requirement.lease(kept, token: held.token)
            try await trial.expectConflict(trial.changes(requires: [over]), [over])
        },
    ]
}
