// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Makes interrupts of Ctrl-C and of a request to end.
///
/// The first ends the work cleanly, the second at once: the store is as safe then as after a crash.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    init(prompt: TerminalPrompt, interrupt: AsyncStream<Void>.Continuation) {
        let queue = DispatchQueue(label: "integrate.signals")
        // Read and written on the queue alone.
        nonisolated(unsafe) var count = 0
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                unsafe count += 1
                let isAgain = unsafe count > 1
                // Somebody who is asked something has nothing under way.
                if prompt.restore() || isAgain { exit(130) }
                interrupt.yield()
            }
            source.resume()
            return source
        }
        // A reader that goes away, such as `head`, must not cut off a commit.
        signal(SIGPIPE, SIG_IGN)
    }

    func end() {
        for source in sources { source.cancel() }
    }
}
