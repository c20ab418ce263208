// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Times work, and prints ours beside theirs.
struct Meter {
    /// Whether fewer and smaller rounds are run.
    var isQuick = false
    /// Whether a million rows are tried too.
    var isLarge = false
    /// How many rows stores are filled with.
    var sizes: [Int] { [1_000, 10_000] + (isQuick ? [] : [100_000]) + (isLarge ? [1_000_000] : []) }
    /// Where files are written.
    var disk = FileManager.default.temporaryDirectory
    private static let clock = ContinuousClock()

    /// The processor, as the system names it.
    static var machine: String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last ?? "?"
        return "\(ProcessInfo.processInfo.activeProcessorCount) cores of\(model)"
    }

    /// The resident memory of this process, in bytes; 0 where the system does not tell.
    static var memory: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (pages?.dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }

    /// The most memory this process ever had resident, in bytes.
    static var peakMemory: Int { field("VmHWM:", of: "/proc/self/status") * 1024 }

    /// How many bytes this process gave to the system to write.
    static var written: Int { field("wchar:", of: "/proc/self/io") }

    private static func field(_ name: String, of file: String) -> Int {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Works in a new folder of the disk, and removes it.
    func inFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    /// Works in a new folder of the disk, and removes it.
    func inFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    private func makeFolder() throws -> URL {
        let folder = disk.appending(path: "benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Prints the heading of a section.
    func title(_ name: String) {
        print("\n\(pad(name, 58))\(lead("ours", 16))\(lead("theirs", 16))\(lead("ratio", 8))  aim")
    }

    /// Prints a line of the table; rates are per second.
    func line(_ name: String, ours: Double, theirs: Double? = nil, unit: String = "/s", aim: String = "") {
        let ratio = theirs.map { String(format: "%.2fx", ours / $0) } ?? ""
        let other = theirs.map { Meter.text($0, unit) } ?? ""
        print("\(pad(name, 58))\(lead(Meter.text(ours, unit), 16))\(lead(other, 16))\(lead(ratio, 8))  \(aim)")
    }

    /// Prints a line that is no rate.
    func note(_ name: String, _ text: String, aim: String = "") {
        print("\(pad(name, 58))\(lead(text, 40))  \(aim)")
    }

    /// Times two pieces of work in turns, so that a noisy machine hurts both alike, and prints the medians.
    func compare(
        _ name: String,
        per amount: Double,
        _ unit: String,
        aim: String = "",
        ours: () throws -> Void,
        theirs: () throws -> Void
    ) throws {
        let (oursTimes, theirTimes) = (try Meter.repetitions(of: ours), try Meter.repetitions(of: theirs))
        var (mine, other): ([Double], [Double]) = ([], [])
        for _ in 0..<(isQuick ? 5 : 15) {
            mine.append(amount * Double(oursTimes) / (try Meter.seconds { for _ in 0..<oursTimes { try ours() } }))
            other.append(amount * Double(theirTimes) / (try Meter.seconds { for _ in 0..<theirTimes { try theirs() } }))
        }
        line(name, ours: Meter.median(mine), theirs: Meter.median(other), unit: unit, aim: aim)
    }

    /// How often work must be repeated to take 20 milliseconds.
    private static func repetitions(of work: () throws -> Void) throws -> Int {
        var count = 1
        while try seconds({ for _ in 0..<count { try work() } }) < 0.02 { count *= 2 }
        return count
    }

    /// Times a piece of work.
    static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = clock.now
        try work()
        return (clock.now - start) / .seconds(1)
    }

    /// Times a piece of asynchronous work.
    static func seconds(_ work: () async throws -> Void) async rethrows -> Double {
        let start = clock.now
        try await work()
        return (clock.now - start) / .seconds(1)
    }

    /// The middle one of some values.
    static func median(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : values.sorted()[values.count / 2]
    }

    /// Keeps the optimizer from leaving a result out.
    @inline(never) static func consume(_ value: some Any) {}

    private static func text(_ value: Double, _ unit: String) -> String {
        value >= 100 ? "\(Int(value).formatted()) \(unit)" : String(format: "%.2f %@", value, unit)
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func lead(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}

/// Counts things by name.
actor Tally {
    private var counts: [String: Int] = [:]

    /// Counts some more.
    func add(_ count: Int, to name: String) {
        counts[name, default: 0] += count
    }

    /// Returns the counts and starts anew.
    func take() -> [String: Int] {
        defer { counts = [:] }
        return counts
    }
}
