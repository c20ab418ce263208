// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@testable import IntegrateCommands

@Suite struct FileFormatTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func read(_ text: String, tenant: String = "default") throws -> [DomainEvent.Line] {
        var lines = try EventLines(try folder.write(text, to: "events.jsonl"), tenant: tenant)
        var result: [DomainEvent.Line] = []
        while let line = try lines.next() { result.append(line) }
        return result
    }

    private func ids(_ lines: [DomainEvent.Line]) -> [String] {
        lines.compactMap { try? $0.result.get().id }
    }

    private let one = #"{"event": "prospect.created", "id": "evt-1", "record": "p-1"}"#

    @Test(arguments: ["", "\u{FEFF}"], ["\n", "\r\n"])
    func `lines are read with their numbers, whatever ends them`(mark: String, end: String) throws {
        let text = mark + [one, "", "no event", one.replacing("evt-1", with: "evt-2")].joined(separator: end)
        let lines = try read(text)
        #expect(lines.map(\.number) == [1, 3, 4])
        #expect(ids(lines) == ["evt-1", "evt-2"])
    }

    @Test func `lines that span pieces of the file are read whole`() throws {
        let long = String(repeating: "ë", count: 200_000)
        let text = (1...6).map { number in
            #"{"event": "prospect.created", "id": "evt-\#(number)", "record": "p", "fields": {"note": "\#(long)"}}"#
        }.joined(separator: "\n")
        let lines = try read(text)
        #expect(ids(lines) == (1...6).map { "evt-\($0)" })
        #expect(try lines[5].result.get().fields["note"] == .text(long))
    }

    @Test func `an event takes the tenant of the run, and one of another tenant is refused`() throws {
        let lines = try read(one + "\n" + one.replacing(#""id""#, with: #""tenant": "t-2", "id""#), tenant: "t-1")
        #expect(try lines[0].result.get().record.tenant == "t-1")
        let error = #expect(throws: IntegrationError.self) { try lines[1].result.get() }
        #expect(error?.remedy.text(in: "en").contains("--tenant t-2") == true)
    }

    @Test func `a stored request is read with the exact bytes of its body`() throws {
        let body = Data("{\"a\":\"é\"}\n\n".utf8)
        let head =
            "POST /hooks/1?x=%20y HTTP/1.1\r\nHost: hooks.example\r\nX-A:  b \r\nContent-Length: \(body.count)\r\n\r\n"
        let request = try RawRequest.read(Data(head.utf8) + body + Data("\n".utf8), publicURL: nil)
        #expect(request.method == .post)
        #expect(request.url.absoluteString == "https://hooks.example/hooks/1?x=%20y")
        #expect(request.headers["x-a"] == "b")
        #expect(request.body == body)
    }

    @Test(arguments: [
        "", "POST\r\n\r\n", "POST / HTTP/1.1\r\nHost: a", "POST / HTTP/1.1\r\n: b\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
    ])
    func `a file that is no stored request is refused`(text: String) {
        let error = #expect(throws: IntegrationError.self) {
            try RawRequest.read(Data(text.utf8), publicURL: nil)
        }
        #expect(error?.code == .invalidInput)
    }
}
