// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct HubSpotBatchTests {
    private let path = "/crm/objects/2026-09/contacts/batch"

    @Test func aBatchWithTracesSucceedsInPart() async throws {
        let bench = HubSpotBench()
        let existing = try await bench.create("contacts", ["email": "a@x.io"])
        let answer = try await bench.call(
            .post,
            "\(path)/create",
            HubSpotBench.inputs([
                HubSpotBench.input(["email": "a@x.io"], trace: "0"),
                HubSpotBench.input(["email": "b@x.io"], trace: "1"),
                HubSpotBench.input(["nonsense": "1"], trace: "2"),
            ])
        )
        #expect(answer.status == 207)
        #expect(answer.body["status"] == "COMPLETE")
        #expect(answer.results.compactMap { $0["objectWriteTraceId"]?.string } == ["1"])
        #expect(answer.body["numErrors"] == 2)
        #expect(answer.errors[0]["category"] == "CONFLICT")
        #expect(answer.errors[0]["message"]?.string == "Contact already exists. Existing ID: \(existing)")
        #expect(answer.errors[0]["context"]?["objectWriteTraceId"] == ["0"])
        #expect(answer.errors[0]["context"]?["existingId"] == [.string(existing)])
    }

    @Test(arguments: [["email": "a@x.io"], ["nonsense": "1"]])
    func withoutTracesOneBadInputFailsAllAndCreatesNothing(bad: [String: String]) async throws {
        let bench = HubSpotBench()
        _ = try await bench.create("contacts", ["email": "a@x.io"])
        let answer = try await bench.call(
            .post,
            "\(path)/create",
            HubSpotBench.inputs([HubSpotBench.input(["email": "b@x.io"]), HubSpotBench.input(bad)])
        )
        #expect(answer.status == (bad["email"] == nil ? 400 : 409))
        #expect(bench.platform.records("contact", in: HubSpotBench.portal).count == 1)
    }

    @Test func twoEqualAddressesInOneBatchAreAConflict() async throws {
        let input = HubSpotBench.input(["email": "a@x.io"])
        let answer = try await HubSpotBench().call(.post, "\(path)/create", HubSpotBench.inputs([input, input]))
        #expect(answer.status == 409)
        #expect(answer.category == "CONFLICT")
    }

    @Test func resultsComeInNoParticularOrder() async throws {
        let inputs = (0..<20).map { HubSpotBench.input(["lastname": "\($0)"], trace: "\($0)") }
        let answer = try await HubSpotBench().call(.post, "\(path)/create", HubSpotBench.inputs(inputs))
        #expect(answer.status == 201)
        let traces = answer.results.compactMap { $0["objectWriteTraceId"]?.string }
        #expect(Set(traces).count == 20)
        #expect(traces != (0..<20).map(String.init))
    }

    @Test(arguments: ["create", "update", "upsert", "read", "archive"])
    func aBatchHoldsAtMostAHundred(operation: String) async throws {
        let inputs = (0..<101).map { number -> JSONValue in
            ["id": .string("\(number)@x.io"), "idProperty": "email", "properties": [:]]
        }
        let answer = try await HubSpotBench().call(.post, "\(path)/\(operation)", HubSpotBench.inputs(inputs))
        #expect(answer.status == 400)
    }

    @Test func anUpsertTellsWhichRecordsAreNew() async throws {
        let bench = HubSpotBench()
        let existing = try await bench.create("contacts", ["email": "a@x.io", "hs_additional_emails": "c@x.io"])
        let answer = try await bench.call(
            .post,
            "\(path)/upsert",
            HubSpotBench.inputs([
                HubSpotBench.upsert("A@x.io", by: "email", ["firstname": "Ada"], trace: "1"),
                HubSpotBench.upsert("b@x.io", by: "email", ["firstname": "Bob"], trace: "2"),
            ])
        )
        #expect(answer.status == 200)
        for result in answer.results {
            let isFirst = result["objectWriteTraceId"] == "1"
            #expect(result["new"]?.bool == !isFirst)
            #expect((result["id"]?.string == existing) == isFirst)
        }
        let again = try await bench.call(
            .post,
            "\(path)/upsert",
            HubSpotBench.inputs([HubSpotBench.upsert("c@x.io", by: "email", ["city": "Rome"])])
        )
        #expect(again.results[0]["id"]?.string == existing)
        #expect(bench.platform.record("contact", existing, in: HubSpotBench.portal)?.properties["email"] == "a@x.io")
    }

    @Test(arguments: [("companies", "domain", "0-2"), ("contacts", "phone", "0-1"), ("products", "hs_sku", "0-7")])
    func anUpsertNeedsAUniqueProperty(type: String, property: String, number: String) async throws {
        let answer = try await HubSpotBench().call(
            .post,
            "/crm/objects/2026-09/\(type)/batch/upsert",
            HubSpotBench.inputs([HubSpotBench.upsert("x", by: property, ["name": "A"])])
        )
        #expect(answer.status == 400)
        #expect(answer.message == "Unable to perform upsert by non-unique \(number) property \(property)")
        #expect(answer.category == nil)
    }

    @Test func anUpsertByKeyIsRefusedIfTheAddressIsAnothers() async throws {
        let bench = HubSpotBench()
        try await bench.createKey(of: "contacts")
        let existing = try await bench.create("contacts", ["email": "a@x.io"])
        let answer = try await bench.call(
            .post,
            "\(path)/upsert",
            HubSpotBench.inputs([
                HubSpotBench.upsert("k1", by: "my_key", ["email": "a@x.io"]),
                HubSpotBench.upsert("k2", by: "my_key", ["email": "b@x.io"]),
            ])
        )
        #expect(answer.status == 409)
        #expect(answer.message.hasSuffix("Existing ID: \(existing)"))
        #expect(bench.platform.records("contact", in: HubSpotBench.portal).count == 1)
    }

    @Test(arguments: ["update", "upsert", "read"])
    func theSameIDTwiceIsRefused(operation: String) async throws {
        let input: JSONValue = ["id": "123456", "idProperty": "email", "properties": [:]]
        let answer = try await HubSpotBench().call(.post, "\(path)/\(operation)", HubSpotBench.inputs([input, input]))
        #expect(answer.status == 400)
        #expect(answer.category == "VALIDATION_ERROR")
        #expect(answer.message == "Duplicate IDs found in batch input: [123456]. IDs must be unique")
        #expect(answer.body["context"]?["ids"] == ["123456"])
    }

    @Test func unknownIDsFailAloneAndBadValuesFailAll() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", [:])
        let unknown = try await bench.call(
            .post,
            "\(path)/update",
            [
                "inputs": [
                    ["id": .string(id), "properties": ["city": "Rome"]], ["id": "9", "properties": ["city": "Rome"]],
                ]
            ]
        )
        #expect(unknown.status == 207)
        #expect(unknown.results.count == 1)
        #expect(unknown.errors[0]["category"] == "OBJECT_NOT_FOUND")
        #expect(unknown.errors[0]["context"]?["ids"] == ["9"])
        let other = try await bench.create("contacts", [:])
        let invalid = try await bench.call(
            .post,
            "\(path)/update",
            [
                "inputs": [
                    ["id": .string(id), "properties": ["city": "Oslo"]],
                    ["id": .string(other), "properties": ["x": "1"]],
                ]
            ]
        )
        #expect(invalid.status == 400)
        #expect(bench.platform.record("contact", id, in: HubSpotBench.portal)?.properties["city"] == "Rome")
    }

    @Test func aBatchReadNamesAllMissingIDsInOneEntry() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", ["email": "a@x.io"])
        let answer = try await bench.call(
            .post,
            "\(path)/read",
            [
                "properties": ["email", "phone"], "idProperty": "email",
                "inputs": [["id": "a@x.io"], ["id": "b@x.io"], ["id": "c@x.io"]],
            ]
        )
        #expect(answer.status == 207)
        #expect(answer.results.compactMap { $0["id"]?.string } == [id])
        #expect(answer.results[0]["properties"]?["phone"] == JSONValue.null)
        #expect(answer.errors.count == 1)
        #expect(answer.errors[0]["context"]?["ids"] == ["b@x.io", "c@x.io"])
    }

    @Test func aBatchArchiveNeedsNoKnownIDs() async throws {
        let bench = HubSpotBench()
        let id = try await bench.create("contacts", [:])
        let answer = try await bench.call(.post, "\(path)/archive", ["inputs": [["id": .string(id)], ["id": "9"]]])
        #expect(answer.status == 204)
        #expect(bench.platform.record("contact", id, in: HubSpotBench.portal)?.isArchived == true)
    }

    @Test func theSameSeedGivesTheSameAnswers() async throws {
        func run(_ seed: UInt64) async throws -> JSONValue {
            let inputs = (0..<9).map { HubSpotBench.input(["lastname": "\($0)"]) }
            return try await HubSpotBench(seed: seed).call(.post, "\(path)/create", HubSpotBench.inputs(inputs)).body
        }
        #expect(try await run(5) == run(5))
        #expect(try await run(5) != run(6))
    }
}
