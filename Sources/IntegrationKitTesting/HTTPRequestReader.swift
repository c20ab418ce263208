// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// Reads HTTP/1.1 requests, one after the other, from a connection.
struct HTTPRequestReader {
    /// The client does not speak HTTP/1.1, or says more than is bounded here.
    struct Malformed: Error {}

    /// A request with what its answer must look like.
    struct Message {
        var request: HTTPRequest
        var keepsAlive: Bool

        /// The bytes of an answer.
        func answer(_ response: HTTPResponse) -> [UInt8] {
            var head = "HTTP/1.1 \(response.status) \(Self.reason(response.status))\r\n"
            let own = ["content-length", "transfer-encoding", "connection", "keep-alive", "content-encoding"]
            for field in response.headers.fields where !own.contains(field.name.lowercased()) {
                head += "\(field.name): \(field.value)\r\n"
            }
            let hasBody = response.status >= 200 && response.status != 204 && response.status != 304
            if hasBody { head += "Content-Length: \(response.body.count)\r\n" }
            head += keepsAlive ? "\r\n" : "Connection: close\r\n\r\n"
            return Array(head.utf8) + (hasBody && request.method != .head ? [UInt8](response.body) : [])
        }

        private static func reason(_ status: Int) -> String {
            switch status {
            case 200: "OK"
            case 201: "Created"
            case 202: "Accepted"
            case 204: "No Content"
            case 400: "Bad Request"
            case 401: "Unauthorized"
            case 403: "Forbidden"
            case 404: "Not Found"
            case 409: "Conflict"
            case 422: "Unprocessable Entity"
            case 429: "Too Many Requests"
            case 500: "Internal Server Error"
            case 502: "Bad Gateway"
            case 503: "Service Unavailable"
            case 504: "Gateway Timeout"
            default: "Status"
            }
        }
    }

    private static let maximumHead = 64 << 10
    private static let maximumBody = 64 << 20
    private let socket: LoopbackSocket
    private let base: URL
    private var buffer: [UInt8] = []

    init(socket: LoopbackSocket, base: URL) {
        self.socket = socket
        self.base = base
    }

    /// Waits for the next request; nil if the client closed between two.
    mutating func next() throws -> Message? {
        guard var line = try readLine(orEnd: true) else { return nil }
        if line.isEmpty { line = try readLine() }
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].hasPrefix("HTTP/1."), let url = url(target: String(parts[1])) else {
            throw Malformed()
        }
        var headers = HTTPHeaders()
        var size = line.utf8.count
        while true {
            let line = try readLine()
            if line.isEmpty { break }
            size += line.utf8.count
            guard size <= Self.maximumHead, let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                throw Malformed()
            }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers.fields.append(HTTPHeaders.Field(String(line[..<colon]), value))
        }
        let connection = (headers["Connection"] ?? "").lowercased()
        let keepsAlive = parts[2] == "HTTP/1.0" ? connection == "keep-alive" : connection != "close"
        let body = try readBody(headers)
        for name in ["Host", "Connection", "Content-Length", "Transfer-Encoding", "Expect"] { headers[name] = nil }
        let method = HTTPMethod(rawValue: String(parts[0]))
        return Message(request: HTTPRequest(method, url, headers: headers, body: body), keepsAlive: keepsAlive)
    }

    /// The address that a request line's target means, under the given base.
    private func url(target: String) -> URL? {
        var path = target
        if !target.hasPrefix("/") {
            guard let scheme = target.range(of: "://") else { return nil }
            let rest = target[scheme.upperBound...]
            path = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
        }
        let text = base.absoluteString
        return URL(string: (text.hasSuffix("/") ? String(text.dropLast()) : text) + path)
    }

    private mutating func readBody(_ headers: HTTPHeaders) throws -> Data? {
        let isChunked = headers["Transfer-Encoding"]?.lowercased().contains("chunked") ?? false
        let length = try headers["Content-Length"].map { text in
            guard let length = Int(text), (0...Self.maximumBody).contains(length) else { throw Malformed() }
            return length
        }
        guard isChunked || length != nil else { return nil }
        if headers["Expect"]?.lowercased() == "100-continue", buffer.isEmpty {
            try socket.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        guard isChunked else { return Data(try read(length ?? 0)) }
        var body = Data()
        while true {
            let size = try readLine().split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
            guard let count = Int(size, radix: 16), count >= 0, count <= Self.maximumBody - body.count else {
                throw Malformed()
            }
            guard count > 0 else { break }
            body.append(contentsOf: try read(count))
            guard try readLine().isEmpty else { throw Malformed() }
        }
        while try !readLine().isEmpty {}
        return body
    }

    private mutating func read(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    private mutating func readLine() throws -> String {
        guard let line = try readLine(orEnd: false) else { throw Malformed() }
        return line
    }

    private mutating func readLine(orEnd mayEnd: Bool) throws -> String? {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 10) {
                var line = buffer[..<end]
                if line.last == 13 { line.removeLast() }
                let text = String(decoding: line, as: UTF8.self)
                buffer.removeFirst(end + 1)
                return text
            }
            searched = buffer.count
            guard searched <= Self.maximumHead else { throw Malformed() }
            let bytes = try socket.read()
            if bytes.isEmpty {
                guard mayEnd, buffer.isEmpty else { throw Malformed() }
                return nil
            }
            buffer += bytes
        }
    }

    private mutating func fill() throws {
        let bytes = try socket.read()
        guard !bytes.isEmpty else { throw Malformed() }
        buffer += bytes
    }
}
