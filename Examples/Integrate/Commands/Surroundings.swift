// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// Everything that the tool has around it, so that a test can run it whole.
public struct Surroundings: Sendable {
    /// The environment's variables.
    public var environment: [String: String]
    /// The user's home folder.
    public var home: URL
    /// The folder that relative paths start from.
    public var currentFolder: URL
    /// Writes to standard output.
    public var output: @Sendable (String) -> Void
    /// Writes to standard error.
    public var errors: @Sendable (String) -> Void
    /// Whether standard error is a terminal, on which a bar can be drawn.
    public var drawsBar: Bool
    /// Asks the person at the terminal; nil: there is none.
    public var prompt: (any Prompt)?
    /// The platforms that can be connected.
    public var providers: [any IntegrationProvider]
    /// Sends the requests.
    public var transport: any HTTPTransport
    /// The clocks.
    public var time: TimeSource
    /// The source of randomness.
    public var random: RandomSource
    /// Has an element when the person wants the tool to end.
    public var interrupts: AsyncStream<Void>

    /// Creates surroundings.
    ///
    /// - Parameters:
    ///   - environment: The environment's variables.
    ///   - home: The user's home folder.
    ///   - currentFolder: The folder that relative paths start from.
    ///   - output: Writes to standard output.
    ///   - errors: Writes to standard error.
    ///   - drawsBar: Whether a bar can be drawn.
    ///   - prompt: Asks the person at the terminal.
    ///   - providers: The platforms that can be connected.
    ///   - transport: Sends the requests.
    ///   - time: The clocks.
    ///   - random: The source of randomness.
    ///   - interrupts: Has an element when the person wants the tool to end.
    public init(
        environment: [String: String],
        home: URL,
        currentFolder: URL,
        output: @escaping @Sendable (String) -> Void,
        errors: @escaping @Sendable (String) -> Void,
        drawsBar: Bool = false,
        prompt: (any Prompt)? = nil,
        providers: [any IntegrationProvider],
        transport: any HTTPTransport = URLSessionTransport(),
        time: TimeSource = .system,
        random: RandomSource = .system,
        interrupts: AsyncStream<Void>
    ) {
        self.environment = environment
        self.home = home
        self.currentFolder = currentFolder
        self.output = output
        self.errors = errors
        self.drawsBar = drawsBar
        self.prompt = prompt
        self.providers = providers
        self.transport = transport
        self.time = time
        self.random = random
        self.interrupts = interrupts
    }

    /// The language of the person, as the system's locale names it.
    var language: String {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        return locale.lowercased().hasPrefix("fr") ? "fr" : "en"
    }

    /// The address of a file that was named on the command line.
    func file(_ path: String) -> URL {
        if path == "~" { return home }
        if path.hasPrefix("~/") { return home.appending(path: String(path.dropFirst(2))) }
        return URL(filePath: path, relativeTo: currentFolder).absoluteURL
    }
}

/// Asks a person.
public protocol Prompt: Sendable {
    /// Asks for a line; nil: there is no answer.
    func ask(_ question: String) async -> String?
    /// Asks for a line without showing what is typed; nil: there is no answer.
    func askSecretly(_ question: String) async -> String?
}
