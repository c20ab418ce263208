// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Dates as HTTP writes them, read without a formatter: no locale, calendar or time zone of the machine takes part.
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` and the two obsolete forms that a recipient must understand.
    static func date(_ text: String) -> Date? {
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
        switch words.count {
        case 6 where words[5] == "GMT":
            guard let year = number(words[3]), words[3].count == 2 || words[3].count == 4 else { return nil }
            let century = words[3].count == 4 ? 0 : year < 70 ? 2000 : 1900
            return date(year: year + century, month: words[2], day: words[1], time: words[4])
        case 5:
            guard words[4].count == 4, let year = number(words[4]) else { return nil }
            return date(year: year, month: words[1], day: words[2], time: words[3])
        default:
            return nil
        }
    }

    /// Writes a date in the one form that a sender may use.
    package static func text(_ date: Date) -> String {
        let seconds = Int(date.timeIntervalSince1970.rounded(.down))
        let days = Int((Double(seconds) / 86400).rounded(.down))
        let time = seconds - days * 86400
        let (year, month, day) = civil(days)
        let weekday = weekdays[((days % 7) + 7) % 7]
        return "\(weekday), \(pad(day)) \(months[month - 1]) \(pad(year, to: 4)) "
            + "\(pad(time / 3600)):\(pad(time / 60 % 60)):\(pad(time % 60)) GMT"
    }

    private static func date(year: Int, month: Substring, day: Substring, time: Substring) -> Date? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).map(number)
        guard let month = months.firstIndex(of: String(month)), let day = number(day), clock.count == 3,
            let hour = clock[0], let minute = clock[1], let second = clock[2],
            (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        let days = daysSince1970(year: year, month: month + 1, day: day)
        guard civil(days) == (year, month + 1, day) else { return nil }
        return Date(timeIntervalSince1970: Double(days * 86400 + hour * 3600 + minute * 60 + second))
    }

    private static func number(_ text: Substring) -> Int? {
        (1...4).contains(text.count) && text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
    }

    private static func pad(_ number: Int, to width: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Days of the proleptic Gregorian calendar, counted in years that begin in March.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719468
        let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension HTTPResponse {
    /// The platform's clock when it wrote the answer: its `Date` field.
    public var date: Date? { headers["Date"].flatMap(HTTPDate.date) }

    /// How long the platform asks to wait, from `Retry-After` in either of its forms.
    ///
    /// A date is measured from the answer's own `Date` field, so that it holds whatever our clock shows; without one it
    /// says nothing.
    public var retryAfter: Duration? {
        guard let text = headers["Retry-After"]?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Double(text), seconds.isFinite, seconds >= 0, seconds < 1e9 { return .seconds(seconds) }
        guard let until = HTTPDate.date(text), let date else { return nil }
        return max(.zero, until.duration(since: date))
    }
}
