// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct HistogramTests {
    @Test(arguments: 1...UInt64(5))
    func aPercentileIsExactToAFifthAndNeverTooLow(seed: UInt64) throws {
        var chance = IntegrationKitTesting.SeededGenerator(seed: seed)
        var histogram = Histogram()
        var values: [Double] = []
        for _ in 0..<5000 {
            let value = pow(10, Double.random(in: 0...6, using: &chance))
            values.append(value)
            histogram.add(.milliseconds(Int64(value)))
        }
        values.sort()
        for share in [0.5, 0.95, 0.99] {
            let exact = values[Int((share * 5000).rounded(.up)) - 1]
            let told = try #require(histogram.percentile(share)).inSeconds * 1000
            #expect(told >= exact * 0.98 && told <= exact * 1.25, "\(share): \(told) for \(exact)")
        }
        let data = try RecordCoding.encode(histogram)
        #expect(data.count < 2000)
        #expect(try RecordCoding.decode(Histogram.self, from: data) == histogram)
    }

    @Test func twoHistogramsAddUp() {
        var one = Histogram()
        var other = Histogram()
        for _ in 0..<10 { one.add(.milliseconds(10)) }
        for _ in 0..<90 { other.add(.seconds(10)) }
        one.merge(other)
        #expect(one.count == 100)
        #expect(one.percentile(0.1).map { $0 < .milliseconds(13) } == true)
        #expect(one.percentile(0.5).map { $0 >= .seconds(10) } == true)
        #expect(Histogram().percentile(0.5) == nil)
    }
}
