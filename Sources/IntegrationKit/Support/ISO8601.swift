// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Dates and days as ISO 8601 texts: strict, exact to the millisecond, and the same under every locale.
public enum ISO8601 {
    /// Reads a moment such as `2026-11-20T14:02:10.5+01:00`.
    ///
    /// A space may stand for the `T`, and an offset may be written `Z`, `+01:00`, `+0100` or `+01`. What is finer than
    /// a millisecond is cut off.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - timeZone: The zone of a text that names none; nil: such a text is refused.
    /// - Returns: The moment; nil if the text is not one.
    public static func date(from text: String, assuming timeZone: TimeZone? = nil) -> Date? {
        var scanner = Scanner(text)
        guard let day = scanner.day(), scanner.take(where: { $0 == UInt8(ascii: "T") || $0 == UInt8(ascii: " ") }),
            let hour = scanner.number(2, upTo: 23), scanner.take(UInt8(ascii: ":")),
            let minute = scanner.number(2, upTo: 59), scanner.take(UInt8(ascii: ":")),
            let second = scanner.number(2, upTo: 60)
        else { return nil }
        guard let fraction = scanner.fraction() else { return nil }
        let local = ((day * 24 + hour) * 60 + minute) * 60 + second
        if scanner.isAtEnd {
            guard let timeZone else { return nil }
            return Date(milliseconds: utc(ofLocal: local, in: timeZone) * 1000 + fraction)
        }
        guard let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        return Date(milliseconds: (local - offset) * 1000 + fraction)
    }

    /// Writes a moment in UTC, such as `2026-11-20T13:02:10.5Z` as `2026-11-20T13:02:10.500Z`.
    ///
    /// - Parameters:
    ///   - date: The moment; what lies outside of the years 1 to 9999 is written as their first or last moment.
    ///   - alwaysMilliseconds: Whether whole seconds are written with `.000` too.
    /// - Returns: The text.
    public static func string(from date: Date, alwaysMilliseconds: Bool = false) -> String {
        let milliseconds = min(max(date.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let (seconds, fraction) = floorDivided(milliseconds, by: 1000)
        let (day, second) = floorDivided(seconds, by: 86_400)
        var text = string(ofDay: day)
        text += "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        if alwaysMilliseconds || fraction != 0 { text += ".\(padded(fraction, 3))" }
        return text + "Z"
    }

    /// Tells whether a text is a day of the calendar as `YYYY-MM-DD`.
    ///
    /// - Parameter text: The text.
    /// - Returns: Whether it is a day.
    public static func isDay(_ text: String) -> Bool {
        var scanner = Scanner(text)
        return scanner.day() != nil && scanner.isAtEnd
    }

    /// Returns the day, as `YYYY-MM-DD`, that a moment falls on in a time zone.
    ///
    /// - Parameters:
    ///   - date: The moment.
    ///   - timeZone: The time zone.
    /// - Returns: The day.
    public static func day(of date: Date, in timeZone: TimeZone) -> String {
        let milliseconds = min(max(date.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let local = floorDivided(milliseconds, by: 1000).quotient + Int64(timeZone.secondsFromGMT(for: date))
        return string(ofDay: floorDivided(local, by: 86_400).quotient)
    }

    /// Returns the moment at which a day begins in a time zone.
    ///
    /// - Parameters:
    ///   - day: The day as `YYYY-MM-DD`.
    ///   - timeZone: The time zone.
    /// - Returns: The moment; nil if the text is not a day.
    public static func start(ofDay day: String, in timeZone: TimeZone) -> Date? {
        var scanner = Scanner(day)
        guard let number = scanner.day(), scanner.isAtEnd else { return nil }
        return Date(milliseconds: utc(ofLocal: number * 86_400, in: timeZone) * 1000)
    }

    /// The offset depends on the moment that is sought: a second look settles it around a change of the clocks.
    private static func utc(ofLocal local: Int64, in timeZone: TimeZone) -> Int64 {
        let first = local - Int64(timeZone.secondsFromGMT(for: Date(milliseconds: local * 1000)))
        return local - Int64(timeZone.secondsFromGMT(for: Date(milliseconds: first * 1000)))
    }

    private static func floorDivided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Writes the day that lies so many days after 1970-01-01, counting in eras of 400 years that begin in March.
    private static func string(ofDay number: Int64) -> String {
        let clamped = min(max(number, -719_162), 2_932_896)
        let (era, dayOfEra) = floorDivided(clamped + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * shifted + 2) / 5 + 1, 2))"
    }
}

extension ISO8601 {
    private struct Scanner {
        private var rest: Substring.UTF8View

        init(_ text: String) {
            rest = text[...].utf8
        }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ byte: UInt8) -> Bool {
            take { $0 == byte }
        }

        mutating func take(where fits: (UInt8) -> Bool) -> Bool {
            guard let first = rest.first, fits(first) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ digits: Int, from low: Int64 = 0, upTo high: Int64) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value >= low && value <= high ? value : nil
        }

        /// Reads a day as the number of days since 1970-01-01.
        mutating func day() -> Int64? {
            guard let year = number(4, from: 1, upTo: 9999), take(UInt8(ascii: "-")),
                let month = number(2, from: 1, upTo: 12), take(UInt8(ascii: "-"))
            else { return nil }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length: Int64 = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
            guard let day = number(2, from: 1, upTo: length) else { return nil }
            let shiftedYear = month <= 2 ? year - 1 : year
            let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
            let leapDays = shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400
            return shiftedYear * 365 + leapDays + dayOfYear - 719_468
        }

        /// Reads an optional fraction of a second as whole milliseconds; nil if it has no digits.
        mutating func fraction() -> Int64? {
            guard take(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ",") }) else { return 0 }
            var value: Int64 = 0
            var count = 0
            while let digit = digit() {
                if count < 3 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in min(count, 3)..<3 { value *= 10 }
            return value
        }

        /// Reads an offset in seconds.
        mutating func offset() -> Int64? {
            if take(UInt8(ascii: "Z")) { return 0 }
            let isWest = rest.first == UInt8(ascii: "-")
            guard take(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }),
                let hours = number(2, upTo: 23)
            else { return nil }
            var minutes: Int64 = 0
            if !isAtEnd {
                _ = take(UInt8(ascii: ":"))
                guard let value = number(2, upTo: 59) else { return nil }
                minutes = value
            }
            return (hours * 60 + minutes) * (isWest ? -60 : 60)
        }

        private mutating func digit() -> Int64? {
            guard let byte = rest.first, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            rest.removeFirst()
            return Int64(byte - UInt8(ascii: "0"))
        }
    }
}
