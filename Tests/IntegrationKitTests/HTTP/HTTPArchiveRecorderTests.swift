// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

struct HTTPArchiveRecorderTests {
    func record(
        _ request: HTTPRequest,
        _ response: HTTPResponse,
        with recorder: HTTPArchiveRecorder
    ) async throws -> JSONValue {
        _ = try await recorder.intercept(request, context: .test()) { _, _ in response }
        let archive = try JSONValue(parsing: recorder.archive())
        return try #require(archive["log"]?["entries"]?.array?.last)
    }

    func header(_ headers: JSONValue?, _ name: String) -> String? {
        headers?.array?.first { $0["name"]?.string == name }?["value"]?.string
    }

    @Test func `an entry has all that HAR 1.2 requires`() async throws {
        let recorder = HTTPArchiveRecorder(time: ManualTime().source)
        let url = try #require(URL(string: "https://api.example.com/a?limit=10&after=%C3%A9"))
        let request = HTTPRequest(
            .post,
            url,
            headers: ["Content-Type": "application/json"],
            body: Data(#"{"id":9007199254740993}"#.utf8)
        )
        let entry = try await record(
            request,
            HTTPResponse(status: 201, headers: ["Content-Type": "text/plain"], body: Data("été".utf8)),
            with: recorder
        )
        let log = try JSONValue(parsing: recorder.archive())["log"]
        #expect(log?["version"]?.string == "1.2")
        #expect(log?["creator"]?["name"]?.string == "IntegrationKit")
        #expect(log?["creator"]?["version"]?.string != nil)
        #expect(entry["startedDateTime"]?.string == "2023-11-14T22:13:20.000Z")
        for key in ["time", "request", "response", "cache", "timings"] { #expect(entry[key] != nil) }
        for key in ["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"] {
            #expect(entry["request"]?[key] != nil)
        }
        for key in [
            "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize",
            "bodySize",
        ] { #expect(entry["response"]?[key] != nil) }
        for key in ["send", "wait", "receive"] { #expect(entry["timings"]?[key]?.int64 != nil) }
        #expect(entry["request"]?["queryString"]?[1]?["value"]?.string == "é")
        #expect(entry["request"]?["postData"]?["mimeType"]?.string == "application/json")
        #expect(entry["request"]?["postData"]?["text"]?.string == #"{"id":9007199254740993}"#)
        #expect(entry["response"]?["status"]?.int64 == 201)
        #expect(entry["response"]?["content"]?["text"]?.string == "été")
        #expect(entry["response"]?["content"]?["size"]?.int64 == 5)
    }

    @Test func `a request that the library held back is in no archive, one that found no connection is`() async throws {
        let recorder = HTTPArchiveRecorder()
        let request = HTTPRequest(.get, try #require(URL(string: "https://api.example.com/a")))
        for code in [IntegrationError.Code.limited, .tooLate, .network] {
            await #expect(throws: IntegrationError.self) {
                try await recorder.intercept(request, context: .test()) { _, _ in
                    throw IntegrationError(code, "\(code.rawValue)")
                }
            }
        }
        let entries = try JSONValue(parsing: recorder.archive())["log"]?["entries"]?.array
        #expect(entries?.map { $0["response"]?["comment"]?.string } == ["network: network"])
    }

    @Test func `no secret is in an archive`() async throws {
        let recorder = HTTPArchiveRecorder()
        let address =
            "https://me:s3cr3t@api.example.com/oauth/v1/access-tokens/s3cr3t?hapikey=s3cr3t&consumer_secret=s3cr3t"
            + "&oauth_signature=s3cr3t&code=s3cr3t&limit=10#s3cr3t"
        let url = try #require(URL(string: address))
        let form = HTTPRequest(
            .post,
            url,
            headers: [
                "Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer s3cr3t",
                "X-Shopify-Access-Token": "s3cr3t", "X-HubSpot-Signature-v3": "s3cr3t", "Cookie": "a=s3cr3t",
            ],
            body: Data("grant_type=refresh_token&refresh_token=s3cr3t&client%5Fsecret=s3cr3t&code=s3cr3t".utf8)
        )
        let answer = HTTPResponse(
            status: 302,
            headers: [
                "Set-Cookie": "a=s3cr3t", "Location": "https://x.example/?code=s3cr3t",
                "Content-Type": "application/json",
            ],
            body: Data(#"{"a":[{"accessToken":"s3cr3t","hub_secret":{"x":"s3cr3t"},"code":"kept","n":1.10}]}"#.utf8)
        )
        let entry = try await record(form, answer, with: recorder)
        #expect(!String(decoding: recorder.archive(), as: UTF8.self).contains("s3cr3t"))
        #expect(entry["request"]?["url"]?.string?.contains("limit=10") == true)
        #expect(entry["request"]?["postData"]?["text"]?.string?.hasPrefix("grant_type=refresh_token&") == true)
        #expect(header(entry["request"]?["headers"], "Authorization") == "REDACTED")
        let body = try JSONValue(text: #require(entry["response"]?["content"]?["text"]?.string))
        #expect(body["a"]?[0]?["accessToken"]?.string == "REDACTED")
        #expect(body["a"]?[0]?["code"]?.string == "kept")
        #expect(body["a"]?[0]?["n"]?.number?.text == "1.10")
    }

    @Test(arguments: [
        ("application/json", #"{"access_token":"s3cr3t""#), ("text/html", "<p>access_token=s3cr3t</p>"),
        ("application/json", #"{"a":""# + String(repeating: "s3cr3t", count: 1000) + #""}"#),
    ])
    func `a body that cannot be redacted, or is too large, is left out whole`(type: String, body: String) async throws {
        let recorder = HTTPArchiveRecorder(maximumBodySize: 1000)
        let url = try #require(URL(string: "https://api.example.com/"))
        let response = HTTPResponse(status: 200, headers: ["Content-Type": type], body: Data(body.utf8))
        let entry = try await record(HTTPRequest(.get, url), response, with: recorder)
        #expect(entry["response"]?["content"]?["text"] == nil)
        #expect(entry["response"]?["content"]?["comment"]?.string != nil)
        #expect(!String(decoding: recorder.archive(), as: UTF8.self).contains("s3cr3t"))
    }

    @Test func `the newest requests are kept, a failure among them`() async throws {
        let recorder = HTTPArchiveRecorder(maximumEntries: 2)
        for index in 0..<3 {
            let url = try #require(URL(string: "https://api.example.com/\(index)"))
            await #expect(throws: IntegrationError.self) {
                try await recorder.intercept(HTTPRequest(.get, url), context: .test()) { _, _ in
                    throw IntegrationError(.network, "cut")
                }
            }
        }
        let log = try JSONValue(parsing: recorder.archive())["log"]
        #expect(log?["entries"]?.array?.compactMap { $0["request"]?["url"]?.string?.last } == ["1", "2"])
        #expect(log?["entries"]?[0]?["response"]?["status"]?.int64 == 0)
        #expect(log?["entries"]?[0]?["response"]?["comment"]?.string?.contains("cut") == true)
    }

    @Test func `an archive is written to a file`() async throws {
        let recorder = HTTPArchiveRecorder()
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).har")
        defer { try? FileManager.default.removeItem(at: file) }
        try recorder.write(to: file)
        #expect(try Data(contentsOf: file) == recorder.archive())
    }
}
