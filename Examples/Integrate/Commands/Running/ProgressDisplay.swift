// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// How far long work is: a bar on a terminal, now and then a line elsewhere.
struct ProgressDisplay {
    private static let barWidth = 24
    private static let lineEvery = Duration.seconds(10)
    private static let lineEveryRecords = 1000

    private let console: Console
    private let time: TimeSource
    private let drawsBar: Bool
    private let isQuiet: Bool
    private let started: Duration
    private var lastLine: (at: Duration, done: Int)
    private var drawn = 0

    init(_ context: CommandContext) {
        console = context.console
        time = context.surroundings.time
        drawsBar = context.surroundings.drawsBar
        isQuiet = context.arguments.has("quiet")
        started = time.elapsed()
        lastLine = (started, 0)
    }

    /// Shows how far the work is.
    ///
    /// - Parameters:
    ///   - verb: What is being done, such as `sent`.
    ///   - done: How much is done.
    ///   - total: How much there is; nil: nobody knows.
    ///   - note: What it waits for.
    mutating func update(_ verb: String, _ done: Int, of total: Int?, note: String = "") {
        guard !isQuiet else { return }
        let now = time.elapsed()
        if drawsBar {
            draw(text(verb, done, of: total, note, at: now, hasBar: true))
        } else if now - lastLine.at >= Self.lineEvery || done - lastLine.done >= Self.lineEveryRecords {
            lastLine = (now, done)
            console.note(text(verb, done, of: total, note, at: now, hasBar: false))
        }
    }

    /// Takes the bar away.
    mutating func end() {
        guard drawn > 0 else { return }
        draw("")
        console.draw("\r")
        drawn = 0
    }

    private mutating func draw(_ text: String) {
        console.draw("\r" + text.padding(to: drawn))
        drawn = text.count
    }

    private func text(
        _ verb: String,
        _ done: Int,
        of total: Int?,
        _ note: String,
        at now: Duration,
        hasBar: Bool
    ) -> String {
        var text = "\(verb) \(done.grouped)"
        if let total, total > 0 {
            text += " of \(total.grouped), \(100 * done / total) %"
            if hasBar {
                let filled = min(Self.barWidth, Self.barWidth * done / total)
                let bar = String(repeating: "█", count: filled).padding(to: Self.barWidth)
                text = "[\(bar)] " + text
            }
        }
        let seconds = Int((now - started).components.seconds)
        if seconds > 0, done > 0 { text += ", \((done / seconds).grouped)/s" }
        return note.isEmpty ? text : text + " — " + note
    }
}
