// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Commits beside SQLite's, whose are on the disk when they are acknowledged, in turns.
enum DurableBenchmark {
    private struct Contender: Sendable {
        var fill: @Sendable (Range<Int>) async throws -> Void
        var enqueue: @Sendable (Range<Int>) async throws -> Void
        var claimAndComplete: @Sendable () async throws -> Int
        var next = 0
        var rates: [String: [Double]] = [:]

        mutating func take(_ count: Int) -> Range<Int> {
            defer { next += count }
            return next..<next + count
        }

        mutating func measure(_ name: String, _ count: Int, _ work: () async throws -> Void) async throws {
            rates[name, default: []].append(Double(count) / (try await Meter.seconds(work)))
        }

        /// One round of all that is measured.
        mutating func round(_ callers: Int) async throws {
            let (enqueue, claimAndComplete) = (enqueue, claimAndComplete)
            let single = take(30)
            try await measure("enqueue one by one", single.count) {
                for number in single { try await enqueue(number..<number + 1) }
            }
            let shared = take(callers * 6)
            try await measure("enqueue by \(callers) callers at once", shared.count) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<callers {
                        group.addTask {
                            for number in shared where number % callers == caller {
                                try await enqueue(number..<number + 1)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            let batched = take(1_000)
            try await measure("enqueue 100 per commit", batched.count) {
                for start in stride(from: batched.lowerBound, to: batched.upperBound, by: StoreWorkload.batch) {
                    try await enqueue(start..<start + StoreWorkload.batch)
                }
            }
            let queued = single.count + shared.count + batched.count
            try await measure("claim and complete by 100", queued) {
                var done = 0
                while done < queued {
                    let count = try await claimAndComplete()
                    precondition(count > 0, "Jobs were lost.")
                    done += count
                }
            }
        }
    }

    private static let aims = [
        "enqueue one by one": "1x", "enqueue by 50 callers at once": "5x", "enqueue 100 per commit": "2x",
        "claim and complete by 100": "2x",
    ]

    static func run(_ meter: Meter) async throws {
        try await meter.inFolder { folder in try await run(meter, in: folder) }
    }

    private static func run(_ meter: Meter, in folder: URL) async throws {
        let store = try JSONFileIntegrationStore(directory: folder.appending(path: "store"))
        let work = StoreWorkload(store: store)
        let yardstick = try SQLiteYardstick(file: folder.appending(path: "yardstick.sqlite"))
        var ours = Contender(
            fill: { try await work.fill($0) },
            enqueue: { try await work.enqueue($0) },
            claimAndComplete: { try await work.claimAndComplete() }
        )
        var theirs = Contender(
            fill: { try await yardstick.fill($0) },
            enqueue: { try await yardstick.enqueue($0) },
            claimAndComplete: { try await yardstick.claimAndComplete() }
        )
        var present = 0
        var first: [String: (ours: Double, theirs: Double)] = [:]
        for size in meter.sizes {
            try await ours.fill(present..<size)
            try await theirs.fill(present..<size)
            present = size
            (ours.rates, theirs.rates) = ([:], [:])
            for _ in 0..<(meter.isQuick ? 3 : 7) {
                try await ours.round(50)
                try await theirs.round(50)
            }
            for (name, aim) in aims.sorted(by: { $0.key > $1.key }) {
                let (mine, other) = (Meter.median(ours.rates[name] ?? []), Meter.median(theirs.rates[name] ?? []))
                let title = "\(size.formatted()) rows present: \(name)"
                meter.line(title, ours: mine, theirs: other, unit: "jobs/s", aim: aim)
                if let first = first[name] {
                    let (growth, their) = (first.ours / mine, first.theirs / other)
                    meter.note(
                        "    slower than with \(meter.sizes[0].formatted()) by",
                        String(format: "%.2fx, theirs %.2fx", growth, their),
                        aim: "1.3x"
                    )
                } else {
                    first[name] = (mine, other)
                }
            }
        }
        await store.close()
    }
}
