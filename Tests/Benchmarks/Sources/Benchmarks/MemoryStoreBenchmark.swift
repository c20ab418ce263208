// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The store in memory, with ever more rows in it.
enum MemoryStoreBenchmark {
    static func run(_ meter: Meter) async throws {
        let store = InMemoryIntegrationStore()
        let work = StoreWorkload(store: store)
        var present = 0
        var next = 0
        let jobs = meter.isQuick ? 2_000 : 5_000
        for size in [1_000, 10_000, 100_000] {
            let (memory, rows) = (Meter.memory, size - present)
            try await work.fill(present..<size)
            present = size
            let name = "\(size.formatted()) rows present"
            let single = try await Meter.seconds {
                for number in next..<next + jobs { try await work.enqueue(number..<number + 1) }
            }
            next += jobs
            meter.line("\(name): enqueue one per commit", ours: Double(jobs) / single, unit: "jobs/s")
            let batched = try await Meter.seconds {
                for start in stride(from: next, to: next + jobs, by: StoreWorkload.batch) {
                    try await work.enqueue(start..<start + StoreWorkload.batch)
                }
            }
            next += jobs
            meter.line("\(name): enqueue 100 per commit", ours: Double(jobs) / batched, unit: "jobs/s")
            var done = 0
            let completed = try await Meter.seconds {
                while true {
                    let count = try await work.claimAndComplete()
                    if count == 0 { break }
                    done += count
                }
            }
            precondition(done == 2 * jobs)
            meter.line("\(name): claim and complete by 100", ours: Double(done) / completed, unit: "jobs/s")
            if size == 100_000 {
                meter.note("memory per link", "\((Meter.memory - memory) / rows) bytes, finished jobs included")
            }
        }
    }
}
