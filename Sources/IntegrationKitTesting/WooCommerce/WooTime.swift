// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Dates as WordPress stores and reads them: whole seconds, without a zone.
struct WooTime: Sendable {
    var zone: TimeZone

    /// The shop's wall clock at a moment, in seconds.
    func local(_ moment: Int64) -> Int64 {
        moment + Int64(zone.secondsFromGMT(for: Date(milliseconds: moment * 1000)))
    }

    /// `YYYY-MM-DDTHH:MM:SS` of a wall clock.
    static func text(_ wall: Int64) -> String {
        String(ISO8601.string(from: Date(milliseconds: wall * 1000)).dropLast())
    }

    /// A moment in the shop's zone, or `null`.
    func localText(_ moment: Int64?) -> JSONValue { moment.map { .string(WooTime.text(local($0))) } ?? .null }

    /// A moment in UTC, or `null`.
    func gmtText(_ moment: Int64?) -> JSONValue { moment.map { .string(WooTime.text($0)) } ?? .null }

    /// What a date of a filter stands for as a wall clock: its own text, or with a zone, the shop's time of it.
    ///
    /// That the result is then compared with whatever column was asked for is the platform's trap.
    func filterWall(_ text: String) -> Int64? {
        if let zoned = ISO8601.date(from: text) { return local(floorDivide(zoned.milliseconds, 1000)) }
        guard let plain = ISO8601.date(from: text, assuming: .gmt) else { return nil }
        return floorDivide(plain.milliseconds, 1000)
    }

    /// The moment that a date given in the shop's time stands for.
    func moment(local text: String) -> Int64? {
        ISO8601.date(from: text, assuming: zone).map { floorDivide($0.milliseconds, 1000) }
    }

    private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}
