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
        let days = [-1.0, 0, 1, 2].map { ISO8601.day(of: now.addingTimeInterval($0 * 86_400), in: zone) }
        let starts = days.compactMap { day in start(of: day, in: zone).map { (day, $0) } }
        let current = starts.last { $0.1 <= now }?.0 ?? ""
        let next = starts.first { $0.1 > now }?.1 ?? now.addingTimeInterval(86_400)
        return ("\(current) \(hour):\(minute) \(timeZone)", next)
    }

    private func start(of day: String, in zone: TimeZone) -> Date? {
        guard let midnight = ISO8601.start(ofDay: day, in: zone) else { return nil }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        return calendar.nextDate(
            after: midnight.addingTimeInterval(-1),
            matching: DateComponents(hour: hour, minute: minute, second: 0),
            matchingPolicy: .nextTime,
            repeatedTimePolicy: .first
        )
    }
}
