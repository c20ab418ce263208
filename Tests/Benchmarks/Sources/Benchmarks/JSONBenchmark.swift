// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// A page of 100 HubSpot contacts, read and written, beside Foundation.
enum JSONBenchmark {
    /// The page as a program with types of its own would declare it.
    private struct Page: Codable {
        struct Record: Codable {
            var id: String
            var properties: [String: String?]
            var createdAt: String
            var updatedAt: String
            var archived: Bool
        }
        struct Paging: Codable {
            struct Next: Codable {
                var after: String
                var link: String
            }
            var next: Next
        }
        var results: [Record]
        var paging: Paging
    }

    static func run(_ meter: Meter) throws {
        let text = page(records: 100)
        let megabytes = Double(text.count) / 1e6
        let value = try JSONValue(parsing: text)
        let decoded = try JSONDecoder().decode(Page.self, from: text)
        precondition(value["results"]?.array?.count == decoded.results.count)
        let again = try JSONValue(parsing: value.data)
        precondition(again == value)
        let object = try JSONSerialization.jsonObject(with: text)
        try meter.compare(
            "parse \(text.count.formatted()) bytes (theirs: JSONDecoder)",
            per: megabytes,
            "MB/s",
            aim: "5x",
            ours: { Meter.consume(try JSONValue(parsing: text)) },
            theirs: { Meter.consume(try JSONDecoder().decode(Page.self, from: text)) }
        )
        try meter.compare(
            "parse (theirs: JSONSerialization)",
            per: megabytes,
            "MB/s",
            ours: { Meter.consume(try JSONValue(parsing: text)) },
            theirs: { Meter.consume(try JSONSerialization.jsonObject(with: text)) }
        )
        try meter.compare(
            "write (theirs: JSONEncoder)",
            per: megabytes,
            "MB/s",
            aim: "5x",
            ours: { Meter.consume(value.data) },
            theirs: { Meter.consume(try JSONEncoder().encode(decoded)) }
        )
        try meter.compare(
            "write (theirs: JSONSerialization)",
            per: megabytes,
            "MB/s",
            ours: { Meter.consume(value.data) },
            theirs: { Meter.consume(try JSONSerialization.data(withJSONObject: object)) }
        )
    }

    /// A page as HubSpot's search answers it.
    private static func page(records: Int) -> Data {
        let results = (0..<records).map { number -> JSONValue in
            [
                "id": .string("\(51_234_567_890 + number)"),
                "properties": [
                    "company": "Établissements \"Dupont\" & fils", "createdate": "2026-01-15T08:30:00.123Z",
                    "email": .string("ada.lovelace.\(number)@example.fr"), "firstname": "Ada",
                    "hs_object_id": .string("\(51_234_567_890 + number)"), "jobtitle": nil,
                    "lastmodifieddate": "2026-11-02T17:45:12.004Z", "lastname": "Lovelace",
                    "lifecyclestage": "lead", "phone": "+33 6 12 34 56 78",
                    "hs_additional_emails": "", "address": "12, rue de la Paix\nBâtiment B",
                ],
                "createdAt": "2026-01-15T08:30:00.123Z",
                "updatedAt": "2026-11-02T17:45:12.004Z",
                "archived": false,
            ]
        }
        let page: JSONValue = [
            "results": .array(results),
            "paging": ["next": ["after": "100", "link": "https://api.hubapi.com/crm/v3/objects/contacts?after=100"]],
        ]
        return page.data
    }
}
