// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// All that IntegrationKit needs to know of Meadow CRM.
///
/// A provider knows and does not decide: it keeps no state, waits for nothing and repeats nothing.
struct MeadowProvider: IntegrationProvider {
    /// The address of the API.
    static let address: URL = {
        guard let url = URL(string: "https://api.meadow.example/v1") else { preconditionFailure("This is an address.") }
        return url
    }()

    // MARK: Requests

    /// Meadow's word for a kind.
    static func collection(of kind: RecordKind) -> String { kind == .note ? "notes" : "people" }

    /// Makes a request; it names what it spends, so that the engine can wait for it.
    func request(
        _ method: HTTPMethod,
        _ path: String,
        query: [URLQueryItem] = [],
        body: JSONValue? = nil,
        effect: HTTPRequest.Effect = .read,
        for account: ConnectedAccount
    ) -> HTTPRequest {
        var url = account.profile.baseURL.appending(path: path)
        if !query.isEmpty { url.append(queryItems: query) }
        return HTTPRequest(method, url, body: body?.data, effect: effect, spend: [Spend("calls")])
    }

    /// Signs a request: Meadow takes the API key as a bearer token.
    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) throws {
        request.headers["Authorization"] = try credential.require("api_key").withExposedValue { "Bearer \($0)" }
    }

    /// Sends a request that only reads.
    func read(_ request: HTTPRequest, in session: ProviderSession) async throws -> JSONValue {
        let response = try await session.send(request)
        if let error = failure(in: response, to: request) { throw error }
        return try JSONValue(parsing: response.body)
    }

    // MARK: Answers

    /// Judges an answer.
    ///
    /// What is no answer of Meadow's own says nothing about the effect of a write.
    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        let body = try? JSONValue(parsing: response.body)
        var error: IntegrationError
        switch response.status {
        case 200..<300:
            guard body == nil else { return nil }
            error = IntegrationError(.invalidAnswer, "Meadow's answer is not JSON.", retry: .after(nil))
            error.mayHaveHappened = request.effect == .write
        case 401:
            error = IntegrationError(
                .reauthorizationRequired,
                "Meadow does not accept the API key.",
                remedy: LocalizedText("Enter a valid API key.", fr: "Saisissez une clé d’API valide."),
                retry: .afterReauthorization
            )
        case 429:
            error = IntegrationError(.limited, "Meadow is called too often.", retry: .after(response.retryAfter))
            error.budget = "calls"
        case 400..<500:
            error = IntegrationError(.refused, "Meadow refuses the call.")
        default:
            error = IntegrationError(.unavailable, "Meadow cannot answer now.", retry: .after(response.retryAfter))
            error.mayHaveHappened = request.effect == .write
        }
        error.concerns = .account
        error.context.status = response.status
        error.context.platformCode = body?["code"]?.string
        return error
    }

    /// Meadow takes 100 calls in ten seconds from each account.
    func budgets(of account: ConnectedAccount) -> [Budget] {
        [Budget(id: "calls", scope: .account, rule: .window(100, per: .seconds(10)))]
    }

    /// Meadow tells in each answer how many calls are left.
    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading] {
        guard let left = response.headers["Meadow-Calls-Left"].flatMap({ Int($0) }) else { return [] }
        return [BudgetReading("calls", remaining: left)]
    }

    // MARK: Account

    /// Asks Meadow whose key it is.
    ///
    /// Both kinds have a field for our key, and by it a record is never made twice.
    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport {
        let answer = try await read(request(.get, "account", for: session.account), in: session)
        guard let id = answer["id"]?.idText else {
            throw IntegrationError(.invalidAnswer, "Meadow names no account.", retry: .after(nil), concerns: .account)
        }
        var profile = AccountProfile(baseURL: session.account.profile.baseURL)
        profile.timeZone = answer["time_zone"]?.string ?? profile.timeZone
        for kind in descriptor.kinds {
            profile.keySlots[kind.kind] = KeySlot(field: "key", safety: kind.safety, settle: .seconds(30))
        }
        return ConnectionReport(
            key: AccountKey(platform: .meadow, value: id),
            name: answer["name"]?.string ?? id,
            profile: profile,
            access: [.contact: .write, .note: .write]
        )
    }

    // MARK: Values

    /// Writes a value as Meadow does; it knows texts alone.
    func json(_ value: FieldValue, of name: FieldName) throws -> JSONValue {
        switch value {
        case .empty: return .null
        case .text(let text): return .string(text)
        case .number(let number): return .string(number.description)
        case .day(let day): return .string(day)
        case .instant(let date): return .string(ISO8601.string(from: date))
        default:
            throw IntegrationError(
                .refused,
                "Meadow has no form for the values of \(name.rawValue).",
                remedy: LocalizedText("Change the mapping.", fr: "Modifiez l’association."),
                context: IntegrationError.Context(fields: [name.rawValue])
            )
        }
    }

    /// Reads a record: a field that Meadow does not tell stays away, and null is empty.
    func record(_ json: JSONValue, of kind: RecordKind) -> RemoteRecord? {
        guard let id = json["id"]?.idText else { return nil }
        let changed = json["changed"]?.string
        var record = RemoteRecord(id: RemoteID(kind, id), version: changed, externalKey: json["key"]?.string)
        record.modifiedAt = changed.flatMap { ISO8601.date(from: $0) }
        for member in json["values"]?.object?.members ?? [] {
            record.fields[FieldName(member.key)] = member.value.string.map { .text($0) } ?? .empty
        }
        if let person = json["person"]?.idText {
            record.relations = [Relation(.contact, .remote(RemoteID(.contact, person)))]
        }
        return record
    }
}
