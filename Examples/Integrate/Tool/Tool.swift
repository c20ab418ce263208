// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands
import IntegrationKitProviders

@main
enum Tool {
    static func main() async {
        let prompt = TerminalPrompt()
        let (interrupts, interrupt) = AsyncStream<Void>.makeStream()
        let signals = Signals(prompt: prompt, interrupt: interrupt)
        let environment = ProcessInfo.processInfo.environment
        let home =
            environment["HOME"].flatMap { $0.isEmpty ? nil : URL(filePath: $0, directoryHint: .isDirectory) }
            ?? FileManager.default.homeDirectoryForCurrentUser
        let surroundings = Surroundings(
            environment: environment,
            home: home,
            currentFolder: URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory),
            output: { FileHandle.standardOutput.write(Data($0.utf8)) },
            errors: { FileHandle.standardError.write(Data($0.utf8)) },
            drawsBar: isatty(STDERR_FILENO) == 1,
            prompt: isatty(STDIN_FILENO) == 1 ? prompt : nil,
            providers: [.hubSpot, .wooCommerce],
            interrupts: interrupts
        )
        let code = await IntegrateTool.run(Array(CommandLine.arguments.dropFirst()), in: surroundings)
        signals.end()
        exit(code.rawValue)
    }
}
