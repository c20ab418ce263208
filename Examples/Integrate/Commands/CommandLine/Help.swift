// SPDX-License-Identifier: Apache-2.0

/// The tool's help, made from the table of commands.
enum Help {
    private static let width = 100

    /// The help of the tool.
    static func tool(_ commands: [Command], groups: [(title: String, names: [String])]) -> String {
        var lines = [
            "integrate connects a shop, CRM or help desk with records of your own, and carries changes both ways.",
            "",
            "USAGE: integrate COMMAND [ARGUMENT…] [--OPTION…]",
        ]
        for group in groups {
            lines += ["", group.title]
            for command in commands where group.names.contains(command.name) {
                lines += row(command.name, command.summary, column: 16)
            }
        }
        lines += [
            "", "FROM NOTHING TO SYNCED",
            "  integrate catalogue                          which platforms there are, and what each asks for",
            "  integrate connect woocommerce --name Shop    asks for address and keys, tests them, stores them sealed",
            "  integrate push events.jsonl                  sends what happened in your world, one JSON object a line",
            "  integrate pull                               brings what changed there into your records",
            "  integrate status                             what is connected, what waits, and why",
            "", "OPTIONS OF ALL COMMANDS",
        ]
        for option in Command.common { lines += row(option.usage, option.help, column: 16) }
        lines += ["", "EXIT CODES"]
        for code in ExitCode.allCases { lines += row(String(code.rawValue), code.words, column: 16) }
        lines += ["", "integrate help COMMAND explains a command, with examples."]
        return lines.joined(separator: "\n")
    }

    /// The help of one command.
    static func command(_ command: Command) -> String {
        var lines = wrapped(command.summary, indent: 0) + [""]
        lines += wrapped("USAGE: " + command.usage, indent: 0, hanging: 7)
        if !command.arguments.isEmpty {
            lines.append("")
            for argument in command.arguments { lines += row(argument.name, argument.help, column: 24) }
        }
        if !command.options.isEmpty {
            lines += ["", "OPTIONS"]
            for option in command.options { lines += row(option.usage, option.help, column: 24) }
        }
        for note in command.notes { lines += [""] + wrapped(note, indent: 0) }
        if !command.examples.isEmpty {
            lines += ["", "EXAMPLES"]
            for example in command.examples {
                lines.append("  " + example.line)
                lines += wrapped(example.words, indent: 6)
            }
        }
        let common = Command.common.map { "--" + $0.name }.joined(separator: " ")
        lines += ["", "All commands take \(common)."]
        return lines.joined(separator: "\n")
    }

    private static func row(_ head: String, _ text: String, column: Int) -> [String] {
        let start = "  " + head.padding(to: column)
        var lines = wrapped(text, indent: column + 3)
        guard head.count <= column else { return ["  " + head] + lines }
        if !lines.isEmpty { lines[0] = start + " " + lines[0].drop { $0 == " " } }
        return lines
    }

    /// Breaks a text into lines.
    static func wrapped(_ text: String, indent: Int, hanging: Int? = nil) -> [String] {
        var lines: [String] = []
        var line = String(repeating: " ", count: indent)
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + word.count + 1 > width {
                lines.append(line)
                line = String(repeating: " ", count: hanging ?? indent)
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        if !isEmpty { lines.append(line) }
        return lines
    }
}

extension String {
    /// The text with spaces up to a width.
    func padding(to width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: Swift.max(0, width - count))
        return left ? space + self : self + space
    }
}
