// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct ExportTests {
    @Test(arguments: [
        ("=1+1", "'=1+1"), ("+33 6", "'+33 6"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "\"'\r=1\""), ("＝1", "'＝1"), ("=\"a\"", "\"'=\"\"a\"\"\""), ("a,b", "\"a,b\""), ("é", "é"),
        ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\""), ("1=1", "1=1"), ("", ""),
    ])
    func aCellIsQuotedAndNeverAFormula(cell: String, written: String) {
        let text = ExportFormat.csv.text([[cell, "x"]], columns: ["a", "b"], withHeader: true)
        #expect(String(decoding: text, as: UTF8.self) == "a,b\r\n\(written),x\r\n")
    }

    @Test func jsonLinesKeepWhatACellHolds() throws {
        let text = ExportFormat.jsonLines.text([["=1\n2", ""], ["b", "c"]], columns: ["x", "y"], withHeader: true)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(try JSONValue(text: String(lines[0])) == ["x": "=1\n2"])
        #expect(try JSONValue(text: String(lines[1])) == ["x": "b", "y": "c"])
    }

    @Test(arguments: ExportFormat.allCases)
    func aLongLogIsExportedWholeAndInOrder(format: ExportFormat) async throws {
        let world = try await World.pushing()
        for number in 0..<620 {
            try await world.coordinator.enqueue(
                world.event(.prospectCreated, "e\(number)", of: "p\(number)", ["email": .text("p\(number)@example.fr")])
            )
        }
        try await world.settle()
        var pages = 0
        var text = Data()
        for try await page in try await world.manager.exportLogs(of: world.integration.id, as: format) {
            pages += 1
            text += page
        }
        #expect(pages == 2)
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        #expect(lines.count == 620 + (format == .csv ? 1 : 0))
        for number in [0, 499, 500, 619] {
            #expect(lines.filter { $0.contains("\"e\(number)\"") || $0.contains(",e\(number),") }.count == 1)
        }
        #expect(lines.last?.contains("Mon HubSpot") == true)
    }

    @Test func deadLettersAreExportedWithWhatToDo() async throws {
        let world = try await World.pushing()
        try await world.coordinator.enqueue(
            world.event(.prospectCreated, "e1", of: "p1", ["email": .text("=cmd|' /C calc'!A0")])
        )
        try await world.settle(within: .seconds(3600))
        #expect(try await world.deadLetters().count == 1)
        var text = Data()
        for try await page in try await world.manager.exportDeadLetters(
            of: world.integration.id,
            as: .csv,
            language: "fr"
        ) {
            text += page
        }
        let lines = String(decoding: text, as: UTF8.self).components(separatedBy: "\r\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("id,since,integration,integration_name"))
        #expect(lines[1].contains(",p1,"))
    }
}
