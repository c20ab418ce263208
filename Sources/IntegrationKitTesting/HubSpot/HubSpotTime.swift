// SPDX-License-Identifier: Apache-2.0

/// Dates as the platform writes and reads them; every moment is in milliseconds since 1970.
enum HubSpotTime {
    static let millisecondsPerDay: Int64 = 86_400_000

    /// The moment as the platform prints it: no fraction if it is a whole second, three digits otherwise.
    static func text(_ moment: Int64) -> String {
        let inDay = floorMod(moment, millisecondsPerDay)
        let seconds = inDay / 1000
        let fraction = inDay % 1000
        let clock = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return "\(day(moment))T\(clock)" + (fraction == 0 ? "Z" : ".\(three(fraction))Z")
    }

    /// The day of a moment in UTC, as `YYYY-MM-DD`.
    static func day(_ moment: Int64) -> String {
        let days = (moment - floorMod(moment, millisecondsPerDay)) / millisecondsPerDay
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let padded = String(year)
        return String(repeating: "0", count: max(0, 4 - padded.count)) + padded + "-\(two(month))-"
            + two(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Reads milliseconds since 1970, `YYYY-MM-DD`, or an ISO 8601 instant with its offset.
    static func parse(_ text: String) -> Int64? {
        if let milliseconds = Int64(text), text.first != "+" { return milliseconds }
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2), scanner.skip("-"),
            let day = scanner.number(2), (1...12).contains(month), (1...daysIn(month, of: year)).contains(day)
        else { return nil }
        let midnight = daysSince1970(year, month, day) * millisecondsPerDay
        if scanner.isAtEnd { return midnight }
        guard scanner.skip("T"), let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2),
            hour < 24, minute < 60
        else { return nil }
        var moment = midnight + (hour * 60 + minute) * 60_000
        if scanner.skip(":") {
            guard let second = scanner.number(2), second < 60 else { return nil }
            moment += second * 1000
            if scanner.skip(".") {
                guard let fraction = scanner.fraction() else { return nil }
                moment += fraction
            }
        }
        if scanner.skip("Z") { return scanner.isAtEnd ? moment : nil }
        let isEast = scanner.skip("+")
        guard isEast || scanner.skip("-"), let offsetHour = scanner.number(2) else { return nil }
        _ = scanner.skip(":")
        guard let offsetMinute = scanner.number(2), scanner.isAtEnd else { return nil }
        let offset = (offsetHour * 60 + offsetMinute) * 60_000
        return moment + (isEast ? -offset : offset)
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func floorMod(_ value: Int64, _ divisor: Int64) -> Int64 {
        let rest = value % divisor
        return rest < 0 ? rest + divisor : rest
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    private static func three(_ value: Int64) -> String { value < 100 ? "0" + two(value) : "\(value)" }
}

/// Reads fixed runs of digits.
private struct DigitScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = Substring(text).utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Character) -> Bool {
        guard let first = rest.first, first == character.asciiValue else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func number(_ digits: Int) -> Int64? {
        let run = rest.prefix(digits)
        guard run.count == digits, run.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return run.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Milliseconds from a fraction of any length.
    mutating func fraction() -> Int64? {
        let run = rest.prefix { (0x30...0x39).contains($0) }
        guard !run.isEmpty else { return nil }
        rest = rest.dropFirst(run.count)
        return (Array(run.prefix(3)) + [0x30, 0x30]).prefix(3).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
