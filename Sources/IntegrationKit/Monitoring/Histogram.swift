// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How durations are spread, in buckets that grow by a fifth: bounded in size, and exact to that fifth.
struct Histogram: StoredValue, Hashable {
    private var buckets: [Int: Int] = [:]

    /// The last bucket, for all that takes longer than about four months.
    private static let last = 4 * 33

    var count: Int { buckets.values.reduce(0, +) }

    mutating func add(_ duration: Duration) {
        let milliseconds = max(duration.inSeconds * 1000, 1)
        buckets[min(Int((log2(milliseconds) * 4).rounded(.down)), Histogram.last), default: 0] += 1
    }

    mutating func merge(_ other: Histogram) {
        buckets.merge(other.buckets, uniquingKeysWith: +)
    }

    /// The duration that a share of all did not exceed; nil: there are none.
    func percentile(_ share: Double) -> Duration? {
        let count = count
        guard count > 0 else { return nil }
        var left = max(Int((share * Double(count)).rounded(.up)), 1)
        for (bucket, number) in buckets.sorted(by: { $0.key < $1.key }) {
            left -= number
            if left <= 0 { return .milliseconds(Int64(pow(2, Double(bucket + 1) / 4).rounded())) }
        }
        return nil
    }
}

extension Histogram: Codable {
    /// Writes bucket and count in turn.
    func encode(to encoder: any Encoder) throws {
        var array = encoder.unkeyedContainer()
        for (bucket, number) in buckets.sorted(by: { $0.key < $1.key }) {
            try array.encode(bucket)
            try array.encode(number)
        }
    }

    /// Reads what ``encode(to:)`` wrote.
    init(from decoder: any Decoder) throws {
        var array = try decoder.unkeyedContainer()
        while !array.isAtEnd {
            let bucket = try array.decode(Int.self)
            buckets[bucket] = try array.decode(Int.self)
        }
    }
}
