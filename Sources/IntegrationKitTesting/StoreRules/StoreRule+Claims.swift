// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension StoreRule {
    static let claimRules = [
        StoreRule("fair-turns", "A claim goes round the integrations, whatever one of them has queued or for how long.")
        {
            trial in
            for subject in 0..<40 { try await trial.touch(trial.lane("\(subject)", of: "b")) }
            trial.clock.advance(by: .seconds(60))
            for integration in ["a", "c"] {
                for subject in 0..<3 { try await trial.touch(trial.lane("\(subject)", of: integration)) }
            }
            let first = try await trial.claim(shares: [.live: 3]).lanes.map(\.lease.lane.integration)
            try trial.expect(first.sorted(), is: ["a", "b", "c"], "three lanes")
            let second = try await trial.claim(shares: [.live: 8]).lanes.map(\.lease.lane.integration)
            try trial.expect(second.filter { $0 == "b" }.count, is: 4, "lanes of the long queue")
            try trial.expect(second.filter { $0 == "a" }.count, is: 2, "lanes of a short queue")
            try trial.expect(second.filter { $0 == "c" }.count, is: 2, "lanes of a short queue")
        },
        StoreRule("turn", "The turn begins after the integration named, in the order of ids, and goes round.") {
            trial in
            for integration in ["a", "b", "c", "d"] {
                for subject in 0..<5 { try await trial.touch(trial.lane("\(subject)", of: integration)) }
            }
            let turns: [(String?, [String])] = [
                (nil, ["a", "b"]), ("b", ["c", "d"]), ("d", ["a", "b"]), ("bb", ["c", "d"]), ("c", ["a", "d"]),
            ]
            for (start, expected) in turns {
                let lanes = try await trial.claim(shares: [.live: 2], startingAfter: start).lanes
                let found = lanes.map(\.lease.lane.integration).sorted()
                try trial.expect(found, is: expected, "two lanes after \(start ?? "nothing")")
            }
        },
        StoreRule("per-integration", "No integration gets more lanes of one claim than it may, over all classes.") {
            trial in
            for integration in ["a", "b"] {
                for workClass in [WorkClass.live, .bulk, .hook] {
                    for subject in 0..<4 {
                        try await trial.touch(trial.lane("\(workClass) \(subject)", of: integration), as: workClass)
                    }
                }
            }
            let lanes = try await trial.claim(perIntegration: 3).lanes.map(\.lease.lane.integration)
            try trial.expect(lanes.sorted(), is: ["a", "a", "a", "b", "b", "b"], "the lanes")
        },
        StoreRule("shares", "A claim gets as many lanes of each class as it wants, and none of a class not named.") {
            trial in
            for workClass in [WorkClass.live, .refetch, .bulk, .pull, .hook] {
                for subject in 0..<5 {
                    try await trial.touch(
                        trial.lane("\(workClass) \(subject)", of: "integration \(subject % 2)"),
                        as: workClass
                    )
                }
            }
            let lanes = try await trial.claim(shares: [.live: 2, .bulk: 9, .hook: 1, .pull: 0]).lanes
            let found = Dictionary(grouping: lanes, by: \.workClass).mapValues(\.count)
            try trial.expect(found, is: [.live: 2, .bulk: 5, .hook: 1], "the lanes of each class")
        },
        StoreRule("shares-are-fair", "An integration that has only less urgent work gets its turn of it.") { trial in
            for subject in 0..<3 {
                try await trial.touch(trial.lane("live \(subject)", of: "a"), as: .live)
                try await trial.touch(trial.lane("bulk \(subject)", of: "a"), as: .bulk)
                try await trial.touch(trial.lane("bulk \(subject)", of: "b"), as: .bulk)
            }
            let lanes = try await trial.claim(shares: [.live: 1, .bulk: 1]).lanes
            try trial.expect(lanes.map(\.lease.lane.integration).sorted(), is: ["a", "b"], "the lanes")
        },
        StoreRule("skipping", "An integration that is skipped gets nothing and is not announced.") { trial in
            for integration in ["a", "b", "c"] { try await trial.touch(trial.lane("lane", of: integration)) }
            try await trial.touch(trial.lane("later", of: "b"), after: .seconds(50))
            try await trial.touch(trial.lane("later", of: "c"), after: .seconds(90))
            let answer = try await trial.claim(skipping: ["a", "b"])
            try trial.expect(answer.lanes.map(\.lease.lane.integration), is: ["c"], "the lanes")
            try trial.expect(answer.nextDue, isAbout: .seconds(90), "when to ask again")
            let rest = try await trial.claim(skipping: ["a", "c"])
            try trial.expect(rest.lanes.map(\.lease.lane.integration), is: ["b"], "the lanes")
        },
        StoreRule("next-due", "A claim tells how long until a lane that it did not get is due.") { trial in
            try trial.expect(try await trial.claim().nextDue == nil, "an empty store announced a lane")
            try await trial.touch(trial.lane("later"), after: .seconds(40))
            try await trial.touch(trial.lane("much later", of: "two"), as: .hook, after: .seconds(900))
            try trial.expect(try await trial.claim().nextDue, isAbout: .seconds(40), "a lane to come")
            trial.clock.advance(by: .seconds(10))
            try trial.expect(try await trial.claim().nextDue, isAbout: .seconds(30), "ten seconds later")
            try await trial.touch(trial.lane("held"))
            let own = try await trial.claim(lease: .seconds(5))
            try trial.expect(own.nextDue, isAbout: .seconds(30), "with a lane just claimed")
            try trial.expect(try await trial.claim().nextDue, isAbout: .seconds(5), "with a lease that may expire")
            trial.clock.advance(by: .seconds(40))
            let none = try await trial.claim(shares: [.pull: 1])
            try trial.expect(none.lanes.count, is: 0, "lanes of a class that has none")
            try trial.expect(none.nextDue, isAbout: .zero, "with a lane due that was not claimed")
            try trial.expect(try await trial.claimedSubjects(), is: ["held", "later"], "the lanes due, longest first")
        },
        StoreRule("store-time", "A claim tells the store's clock.") { trial in
            let first = try await trial.claim().storeTime
            try trial.expect(
                abs(first.timeIntervalSince(trial.clock.wall)) < 1,
                "the store's clock shows \(first)"
            )
            trial.clock.advance(by: .seconds(3600))
            let passed = try await trial.claim().storeTime.timeIntervalSince(first)
            try trial.expect(abs(passed - 3600) < 1, "in an hour the store's clock moved by \(passed) seconds")
        },
        StoreRule("one-lane-per-subject", "Lanes are told apart by integration and subject, byte for byte.") { trial in
            let lanes = [
                trial.lane("x", of: "one"), trial.lane("x", of: "two"), trial.lane("\u{E9}", of: "one"),
                trial.lane("e\u{301}", of: "one"),
            ]
            for lane in lanes { try await trial.commit(puts: [trial.job("job of \(lane.indexKey)", in: lane)]) }
            try await trial.touch(lanes[0], lanes[1], lanes[2], lanes[3], lanes[0])
            let claimed = try await trial.claim().lanes
            try trial.expect(Set(claimed.map(\.lease.lane)), is: Set(lanes), "the lanes")
            try trial.expect(claimed.map(\.jobs.count), is: [1, 1, 1, 1], "the jobs of each lane")
        },
    ]
}

extension StoreTrial {
    /// Compares durations within a millisecond: a store may keep its times in whole ones.
    fileprivate func expect(_ found: Duration?, isAbout expected: Duration, _ what: String) throws {
        let found = try require(found, what)
        let difference = found > expected ? found - expected : expected - found
        try expect(difference <= .milliseconds(1), "\(what): expected \(expected), found \(found)")
    }
}
