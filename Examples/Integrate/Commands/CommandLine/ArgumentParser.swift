// SPDX-License-Identifier: Apache-2.0

/// A command line that was understood.
struct ParsedArguments: Sendable {
    var command: Command
    var arguments: [String] = []
    var options: [String: [String]] = [:]

    func has(_ option: String) -> Bool { options[option] != nil }

    func value(_ option: String) -> String? { options[option]?.last }

    func values(_ option: String) -> [String] { options[option] ?? [] }

    func argument(_ place: Int) -> String? { place < arguments.count ? arguments[place] : nil }

    /// An error about how the command was called.
    func misuse(_ message: String) -> UsageError { UsageError(message: message, command: command.name) }
}

/// Reads a command line by the table of commands.
struct ArgumentParser: Sendable {
    let commands: [Command]

    /// Returns the command of a name.
    func command(_ name: String) throws -> Command {
        if let command = commands.first(where: { $0.name == name }) { return command }
        let meant = Self.nearest(to: name, among: commands.map(\.name))
        throw UsageError(message: "unknown command \(name)" + Self.suggestion(meant))
    }

    /// Returns the options that stand before the command, and the rest, which the command's name begins.
    static func split(_ words: [String]) -> (leading: [String], rest: ArraySlice<String>) {
        var rest = words[...]
        var leading: [String] = []
        while let word = rest.first, word.hasPrefix("-") {
            rest.removeFirst()
            leading.append(word)
            let name = split(word).name
            if !word.contains("="), Command.common.contains(where: { $0.name == name && $0.value != nil }),
                let value = rest.popFirst()
            {
                leading.append(value)
            }
        }
        return (leading, rest)
    }

    /// Reads the words behind the tool's name; the first that is no option names the command.
    func parse(_ words: [String]) throws -> ParsedArguments {
        var (leading, rest) = Self.split(words)
        guard let name = rest.popFirst() else { throw UsageError(message: "no command is given") }
        var parsed = ParsedArguments(command: try command(name))
        var words = (leading + rest)[...]
        var isLiteral = false
        while let word = words.popFirst() {
            if word == "--", !isLiteral {
                isLiteral = true
            } else if word.hasPrefix("-"), word != "-", !isLiteral {
                try take(word, from: &words, into: &parsed)
            } else {
                parsed.arguments.append(word)
            }
        }
        if !parsed.has("help") { try checkArguments(of: parsed) }
        return parsed
    }

    private func take(_ word: String, from words: inout ArraySlice<String>, into parsed: inout ParsedArguments) throws {
        let (name, attached) = Self.split(word)
        let known = parsed.command.allOptions
        guard word.hasPrefix("--") || name == "help", let option = known.first(where: { $0.name == name }) else {
            let meant = Self.nearest(to: name, among: known.map(\.name)).map { "--" + $0 }
            throw parsed.misuse("unknown option \(Self.shown(word)) of \(parsed.command.name)" + Self.suggestion(meant))
        }
        if parsed.has(name), !option.isRepeated, option.value != nil {
            throw parsed.misuse("--\(name) is given twice")
        }
        guard let placeholder = option.value else {
            guard attached == nil else { throw parsed.misuse("--\(name) takes no value") }
            parsed.options[name, default: []].append("")
            return
        }
        guard let value = attached ?? words.popFirst(), attached != nil || !value.hasPrefix("--") else {
            throw parsed.misuse("--\(name) needs a value: --\(name) \(placeholder)")
        }
        parsed.options[name, default: []].append(value)
    }

    private func checkArguments(of parsed: ParsedArguments) throws {
        let arguments = parsed.command.arguments
        let required = arguments.filter(\.isRequired)
        if parsed.arguments.count < required.count {
            throw parsed.misuse("\(required[parsed.arguments.count].name) is missing")
        }
        if parsed.arguments.count > arguments.count, arguments.last?.isRepeated != true {
            let extra = parsed.arguments[arguments.count]
            throw parsed.misuse("\(parsed.command.name) does not know what to do with \(Self.shown(extra))")
        }
    }

    /// Splits `--name=value`; `-h` is short for `--help`.
    private static func split(_ word: String) -> (name: String, value: String?) {
        if word == "-h" { return ("help", nil) }
        let text = word.drop { $0 == "-" }
        guard let place = text.firstIndex(of: "=") else { return (String(text), nil) }
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }

    /// A word as an error may show it: a value that was attached to an unknown option may be a secret.
    private static func shown(_ word: String) -> String {
        String((word.firstIndex(of: "=").map { word[..<$0] } ?? word[...]).prefix(40))
    }

    private static func suggestion(_ meant: String?) -> String {
        meant.map { "; did you mean \($0)?" } ?? ""
    }

    /// Returns the name that was probably meant; nil if none is near.
    static func nearest(to word: String, among names: [String]) -> String? {
        let ranked = names.map { ($0, distance(word, $0)) }.sorted { $0.1 < $1.1 }
        if let best = ranked.first, best.1 <= max(1, word.count / 3) { return best.0 }
        return word.count >= 3 ? names.first { $0.hasPrefix(word) || word.hasPrefix($0) } : nil
    }

    /// How many letters have to be typed, left out, changed or swapped with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left.lowercased()), Array(right.lowercased()))
        var rows = [Array(0...b.count)]
        for (i, letter) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var cost = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == b[j - 1], other == a[i - 1] { cost = min(cost, rows[i - 1][j - 1] + 1) }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
