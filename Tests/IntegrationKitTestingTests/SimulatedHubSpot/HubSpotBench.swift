// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// One simulated account with a token, and calls that return what came back.
struct HubSpotBench {
    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: JSONValue

        var category: String? { body["category"]?.string }
        var message: String { body["message"]?.string ?? "" }
        var results: [JSONValue] { body["results"]?.array ?? [] }
        var errors: [JSONValue] { body["errors"]?.array ?? [] }
        var id: String { body["id"]?.string ?? "" }
    }

    static let portal: Int64 = 147_893_286
    let clock = ManualClock()
    let platform: SimulatedHubSpot
    let token: String

    init(
        seed: UInt64 = 1,
        limits: SimulatedHubSpot.Limits = .none,
        configure: (inout SimulatedHubSpot.Account) -> Void = { _ in }
    ) {
        platform = SimulatedHubSpot(seed: seed, time: clock.timeSource)
        var account = SimulatedHubSpot.Account(portalID: HubSpotBench.portal)
        account.limits = limits
        configure(&account)
        platform.addAccount(account)
        token = platform.issueToken(for: HubSpotBench.portal)
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: Data?,
        token: String? = nil,
        type: String = "application/json"
    ) async throws -> HTTPResponse {
        let url = try #require(URL(string: "https://api.hubapi.com" + path))
        let headers: HTTPHeaders = ["Authorization": "Bearer \(token ?? self.token)", "Content-Type": type]
        return try await platform.send(
            HTTPRequest(method, url, headers: headers, body: body),
            context: OperationContext(platform: "hubspot", operation: "test")
        )
    }

    func call(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONValue? = nil,
        token: String? = nil
    ) async throws -> Answer {
        let response = try await send(method, path, body?.data, token: token)
        return Answer(
            status: response.status,
            headers: response.headers,
            body: response.body.isEmpty ? .null : try JSONValue(parsing: response.body)
        )
    }

    /// Creates a record through the API and returns its id.
    func create(_ type: String, _ properties: [String: String]) async throws -> String {
        let answer = try await call(.post, "/crm/objects/2026-09/\(type)", HubSpotBench.input(properties))
        try #require(answer.status == 201, "\(answer.message)")
        return answer.id
    }

    static func input(_ properties: [String: String], trace: String? = nil) -> JSONValue {
        var input: JSONObject = ["properties": .object(JSONObject(properties.mapValues { .string($0) }))]
        if let trace { input["objectWriteTraceId"] = .string(trace) }
        return .object(input)
    }

    static func inputs(_ inputs: [JSONValue]) -> JSONValue { ["inputs": .array(inputs)] }

    static func upsert(_ id: String, by property: String, _ properties: [String: String], trace: String? = nil)
        -> JSONValue
    {
        var input = HubSpotBench.input(properties, trace: trace).object ?? [:]
        input["id"] = .string(id)
        input["idProperty"] = .string(property)
        return .object(input)
    }

    /// Defines a property with unique values, as a connection's setup does.
    func createKey(of type: String, named name: String = "my_key") async throws {
        let answer = try await call(
            .post,
            "/crm/properties/2026-09/\(type)",
            [
                "name": .string(name), "label": "Key", "type": "string", "fieldType": "text",
                "groupName": "contactinformation", "hasUniqueValue": true,
            ]
        )
        try #require(answer.status == 201)
    }
}
