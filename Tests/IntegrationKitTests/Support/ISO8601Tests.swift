// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite("ISO 8601")
struct ISO8601Tests {
    @Test(
        "Reads every spelling of the same moment",
        arguments: [
            "2026-11-20T14:02:10.500Z", "2026-11-20T14:02:10.5Z", "2026-11-20T14:02:10,500999Z",
            "2026-11-20T15:02:10.5+01:00", "2026-11-20T15:02:10.5+0100", "2026-11-20T15:02:10.5+01",
            "2026-11-20 09:02:10.500-05:00", "2026-11-21T00:02:10.5+10:00",
        ]
    )
    func spellings(text: String) {
        #expect(ISO8601.date(from: text) == Date(timeIntervalSince1970: 1_795_183_330.5))
    }

    @Test(
        "Refuses what is not a moment",
        arguments: [
            "", "2026-11-20", "2026-11-20T14:02:10", "2026-11-20T14:02Z", "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-20T24:00:00Z",
            "2026-11-20T14:60:00Z", "2026-11-20T14:02:10.Z", "2026-11-20T14:02:10Z ", " 2026-11-20T14:02:10Z",
            "2026-11-20T14:02:10+25:00", "2026-11-20T14:02:10+01:0", "26-11-20T14:02:10Z", "0000-01-01T00:00:00Z",
            "2026-11-20T14:02:1٣Z", "2026-11-20t14:02:10z", "1900-02-29T00:00:00Z",
        ]
    )
    func refusals(text: String) {
        #expect(ISO8601.date(from: text) == nil)
    }

    @Test("Writes milliseconds where there are any, or always when asked to")
    func writing() {
        let whole = Date(timeIntervalSince1970: 1_795_183_330)
        #expect(ISO8601.string(from: whole) == "2026-11-20T14:02:10Z")
        #expect(ISO8601.string(from: whole, alwaysMilliseconds: true) == "2026-11-20T14:02:10.000Z")
        #expect(ISO8601.string(from: whole.addingTimeInterval(0.007)) == "2026-11-20T14:02:10.007Z")
        #expect(ISO8601.string(from: Date(timeIntervalSince1970: -0.001)) == "1969-12-31T23:59:59.999Z")
    }

    @Test("Dates beyond the calendar's four digits never trap", arguments: [1e300, -1e300, 1e14, -1e14])
    func extremes(seconds: Double) {
        let text = ISO8601.string(from: Date(timeIntervalSince1970: seconds))
        #expect(ISO8601.date(from: text) != nil)
        #expect(ISO8601.isDay(ISO8601.day(of: Date(timeIntervalSince1970: seconds), in: .gmt)))
    }

    @Test("Comes back to the same millisecond, and agrees with the calendar", arguments: 1...4)
    func thereAndBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for _ in 0..<300 {
            // From 1600 on: Foundation's calendar is Julian before 1582.
            let milliseconds = Int64.random(in: -11_676_096_000_000...253_402_300_799_999, using: &random)
            let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
            let text = ISO8601.string(from: date)
            let back = try #require(ISO8601.date(from: text))
            #expect(Int64((back.timeIntervalSince1970 * 1000).rounded()) == milliseconds)
            let parts = calendar.dateComponents([.year, .month, .day], from: date)
            let numbers = text.prefix(10).split(separator: "-").map { Int($0) }
            #expect(numbers == [parts.year, parts.month, parts.day])
        }
    }

    @Test("An evening moment falls on the account's day, not on London's")
    func days() throws {
        let paris = try #require(TimeZone(identifier: "Europe/Paris"))
        let late = try #require(ISO8601.date(from: "2026-11-20T23:30:00Z"))
        #expect(ISO8601.day(of: late, in: paris) == "2026-11-21")
        #expect(ISO8601.day(of: late, in: .gmt) == "2026-11-20")
        #expect(ISO8601.start(ofDay: "2026-07-14", in: paris) == ISO8601.date(from: "2026-07-13T22:00:00Z"))
        #expect(ISO8601.start(ofDay: "2026-3-1", in: paris) == nil)
        #expect(
            ISO8601.date(from: "2026-07-14T08:00:00", assuming: paris) == ISO8601.date(from: "2026-07-14T06:00:00Z")
        )
    }
}
