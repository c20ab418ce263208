// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A blocking TCP socket on 127.0.0.1, for servers in tests.
///
/// Whoever blocks on one does so on a thread of its own, never on a thread of Swift's pool.
package struct LoopbackSocket: Sendable {
    /// What a system call refused.
    package struct Failure: Error {
        /// The call's name.
        package let call: String
        /// The system's error number.
        package let number: Int32
    }

    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    private static func open() throws(Failure) -> LoopbackSocket {
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", number: errno) }
        return LoopbackSocket(descriptor: descriptor)
    }

    /// Opens a socket that accepts connections.
    ///
    /// - Parameters:
    ///   - port: The port; 0 takes a free one.
    ///   - backlog: How many connections may wait to be accepted.
    /// - Returns: The socket.
    /// - Throws: What the system refused.
    package static func listening(port: UInt16 = 0, backlog: Int32 = 128) throws(Failure) -> LoopbackSocket {
        let socket = try open()
        socket.setOption(SO_REUSEADDR)
        var address = loopbackAddress(port: port)
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(socket.descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0 else { throw socket.closed(after: "bind") }
        guard listen(socket.descriptor, backlog) == 0 else { throw socket.closed(after: "listen") }
        return socket
    }

    /// Connects to a port of this machine.
    package static func connected(to port: UInt16) throws(Failure) -> LoopbackSocket {
        let socket = try open()
        socket.prepare()
        var address = loopbackAddress(port: port)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(socket.descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw socket.closed(after: "connect") }
        return socket
    }

    /// The port that this socket is bound to.
    package var port: UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Waits for the next connection.
    package func accept() throws(Failure) -> LoopbackSocket {
        while true {
            let accepted = Foundation.accept(descriptor, nil, nil)
            if accepted >= 0 {
                let socket = LoopbackSocket(descriptor: accepted)
                socket.prepare()
                return socket
            }
            guard errno == EINTR || errno == ECONNABORTED else { throw Failure(call: "accept", number: errno) }
        }
    }

    /// Waits for bytes; none mean that the other side closed.
    ///
    /// - Parameter count: How many bytes at the most.
    /// - Returns: The bytes that came, or none at the end.
    /// - Throws: What the system refused.
    package func read(upTo count: Int = 65536) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        while true {
            let read = unsafe recv(descriptor, &bytes, count, 0)
            if read >= 0 { return Array(bytes.prefix(read)) }
            guard errno == EINTR else { throw Failure(call: "recv", number: errno) }
        }
    }

    /// Writes all bytes.
    package func write(_ bytes: [UInt8]) throws(Failure) {
        #if os(Linux)
            let flags = Int32(MSG_NOSIGNAL)
        #else
            let flags: Int32 = 0
        #endif
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, flags) }
            if sent >= 0 {
                rest = rest.dropFirst(sent)
            } else if errno != EINTR {
                throw Failure(call: "send", number: errno)
            }
        }
    }

    /// Ends the connection in both directions; whoever reads from it wakes up.
    ///
    /// The socket stays to be closed.
    package func shutDown() {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Closes the socket such that the other side sees a reset instead of an orderly end.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_LINGER,
            &option,
            socklen_t(MemoryLayout<linger>.size)
        )
        close()
    }

    /// Closes the socket.
    ///
    /// Only its owner does, once: the system gives the number away again.
    package func close() {
        _ = Foundation.close(descriptor)
    }

    private func closed(after call: String) -> Failure {
        let failure = Failure(call: call, number: errno)
        close()
        return failure
    }

    private func prepare() {
        #if !os(Linux)
            setOption(SO_NOSIGPIPE)
        #endif
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private func setOption(_ name: Int32) {
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, name, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func loopbackAddress(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
