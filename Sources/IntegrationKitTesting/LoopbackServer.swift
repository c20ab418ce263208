// SPDX-License-Identifier: Apache-2.0
public import Foundation
public import IntegrationKit

/// Serves a transport, such as a simulated platform, over HTTP on this machine.
///
/// A program in any language can be pointed at it, a platform's official client library too:
///
/// ```swift
/// let server = LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"))
/// let address = try await server.start()  // http://127.0.0.1:49152
/// defer { server.stop() }
/// ```
///
/// It listens on 127.0.0.1 alone, without TLS. It keeps connections alive and takes bodies with a length or in chunks.
/// If the transport throws, the connection is closed without an answer: a lost answer, as a client sees it.
public final class LoopbackServer: Sendable {
    private struct State {
        var listener: LoopbackSocket?
        var connections: [Int: LoopbackSocket] = [:]
        var answers: [Int: Task<Void, Never>] = [:]
        var nextID = 0
        var isStopped = false
    }

    private let transport: any HTTPTransport
    private let base: URL?
    private let port: UInt16
    private let state = LockBox(State())
    /// Signalled once the listening socket is closed.
    private let isClosed = DispatchSemaphore(value: 0)

    /// Creates a server; it does not listen yet.
    ///
    /// - Parameters:
    ///   - transport: Answers the requests.
    ///   - base: The address that the transport sees in place of the server's own, such as `https://api.hubapi.com`.
    ///   - port: The port to listen on; 0 takes a free one.
    public init(serving transport: any HTTPTransport, rewriting base: URL? = nil, port: UInt16 = 0) {
        self.transport = transport
        self.base = base
        self.port = port
    }

    deinit {
        stop()
    }

    /// Starts to listen; a server starts once.
    ///
    /// - Returns: The address to call, without a path.
    /// - Throws: ``IntegrationError`` if the port is taken or the server was started before.
    public func start() async throws -> URL {
        let listener: LoopbackSocket
        do {
            listener = try LoopbackSocket.listening(port: port)
        } catch {
            throw IntegrationError(
                .conflict,
                "127.0.0.1:\(port) cannot be listened on: \(error.call), \(error.number)."
            )
        }
        let address = "http://127.0.0.1:\(listener.port)"
        let isFirst = state.withLock { state in
            guard state.listener == nil, !state.isStopped else { return false }
            state.listener = listener
            return true
        }
        guard isFirst, let url = URL(string: address) else {
            listener.close()
            throw IntegrationError(.conflict, "The loopback server was started before.")
        }
        let serving = Serving(transport: transport, base: (base ?? url), state: state)
        Thread.detachNewThread { [isClosed] in
            serving.accept(from: listener)
            isClosed.signal()
        }
        return url
    }

    /// Stops listening, closes all connections and cancels the requests that are being answered.
    ///
    /// When it returns, the port is free again.
    public func stop() {
        let (listener, connections, answers) = state.withLock { state in
            defer {
                state.isStopped = true
                state.listener = nil
            }
            return (state.listener, Array(state.connections.values), Array(state.answers.values))
        }
        for answer in answers { answer.cancel() }
        for connection in connections { connection.shutDown() }
        // A connection to itself wakes the accepting thread, on every system, and that thread closes its own socket.
        if let listener, let waking = try? LoopbackSocket.connected(to: listener.port) {
            waking.close()
            isClosed.wait()
        }
    }

    /// What the threads need; they do not keep the server itself alive.
    private struct Serving: Sendable {
        let transport: any HTTPTransport
        let base: URL
        let state: LockBox<State>

        func accept(from listener: LoopbackSocket) {
            defer { listener.close() }
            while let socket = try? listener.accept() {
                let id = state.withLock { state -> Int? in
                    guard !state.isStopped else { return nil }
                    state.nextID += 1
                    state.connections[state.nextID] = socket
                    return state.nextID
                }
                guard let id else {
                    socket.close()
                    return
                }
                Thread.detachNewThread { serve(socket, id: id) }
            }
        }

        private func serve(_ socket: LoopbackSocket, id: Int) {
            defer {
                state.withLock { $0.connections[id] = nil }
                socket.close()
            }
            var reader = HTTPRequestReader(socket: socket, base: base)
            do {
                while let message = try reader.next() {
                    guard let response = answer(message.request, id: id) else { return }
                    try socket.write(
                        message.answer(response)
                    )
                    guard message.keepsAlive else { return }
                }
            } catch is HTTPRequestReader.Malformed {
                try? socket.write(
                    Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
                )
            } catch {
                return  // The client is gone; there is nobody to tell.
            }
        }

        /// Asks the transport from a thread; nil if it threw.
        private func answer(_ request: HTTPRequest, id: Int) -> HTTPResponse? {
            let context = OperationContext(
                platform: PlatformID(rawValue: "loopback"),
                operation: "serve",
                maximumAnswerSize: .max
            )
            let result = LockBox<HTTPResponse?>(nil)
            let done = DispatchSemaphore(value: 0)
            // A thread that blocks on sockets is no task: only an unstructured one can be waited for from here.
            let task = Task { [transport] in
                if let response = try? await transport.send(request, context: context) {
                    result.withLock { $0 = response }
                }
                done.signal()
            }
            let isStopped = state.withLock { state in
                state.answers[id] = task
                return state.isStopped
            }
            if isStopped { task.cancel() }
            done.wait()
            state.withLock { $0.answers[id] = nil }
            return result.withLock { $0 }
        }
    }
}
