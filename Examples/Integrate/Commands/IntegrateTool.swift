// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// The command-line tool as a function: arguments and surroundings in, an exit code out.
public enum IntegrateTool {
    private enum Ending: Sendable {
        case ended(ExitCode)
        case interrupted
        case noInterrupt
    }

    /// Runs a command line to its end.
    ///
    /// - Parameters:
    ///   - arguments: The words behind the tool's name.
    ///   - surroundings: Everything around the tool.
    /// - Returns: How it ended.
    public static func run(_ arguments: [String], in surroundings: Surroundings) async -> ExitCode {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask { .ended(await perform(arguments, in: surroundings)) }
            group.addTask {
                for await _ in surroundings.interrupts { return .interrupted }
                return .noInterrupt
            }
            var code = ExitCode.failed
            for await ending in group {
                switch ending {
                case .ended(let result):
                    code = result
                    group.cancelAll()
                case .interrupted: group.cancelAll()
                case .noInterrupt: break
                }
            }
            return code
        }
    }

    private static func perform(_ arguments: [String], in surroundings: Surroundings) async -> ExitCode {
        let console = Console(surroundings, isJSON: arguments.contains("--json"))
        do {
            return try await dispatch(arguments, surroundings, console)
        } catch let error as UsageError {
            let hint = error.command.map { "integrate help \($0)" } ?? "integrate --help"
            console.complain("\(error.message)\n\(hint) explains it.", code: "usage")
            return .usage
        } catch is CancellationError {
            console.complain("Interrupted; nothing is lost.", code: "interrupted")
            return .interrupted
        } catch {
            console.fail(error)
            return .failed
        }
    }

    private static func dispatch(
        _ arguments: [String],
        _ surroundings: Surroundings,
        _ console: Console
    ) async throws -> ExitCode {
        let parser = ArgumentParser(commands: Command.all)
        let words = ArgumentParser.split(arguments).rest
        if words.first == "help", let name = words.dropFirst().first {
            console.print(Help.command(try parser.command(name)))
            return .done
        }
        if words.first == "help" || words.isEmpty && arguments.contains(where: { ["--help", "-h"].contains($0) }) {
            console.print(Help.tool(Command.all, groups: Command.groups))
            return .done
        }
        let parsed = try parser.parse(arguments)
        if parsed.has("help") {
            console.print(Help.command(parsed.command))
            return .done
        }
        return try await parsed.command.run(CommandContext(parsed, surroundings, console))
    }
}
