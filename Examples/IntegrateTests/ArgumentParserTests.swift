import Foundation
import Testing

// SPDX-License-Identifier: Apache-2.0
@testable import IntegrateCommands

@Suite struct ArgumentParserTests {
    let parser = ArgumentParser(commands: Command.all)

    private func message(_ words: String...) throws -> String {
        try #require(throws: UsageError.self) { try parser.parse(words) }.message
    }

    @Test(arguments: [
        (["pusch", "a"], "unknown command pusch; did you mean push?"),
        (["push", "--untill", "5m"], "unknown option --untill of push; did you mean --until?"),
        (["pull", "--knid", "order"], "unknown option --knid of pull; did you mean --kind?"),
        (["push", "-x"], "unknown option -x of push"),
        (["push", "--until"], "--until needs a value: --until DURATION"),
        (["push", "--until", "--json"], "--until needs a value: --until DURATION"),
        (["push", "--json=yes"], "--json takes no value"),
        (["push", "--until", "1m", "--until", "2m"], "--until is given twice"),
        (["push", "a", "b"], "push does not know what to do with b"),
        (["connect"], "PLATFORM is missing"),
        (["fields", "Shop"], "KIND is missing"),
        ([], "no command is given"),
    ])
    func `a command line that is none is refused in words that help`(words: [String], expected: String) throws {
        let error = try #require(throws: UsageError.self) { try parser.parse(words) }
        #expect(error.message == expected)
    }

    @Test func `options stand anywhere, with their value behind or attached`() throws {
        let parsed = try parser.parse([
            "--store", "a b", "pull", "--kind=order", "Shop", "--kind", "customer", "--json",
        ])
        #expect(parsed.command.name == "pull")
        #expect(parsed.arguments == ["Shop"])
        #expect(parsed.values("kind") == ["order", "customer"])
        #expect(parsed.value("store") == "a b")
        #expect(parsed.has("json"))
    }

    @Test func `what stands behind two dashes is no option, and one dash is standard input`() throws {
        #expect(try parser.parse(["push", "--", "--odd-name"]).arguments == ["--odd-name"])
        #expect(try parser.parse(["push", "-"]).arguments == ["-"])
    }

    @Test func `an error does not repeat a value that may be a secret`() throws {
        #expect(try !message("connect", "hubspot", "--access_token=pat-na1-geheim").contains("geheim"))
    }

    @Test func `the help of every command has its usage, its options and an example that parses`() throws {
        for command in Command.all {
            let help = Help.command(command)
            #expect(help.contains("USAGE: integrate \(command.name)"))
            for option in command.options { #expect(help.contains("--" + option.name)) }
            #expect(!command.examples.isEmpty, "\(command.name)")
            for example in command.examples {
                let line = example.line.split(separator: "|").last.map(String.init) ?? ""
                let words = (line.components(separatedBy: "&&")[0].components(separatedBy: " > ")[0])
                    .split(separator: " ").map(String.init).drop { $0 != "integrate" }.dropFirst()
                #expect(throws: Never.self, "\(example.line)") { try parser.parse(Array(words)) }
            }
        }
    }

    @Test func `the tool's help names every command and every exit code`() {
        let help = Help.tool(Command.all, groups: Command.groups)
        for command in Command.all { #expect(help.contains("  " + command.name.padding(to: 16) + " ")) }
        for code in ExitCode.allCases { #expect(help.contains("  " + String(code.rawValue).padding(to: 16) + " ")) }
        #expect(Command.groups.flatMap(\.names).sorted() == Command.all.map(\.name).sorted())
    }

    @Test(arguments: [("", "abc", 3), ("push", "push", 0), ("psuh", "push", 1), ("kitten", "sitting", 3)])
    func `the distance of two words counts typing errors`(left: String, right: String, expected: Int) {
        #expect(ArgumentParser.distance(left, right) == expected)
    }
}
