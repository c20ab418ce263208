// SPDX-License-Identifier: Apache-2.0

/// A command of the tool, as data: parsing, help and the words of usage errors all come from here.
struct Command: Sendable {
    /// An argument that is known by its place.
    struct Argument: Sendable {
        var name: String
        var help: String
        var isRequired = true
        var isRepeated = false

        var usage: String {
            let name = isRepeated ? self.name + "…" : self.name
            return isRequired ? name : "[\(name)]"
        }
    }

    /// An option, such as `--kind KIND`.
    struct Option: Sendable {
        var name: String
        /// What its value is called; nil: it has none.
        var value: String?
        var help: String
        var isRepeated = false

        var usage: String { "--" + name + (value.map { " " + $0 } ?? "") }
    }

    /// A line that a person can copy, with what it does.
    struct Example: Sendable {
        var line: String
        var words: String
    }

    var name: String
    var summary: String
    var arguments: [Argument] = []
    var options: [Option] = []
    /// What else a person should know; paragraphs.
    var notes: [String] = []
    var examples: [Example] = []
    var run: @Sendable (CommandContext) async throws -> ExitCode

    /// The options of the command and those that all commands have.
    var allOptions: [Option] { options + Command.common }

    var usage: String {
        (["integrate", name] + arguments.map(\.usage) + options.map { "[\($0.usage)]" }).joined(separator: " ")
    }

    /// The options that every command takes.
    static let common: [Option] = [
        Option(name: "store", value: "DIR", help: "The folder that everything is kept in; ~/.integrate by default."),
        Option(
            name: "records",
            value: "FILE",
            help: "Your own records, a JSON Lines file; records.jsonl in the store's folder by default."
        ),
        Option(name: "tenant", value: "NAME", help: "Whose integrations are meant; “default” by default."),
        Option(name: "json", value: nil, help: "Prints one JSON document instead of text."),
        Option(name: "har", value: "FILE", help: "Writes the traffic to an HTTP archive, secrets redacted."),
        Option(name: "quiet", value: nil, help: "Prints no progress."),
        Option(name: "help", value: nil, help: "Explains the command."),
    ]
}

/// How the tool ends, for scripts.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// All is done.
    case done = 0
    /// It failed, and the message says why.
    case failed = 1
    /// The command line is not one.
    case usage = 2
    /// Some of it was done; the rest was refused, is malformed or waits for a person.
    case partly = 3
    /// Nothing failed, and work is left: the same command goes on with it later.
    case waiting = 4
    /// It was interrupted; the same command goes on.
    case interrupted = 130

    var words: String {
        switch self {
        case .done: "All is done."
        case .failed: "It failed; the message says why and what to do."
        case .usage: "The command line is not valid; nothing was done."
        case .partly: "Partly done: lines are malformed, records were refused, or dead letters wait for you."
        case .waiting: "Work is left that can go on later: run the same command again."
        case .interrupted: "Interrupted; nothing is lost, and the same command goes on."
        }
    }
}

/// A command line that is none: what is wrong, and what was probably meant.
struct UsageError: Error, Sendable {
    var message: String
    /// The command whose help to offer; nil: the tool's own.
    var command: String?
}
