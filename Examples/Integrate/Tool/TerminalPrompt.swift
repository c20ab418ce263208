// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands

/// Asks at the terminal; what is secret is not shown while it is typed.
final class TerminalPrompt: Prompt {
    /// Whether a question is open, and how the terminal was before it; the signals' thread reads it too.
    private let open = NSLock()
    private nonisolated(unsafe) var before: termios?
    private nonisolated(unsafe) var isAsking = false

    func ask(_ question: String) async -> String? {
        answer(to: question, hidden: false)
    }

    func askSecretly(_ question: String) async -> String? {
        answer(to: question, hidden: true)
    }

    /// Puts the terminal back; whether a question was open.
    func restore() -> Bool {
        open.withLock {
            guard unsafe isAsking else { return false }
            if var old = unsafe before {
                unsafe tcsetattr(STDIN_FILENO, TCSANOW, &old)
                FileHandle.standardError.write(Data("\n".utf8))
            }
            unsafe before = nil
            unsafe isAsking = false
            return true
        }
    }

    private func answer(to question: String, hidden: Bool) -> String? {
        FileHandle.standardError.write(Data(question.utf8))
        open.withLock {
            unsafe isAsking = true
            var settings = termios()
            guard hidden, unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
            unsafe before = settings
            settings.c_lflag &= ~tcflag_t(ECHO)
            unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        defer { _ = restore() }
        return readLine()
    }
}
