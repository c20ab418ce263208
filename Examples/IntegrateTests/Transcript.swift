// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands

/// Collects what is written from any thread.
final class Transcript: Sendable {
    private let lock = NSLock()
    private nonisolated(unsafe) var written = ""

    var text: String { lock.withLock { unsafe written } }

    func append(_ text: String) {
        lock.withLock { unsafe written += text }
    }
}

/// Does something once, whoever comes first.
final class Once: Sendable {
    private let lock = NSLock()
    private nonisolated(unsafe) var count = 0
    private let place: Int

    /// - Parameter place: Which call is the one, from 1.
    init(at place: Int = 1) {
        self.place = place
    }

    /// Whether this call is the one.
    func isIt() -> Bool {
        lock.withLock {
            unsafe count += 1
            return unsafe count == place
        }
    }
}

/// A person with prepared answers.
actor ScriptedPrompt: Prompt {
    private var answers: [String]
    private(set) var questions: [String] = []
    private(set) var secretQuestions: [String] = []

    init(_ answers: [String]) {
        self.answers = answers
    }

    func ask(_ question: String) -> String? {
        questions.append(question)
        return answers.isEmpty ? nil : answers.removeFirst()
    }

    func askSecretly(_ question: String) -> String? {
        secretQuestions.append(question)
        return answers.isEmpty ? nil : answers.removeFirst()
    }
}
