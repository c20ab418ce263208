// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The whole simulated platform behind its lock.
struct HubSpotWorld: Sendable {
    var random: SimulationRandom
    let seed: UInt64
    var accounts: [Int64: HubSpotAccountState] = [:]
    var tokens: [String: HubSpotToken] = [:]
    var app = SimulatedHubSpot.App()
    var codes: [String: HubSpotGrant] = [:]
    var refreshTokens: [String: HubSpotGrant] = [:]
    var book = CallBook()
    var events: [HubSpotEvent] = []
    var lastEventID: Int64 = 4_000_000_000

    init(seed: UInt64) {
        self.seed = seed
        random = SimulationRandom(seed: seed)
    }

    /// The world as it is, with other chances.
    func copy(seed: UInt64) -> HubSpotWorld {
        var copy = self
        copy.random = SimulationRandom(seed: seed)
        copy.book.stopFailing()
        copy.book.hook = nil
        return copy
    }

    /// Lends one account to a closure, without copying it, then collects what webhooks could tell.
    mutating func withAccount<Result>(
        _ portalID: Int64,
        _ body: (inout HubSpotAccountState) throws -> Result
    ) throws -> Result {
        guard var account = accounts.removeValue(forKey: portalID) else {
            throw HubSpotRefusal(HubSpotWorld.unauthenticated)
        }
        defer {
            collect(account.signals)
            account.signals.removeAll(keepingCapacity: true)
            accounts[portalID] = account
        }
        return try body(&account)
    }

    /// Keeps a token under a new name.
    mutating func store(_ token: HubSpotToken) -> String {
        let region = accounts[token.portalID]?.account.dataHostingLocation ?? "na1"
        let identifier = random.identifier()
        let name =
            token.kind == .oauth
            ? "C" + (0..<6).map { _ in random.identifier().replacing("-", with: "") }.joined()
            : "pat-\(region)-\(identifier)"
        tokens[name] = token
        return name
    }

    /// Counts a call and decides how it goes wrong, if it does.
    mutating func begin(_ request: HTTPRequest, now: Int64) -> (number: Int, fault: PlatformFault?) {
        let endpoint = HubSpotCall(request)?.endpoint ?? "\(request.method.rawValue) \(request.url.path)"
        return book.begin(request, endpoint: endpoint, now: now, random: &random)
    }

    /// Carries a call out.
    mutating func answer(_ request: HTTPRequest, number: Int, now: Int64) -> HubSpotReply {
        var reply: HubSpotReply
        do {
            reply = try route(request, number: number, now: now)
        } catch let refusal as HubSpotRefusal {
            reply = refusal.reply
        } catch {
            reply = .error(500, "INTERNAL_ERROR", "internal error")
        }
        return reply
    }

    /// Adds what every answer has and turns it into bytes.
    mutating func response(_ reply: HubSpotReply) -> HTTPResponse {
        let correlationID = random.identifier()
        var headers = reply.headers
        headers["X-HubSpot-Correlation-Id"] = correlationID
        if let raw = reply.raw { return HTTPResponse(status: reply.status, headers: headers, body: Data(raw.utf8)) }
        if let written = reply.written {
            headers["Content-Type"] = "application/json;charset=utf-8"
            return HTTPResponse(status: reply.status, headers: headers, body: written)
        }
        guard var body = reply.body else { return HTTPResponse(status: reply.status, headers: headers) }
        if case .object(var members) = body, members["correlationId"] != nil {
            members["correlationId"] = .string(correlationID)
            body = .object(members)
        }
        headers["Content-Type"] = "application/json;charset=utf-8"
        return HTTPResponse(status: reply.status, headers: headers, body: body.data)
    }

    static let unauthenticated = HubSpotReply.error(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details "
            + "at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )

    private mutating func route(_ request: HTTPRequest, number: Int, now: Int64) throws -> HubSpotReply {
        guard request.url.absoluteString.utf8.count <= 8_192 else { return HubSpotReply(status: 414, body: nil) }
        guard let call = HubSpotCall(request) else { return HubSpotReply(status: 404, body: nil) }
        if call.area == "oauth" { return try answerOAuth(call, now: now) }
        let token = try authenticated(call, now: now)
        if call.area == "appinstalls" {
            guard call.method == .delete, call.rest == ["external-install"] else {
                return HubSpotReply(status: 404, body: nil)
            }
            uninstall(token)
            return .noContent
        }
        return try withAccount(token.portalID) { account in
            let limits = try account.spend(call, token: token, now: now)
            var turn = HubSpotTurn(now: now, source: .api(call: number), isStrict: call.version.isStrict)
            turn.appID = token.appID
            turn.mayAssociate = token.mayAssociate
            var reply: HubSpotReply
            do {
                reply = try HubSpotWorld.dispatch(call, to: &account, token: token, turn: turn)
            } catch let refusal as HubSpotRefusal {
                reply = refusal.reply
            }
            reply.headers.fields += limits.fields
            return reply
        }
    }

    private static func dispatch(
        _ call: HubSpotCall,
        to account: inout HubSpotAccountState,
        token: HubSpotToken,
        turn: HubSpotTurn
    ) throws -> HubSpotReply {
        switch call.area {
        case "account-info":
            return account.answerAccountInfo(call, now: turn.now)
        case "owners":
            try require(["crm.objects.owners.read"], of: token)
            return try account.answerOwners(call)
        case "crm-object-schemas":
            try require(["crm.schemas.custom.read"], of: token)
            return .json(200, ["results": []])
        case "objects", "properties", "pipelines", "associations":
            guard let name = call.rest.first else { return HubSpotReply(status: 404, body: nil) }
            guard let type = HubSpotObjectType.named(name) else {
                throw HubSpotRefusal(.plainError(400, "Unable to infer object type from: \(name)"))
            }
            let isReading = call.method == .get || ["read", "search"].contains(call.rest.last)
            switch call.area {
            case "objects":
                try require(isReading ? type.readScopes : type.writeScopes, of: token)
                return try account.answerObjects(call, type: type, turn: turn)
            case "properties":
                let schema = type.schemaScopes.map { $0.replacing(".write", with: ".read") }
                try require(isReading ? schema + type.readScopes : type.schemaScopes, of: token)
                return try account.answerProperties(call, type: type, turn: turn)
            case "pipelines":
                try require(type.readScopes, of: token)
                return try account.answerPipelines(call, type: type)
            default:
                try require(isReading ? type.readScopes : type.writeScopes, of: token)
                return try account.answerAssociations(call, turn: turn)
            }
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    private static func require(_ scopes: [String], of token: HubSpotToken) throws {
        guard scopes.contains(where: { token.scopes.contains($0) }) else {
            throw HubSpotRefusal(
                .error(
                    403,
                    "MISSING_SCOPES",
                    "One or more of the following scopes are required.",
                    context: [
                        "requiredGranularScopes": .strings(scopes),
                        "links": ["https://developers.hubspot.com/scopes"],
                    ]
                )
            )
        }
    }

    private func authenticated(_ call: HubSpotCall, now: Int64) throws -> HubSpotToken {
        guard let header = call.headers["Authorization"], header.lowercased().hasPrefix("bearer ") else {
            throw HubSpotRefusal(HubSpotWorld.unauthenticated)
        }
        let name = header.dropFirst("bearer ".count)
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.~+/=".contains($0)) }), !name.isEmpty
        else { throw HubSpotRefusal(.fault(530)) }
        guard let token = tokens[String(name)] else { throw HubSpotRefusal(HubSpotWorld.unauthenticated) }
        if let expiresAt = token.expiresAt, expiresAt <= now {
            throw HubSpotRefusal(
                .error(
                    401,
                    "EXPIRED_AUTHENTICATION",
                    "The OAuth token used to make this call expired \((now - expiresAt) / 1000) second(s) ago.",
                    context: ["expire time": [.string(HubSpotTime.text(expiresAt))]]
                )
            )
        }
        return token
    }
}
