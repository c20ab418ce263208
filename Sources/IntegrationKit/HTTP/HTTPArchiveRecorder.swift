// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Records the traffic as an HTTP archive, HAR 1.2, which browsers and many tools open.
///
/// ```swift
/// let recorder = HTTPArchiveRecorder()
/// // … pass it as a middleware, let the thing happen again …
/// try recorder.write(to: folder.appending(path: "support-case.har"))
/// ```
///
/// It stands before the credential is attached, and redacts header fields, query and form values and JSON members whose
/// names speak of secrets nevertheless. Records of the customer's people stay in it: hand it on as carefully as they are.
public final class HTTPArchiveRecorder: HTTPMiddleware {
    private struct State {
        var entries: [JSONValue] = []
        var dropped = 0
    }

    private let maximumEntries: Int
    private let maximumBodySize: Int
    private let time: TimeSource
    private let state = LockBox(State())

    /// Creates a recorder.
    ///
    /// - Parameters:
    ///   - maximumEntries: How many of the newest requests are kept.
    ///   - maximumBodySize: The largest body that is kept, in bytes; a larger one is left out whole.
    ///   - time: The clocks.
    public init(maximumEntries: Int = 1000, maximumBodySize: Int = 256 << 10, time: TimeSource = .system) {
        self.maximumEntries = max(1, maximumEntries)
        self.maximumBodySize = maximumBodySize
        self.time = time
    }

    /// Records a request with its answer or failure.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - context: For whom and under which limits.
    ///   - next: The rest of the pipeline.
    /// - Returns: The answer, unchanged.
    /// - Throws: What `next` throws.
    public func intercept(
        _ request: HTTPRequest,
        context: OperationContext,
        next: HTTPNext
    ) async throws -> HTTPResponse {
        let date = time.now()
        let start = time.elapsed()
        do {
            let response = try await next(request, context)
            record(request, answer(response), operation: context.operation, date: date, since: start)
            return response
        } catch {
            if !neverLeft(error) {
                record(request, noAnswer(error), operation: context.operation, date: date, since: start)
            }
            throw error
        }
    }

    /// Whether the library itself held a request back: it was not sent, so it is no part of the traffic.
    private func neverLeft(_ error: any Error) -> Bool {
        guard let error = error as? IntegrationError, !error.mayHaveHappened, error.context.status == nil else {
            return false
        }
        return [.limited, .tooLate, .addressNotAllowed].contains(error.code)
    }

    /// Returns the archive as JSON.
    public func archive() -> Data {
        let (entries, dropped) = state.withLock { ($0.entries, $0.dropped) }
        var log: JSONObject = [
            "version": "1.2",
            "creator": ["name": "IntegrationKit", "version": "1"],
            "entries": .array(entries),
        ]
        if dropped > 0 { log["comment"] = .string("\(dropped) older entries were dropped.") }
        return JSONValue.object(["log": .object(log)]).data
    }

    /// Writes the archive to a file, at once or not at all.
    ///
    /// - Parameter file: Where to; what is there is replaced.
    /// - Throws: What Foundation throws if the file cannot be written.
    public func write(to file: URL) throws {
        try archive().write(to: file, options: .atomic)
    }

    private func record(
        _ request: HTTPRequest,
        _ response: JSONValue,
        operation: String,
        date: Date,
        since start: Duration
    ) {
        let milliseconds = JSONValue.number(JSONNumber(Int64(((time.elapsed() - start).inSeconds * 1000).rounded())))
        let entry: JSONValue = [
            "startedDateTime": .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
            "time": milliseconds,
            "request": outgoing(request),
            "response": response,
            "cache": [:],
            "timings": ["send": 0, "wait": milliseconds, "receive": 0],
            "comment": .string(operation),
        ]
        state.withLock { state in
            state.entries.append(entry)
            if state.entries.count > maximumEntries {
                state.entries.removeFirst()
                state.dropped += 1
            }
        }
    }

    private func outgoing(_ request: HTTPRequest) -> JSONValue {
        let query = URLComponents(url: request.url, resolvingAgainstBaseURL: false)?.queryItems ?? []
        var object: JSONObject = [
            "method": .string(request.method.rawValue),
            "url": .string(Redaction.url(request.url)),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(request.headers),
            "queryString": .array(
                query.map { item in
                    let value = Redaction.isSecret(item.name, inQuery: true) ? Redaction.placeholder : item.value ?? ""
                    return ["name": .string(item.name), "value": .string(value)]
                }
            ),
            "headersSize": -1,
            "bodySize": .number(JSONNumber(request.body?.count ?? 0)),
        ]
        if let body = request.body {
            let (text, comment) = self.text(of: body, type: request.headers["Content-Type"])
            var post: JSONObject = [
                "mimeType": .string(request.headers["Content-Type"] ?? "application/octet-stream"),
                "text": .string(text ?? ""),
            ]
            if let comment { post["comment"] = .string(comment) }
            object["postData"] = .object(post)
        }
        return .object(object)
    }

    private func answer(_ response: HTTPResponse) -> JSONValue {
        let type = response.headers["Content-Type"]
        let (text, comment) = self.text(of: response.body, type: type)
        var content: JSONObject = [
            "size": .number(JSONNumber(response.body.count)),
            "mimeType": .string(type ?? "application/octet-stream"),
        ]
        if let text { content["text"] = .string(text) }
        if let comment { content["comment"] = .string(comment) }
        let location = response.headers["Location"].flatMap { URL(string: $0) }.map(Redaction.url)
        return [
            "status": .number(JSONNumber(response.status)),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(response.headers),
            "content": .object(content),
            "redirectURL": .string(location ?? ""),
            "headersSize": -1,
            "bodySize": .number(JSONNumber(response.body.count)),
        ]
    }

    private func noAnswer(_ error: any Error) -> JSONValue {
        let what = (error as? IntegrationError)?.description ?? "\(type(of: error))"
        return [
            "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
            "content": ["size": 0, "mimeType": "x-unknown"],
            "redirectURL": "", "headersSize": -1, "bodySize": -1, "comment": .string(what),
        ]
    }

    private func headers(_ headers: HTTPHeaders) -> JSONValue {
        .array(
            headers.fields.map { field in
                var value = field.value
                if Redaction.isSecret(field.name) {
                    value = Redaction.placeholder
                } else if field.name.caseInsensitiveEquals("Location") || field.name.caseInsensitiveEquals("Link") {
                    value = URL(string: value).map(Redaction.url) ?? Redaction.plain(value) ?? Redaction.placeholder
                }
                return ["name": .string(field.name), "value": .string(value)]
            }
        )
    }

    /// What of a body may be shown, and why not more.
    ///
    /// A body is shown whole or not at all.
    private func text(of body: Data, type: String?) -> (String?, comment: String?) {
        guard !body.isEmpty else { return ("", nil) }
        guard body.count <= maximumBodySize else { return (nil, "left out: \(body.count) bytes") }
        let type = type?.lowercased() ?? ""
        if type.contains("json") || body.first == UInt8(ascii: "{") || body.first == UInt8(ascii: "[") {
            guard let value = try? JSONValue(parsing: body) else { return (nil, "left out: not readable as JSON") }
            return (Redaction.json(value).text, nil)
        }
        guard let text = String(data: body, encoding: .utf8) else { return (nil, "left out: not text") }
        if type.contains("x-www-form-urlencoded") { return (Redaction.form(text), nil) }
        guard let plain = Redaction.plain(text) else { return (nil, "left out: it speaks of secrets") }
        return (plain, nil)
    }
}
