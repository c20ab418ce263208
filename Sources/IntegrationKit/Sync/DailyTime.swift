// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A time of day in a time zone, such as 02:00 in Paris.
///
/// It comes once each day: a time that the clocks skip in spring comes as soon as they have moved on, one that comes
/// twice in autumn counts the first time.
public struct DailyTime: Hashable, Codable, Sendable {
    /// The hour, 0 to 23.
    public var hour: Int
    /// The minute, 0 to 59.
    public var minute: Int
    /// The time zone's name, such as `Europe/Paris`; one that is not known counts as UTC.
    public var timeZone: String

    /// Creates a time of day.
    ///
    /// - Parameters:
    ///   - hour: The hour.
    ///   - minute: The minute.
    ///   - timeZone: The time zone's name.
    public init(hour: Int, minute: Int = 0, timeZone: String) {
        self.hour = min(max(hour, 0), 23)
        self.minute = min(max(minute, 0), 59)
        self.timeZone = timeZone
    }

    /// The slot that a moment belongs to: what is late belongs to the last one alone.
    ///
    /// - Parameter now: The moment.
    /// - Returns: The slot's name and when the next one begins.
    func slot(at now: Date) -> (id: String, next: Date) {
        let zone = TimeZone(identifier: timeZone) ?? .gmt
        // Counted in days of the calendar: one that the clocks change in has 23 hours or 25.
        let today = ISO8601.start(ofDay: ISO8601.day(of: now, in: zone), in: .gmt) ?? now
        let days = [-1.0, 0, 1, 2].map { ISO8601.day(of: today.addingTimeInterval($0 * 86_400), in: .gmt) }
        let starts = days.compactMap { day in start(of: day, in: zone).map { (day, $0) } }
        let current = starts.last { $0.1 <= now }?.0 ?? ""
        let next = starts.first { $0.1 > now }?.1 ?? now.addingTimeInterval(86_400)
        return ("\(current) \(hour):\(minute) \(timeZone)", next)
    }

    private func start(of day: String, in zone: TimeZone) -> Date? {
        guard let start = ISO8601.start(ofDay: day, in: .gmt) else { return nil }
        let wall = start.addingTimeInterval(Double(hour * 3600 + minute * 60))
        let offsets = [-86_400.0, 86_400].map { zone.secondsFromGMT(for: wall.addingTimeInterval($0)) }
        let moments = offsets.map { wall.addingTimeInterval(-Double($0)) }
        let real = zip(moments, offsets).filter { zone.secondsFromGMT(for: $0) == $1 }.map(\.0)
        // None of them: the clocks skip the time, and it comes when they have.
        return real.min() ?? moments.min().map { zone.nextDaylightSavingTimeTransition(after: $0) ?? $0 }
    }
}
