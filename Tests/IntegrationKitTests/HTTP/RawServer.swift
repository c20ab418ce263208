// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// A server that says exactly what a script says, byte for byte, and may misbehave as it likes.
final class RawServer: Sendable {
    /// One connection, used by its script alone.
    final class Connection: Sendable {
        let socket: LoopbackSocket
        /// Which connection of the server it is, from 0.
        let number: Int
        private let requests: LockBox<[String]>

        init(socket: LoopbackSocket, number: Int, requests: LockBox<[String]>) {
            self.socket = socket
            self.number = number
            self.requests = requests
        }

        /// Reads one request whole, its body too; empty if the client closed.
        @discardableResult
        func readRequest() throws -> String {
            var text = ""
            while true {
                if let end = text.range(of: "\r\n\r\n") {
                    let head = text[..<end.lowerBound].lowercased()
                    let length =
                        head.components(separatedBy: "content-length: ").dropFirst().first
                        .flatMap { Int($0.prefix(while: \.isNumber)) } ?? 0
                    if text[end.upperBound...].utf8.count >= length { break }
                }
                let bytes = try socket.read()
                if bytes.isEmpty { return "" }
                text += String(decoding: bytes, as: UTF8.self)
            }
            requests.withLock { $0.append(text) }
            return text
        }

        func send(_ text: String) throws {
            try socket.write(Array(text.utf8))
        }

        /// Waits until the client closes.
        func readToEnd() throws {
            while try !socket.read().isEmpty {}
        }
    }

    let url: URL
    let port: UInt16
    private let listener: LoopbackSocket
    private let received = LockBox<[String]>([])
    private let accepted = LockBox<[LoopbackSocket]>([])
    private let isStopped = LockBox(false)

    /// All requests that were read, in order.
    var requests: [String] { received.withLock { $0 } }
    var connectionCount: Int { accepted.withLock { $0.count } }

    /// Listens; the script runs on a thread of its own for each connection, which is closed when it ends.
    init(_ script: @escaping @Sendable (Connection) throws -> Void) throws {
        listener = try LoopbackSocket.listening()
        port = listener.port
        guard let url = URL(string: "http://127.0.0.1:\(port)") else { throw CancellationError() }
        self.url = url
        Thread.detachNewThread { [listener, received, accepted, isStopped] in
            defer { listener.close() }
            while let socket = try? listener.accept() {
                guard !isStopped.withLock({ $0 }) else {
                    socket.close()
                    return
                }
                let number = accepted.withLock { sockets in
                    sockets.append(socket)
                    return sockets.count - 1
                }
                Thread.detachNewThread {
                    try? script(Connection(socket: socket, number: number, requests: received))
                    socket.close()
                }
            }
        }
    }

    deinit {
        // The accepting thread closes its own socket: closed here, its number could stand for another server's by then.
        isStopped.withLock { $0 = true }
        let port = port
        Thread.detachNewThread { (try? LoopbackSocket.connected(to: port))?.close() }
    }
}

/// Opens once; whoever waits goes on then.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = LockBox(State())

    func open() {
        let waiting = state.withLock { state in
            defer { state = State(isOpen: true) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

extension OperationContext {
    static func test(timeout: Duration = .seconds(20), limit: Int = 1 << 20) -> OperationContext {
        OperationContext(
            platform: PlatformID(rawValue: "test"),
            integration: "i-1",
            operation: "test",
            timeout: timeout,
            maximumAnswerSize: limit
        )
    }
}
