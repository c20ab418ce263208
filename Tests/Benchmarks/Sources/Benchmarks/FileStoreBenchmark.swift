// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the file store costs beside its commits: opening, memory, compaction, bytes written, and a sync by itself.
enum FileStoreBenchmark {
    static func run(_ meter: Meter) async throws {
        try sync(meter)
        try await jobs(meter)
        for size in meter.sizes.dropFirst() { try await links(meter, size) }
    }

    /// Times what no commit can go below on this disk.
    private static func sync(_ meter: Meter) throws {
        try meter.inFolder { folder in
            let path = folder.appending(path: "sync").path
            let file = unsafe open(path, O_RDWR | O_CREAT, 0o600)
            defer { close(file) }
            let block = [UInt8](repeating: 0x6b, count: 700)
            var times: [Double] = []
            for round in 0..<500 {
                times.append(
                    Meter.seconds {
                        _ = unsafe block.withUnsafeBytes {
                            unsafe pwrite(file, $0.baseAddress, 700, off_t(round * 700))
                        }
                        precondition(fsync(file) == 0)
                    }
                )
            }
            meter.note("append 700 bytes and sync", Latencies(times).text)
        }
    }

    /// Memory of queued jobs, and how a store opens after its process was killed.
    private static func jobs(_ meter: Meter) async throws {
        try await meter.inFolder { folder in
            let count = meter.isQuick ? 10_000 : 100_000
            let path = folder.appending(path: "jobs")
            try await with(path) { work in
                for start in stride(from: 0, to: count, by: 100) { try await work.enqueue(start..<start + 100) }
            }
            let opening = try OpeningChild.run(path)
            meter.note("\(count.formatted()) queued jobs: memory", "\(opening.memory / count) bytes a job")
            let acknowledged = try WritingChild.runAndKill(path, from: count)
            let store = try JSONFileIntegrationStore(directory: path)
            let found = try await store.count(matching: RowQuery("job.event"), upTo: .max)
            await store.close()
            precondition(found >= count + acknowledged, "An acknowledged job was lost.")
            let again = try OpeningChild.run(path)
            meter.note(
                "open after kill -9 in the midst of commits",
                "\(again.text), \(acknowledged) acknowledged, \(found - count) there"
            )
        }
    }

    private static func links(_ meter: Meter, _ size: Int) async throws {
        let name = "\(size.formatted()) links"
        try await meter.inFolder { folder in
            let path = folder.appending(path: "links")
            try await with(path) { try await $0.fill(0..<size) }
            let asLeft = try OpeningChild.run(path)
            try await with(path) { work in
                try await bytes(meter, name, work)
                try await pauses(meter, name, work)
            }
            let compact = try OpeningChild.run(path)
            let aim = size == 1_000_000 ? "2 s, 100 bytes" : ""
            meter.note("\(name): open, as commits left it", asLeft.text)
            meter.note("\(name): open, compacted", compact.text)
            meter.note("\(name): memory", "\(compact.memory / size) bytes a link", aim: aim)
            meter.note("\(name): memory at most while it opens", "\(compact.peak / size) bytes a link")
        }
    }

    /// How much is written for what changes: the content of rows and lanes.
    private static func bytes(_ meter: Meter, _ name: String, _ work: StoreWorkload) async throws {
        let count = 300
        let changed = (0..<count).reduce(0) { $0 + StoreWorkload.size(of: StoreWorkload.job($1).content) }
        let before = Meter.written
        for number in 0..<count { try await work.enqueue(number..<number + 1) }
        let written = Meter.written - before
        meter.note("\(name): written for a job of \(changed / count) bytes", "\(written / count) bytes")
    }

    /// How long commits take while nothing else is done, and while the store is compacted.
    private static func pauses(_ meter: Meter, _ name: String, _ work: StoreWorkload) async throws {
        guard let store = work.store as? JSONFileIntegrationStore else { return }
        var next = 1_000
        var quiet: [Double] = []
        for _ in 0..<500 {
            quiet.append(try await Meter.seconds { try await work.enqueue(next..<next + 1) })
            next += 1
        }
        meter.note("\(name): a commit", Latencies(quiet).text)
        let isDone = Flag()
        let start = ContinuousClock.now
        async let compaction: Void = {
            try await store.compact()
            await isDone.raise()
        }()
        var busy: [Double] = []
        while await !isDone.isRaised {
            busy.append(try await Meter.seconds { try await work.enqueue(next..<next + 1) })
            next += 1
        }
        try await compaction
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        meter.note("\(name): a commit during a compaction", Latencies(busy).text)
        meter.note("\(name): the compaction", String(format: "%.1f s", seconds))
    }

    private static func with(_ path: URL, _ body: (StoreWorkload) async throws -> Void) async throws {
        let store = try JSONFileIntegrationStore(directory: path)
        try await body(StoreWorkload(store: store))
        await store.close()
    }
}

/// Becomes true once.
private actor Flag {
    private(set) var isRaised = false

    func raise() {
        isRaised = true
    }
}

/// How long something took, many times.
struct Latencies {
    private let sorted: [Double]

    init(_ seconds: [Double]) {
        sorted = seconds.sorted()
    }

    /// The median, the slowest hundredth and the longest.
    var text: String {
        guard let last = sorted.last else { return "none" }
        let parts = [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100], last].map {
            String(format: "%.2f", $0 * 1000)
        }
        return "p50 \(parts[0])  p99 \(parts[1])  max \(parts[2]) ms of \(sorted.count)"
    }
}
