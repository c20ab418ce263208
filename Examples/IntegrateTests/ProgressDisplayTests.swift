// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@testable import IntegrateCommands

@Suite struct ProgressDisplayTests {
    private let errors = Transcript()
    private let clock = ShiftedClock()

    private func progress(drawsBar: Bool, _ words: String...) throws -> ProgressDisplay {
        let errors = errors
        let surroundings = Surroundings(
            environment: [:],
            home: URL(filePath: "/"),
            currentFolder: URL(filePath: "/"),
            output: { _ in },
            errors: { errors.append($0) },
            drawsBar: drawsBar,
            providers: [],
            time: clock.timeSource,
            interrupts: AsyncStream { $0.finish() }
        )
        let parsed = try ArgumentParser(commands: Command.all).parse(["push"] + words)
        return ProgressDisplay(CommandContext(parsed, surroundings, Console(surroundings, isJSON: false)))
    }

    @Test func `a terminal has one bar, which is taken away at the end`() throws {
        var progress = try progress(drawsBar: true)
        progress.update("sent", 1, of: 4)
        progress.update("sent", 2, of: 4, note: "waits")
        #expect(errors.text.contains("[████████████            ] sent 2 of 4, 50 %"))
        #expect(errors.text.contains("— waits"))
        #expect(!errors.text.contains("\n"))
        progress.end()
        #expect(errors.text.hasSuffix(" \r"))
    }

    @Test func `elsewhere there is a line every ten seconds or every thousand records`() throws {
        var progress = try progress(drawsBar: false)
        progress.update("sent", 10, of: 5000)
        #expect(errors.text.isEmpty)
        progress.update("sent", 1200, of: 5000)
        progress.update("sent", 1300, of: 5000)
        #expect(errors.text == "sent 1,200 of 5,000, 24 %\n")
        clock.shift(by: .seconds(10))
        progress.update("sent", 1300, of: 5000)
        #expect(errors.text.hasSuffix("sent 1,300 of 5,000, 26 %, 130/s\n"))
    }

    @Test func `a quiet run shows none`() throws {
        var progress = try progress(drawsBar: true, "--quiet")
        progress.update("sent", 5000, of: 5000)
        #expect(errors.text.isEmpty)
    }
}
