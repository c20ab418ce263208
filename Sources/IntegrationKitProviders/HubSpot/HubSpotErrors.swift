import Foundation
// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

/// The body of a HubSpot error, every member of which may be missing.
struct HubSpotFailure: Sendable {
    let category: String?
    let message: String
    let correlationID: String?
    let policy: String?
    let group: String?
    /// The codes of the single errors.
    let codes: [String]
    /// The properties that are named.
    let properties: [String]
    /// The scopes that are missing.
    let scopes: [String]
    /// The ids that the failure is about.
    let ids: [String]
    /// Our own names of the writes that the failure is about.
    let traceIDs: [String]
    /// The records that hold the key already.
    let existingIDs: [String]

    /// Reads a body, or one entry of a batch's errors.
    init(_ json: JSONValue) {
        let errors = json["errors"]?.array ?? []
        let contexts = ([json] + errors).compactMap { $0["context"] }
        func texts(_ key: String) -> [String] {
            contexts.flatMap { $0[key]?.array?.compactMap(\.idText) ?? [] }
        }
        category = json["category"]?.string
        message = json["message"]?.string ?? ""
        correlationID = json["correlationId"]?.string
        policy = json["policyName"]?.string
        group = json["groupName"]?.string
        codes = errors.compactMap { $0["code"]?.string }
        properties = texts("propertyName")
        scopes = texts("requiredGranularScopes") + texts("requiredScopes")
        ids = texts("ids")
        traceIDs = texts("objectWriteTraceId")
        let named = texts("existingId")
        existingIDs = named.isEmpty ? HubSpotFailure.existingID(in: message) : named
    }

    /// Reads an answer's body; an unreadable one tells nothing.
    init(_ response: HTTPResponse) {
        self.init((try? JSONValue(parsing: response.body)) ?? .null)
    }

    /// Whether somebody holds the key already.
    var isConflict: Bool { category == "CONFLICT" || category == "OBJECT_ALREADY_EXISTS" }

    /// Whether the record is not there.
    var isNotFound: Bool { category == "OBJECT_NOT_FOUND" }

    private static func existingID(in message: String) -> [String] {
        guard let mark = message.range(of: "Existing ID: ") else { return [] }
        let digits = message[mark.upperBound...].prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? [] : [String(digits)]
    }
}

extension HubSpotProvider {
    /// Judges an answer by status, then category, then the codes of the single errors.
    public func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError? {
        guard !response.isSuccess else {
            guard response.status != 204, !response.holdsJSON else { return nil }
            return error(
                .invalidAnswer,
                "HubSpot answered \(response.status) without readable JSON.",
                retry: .after(nil),
                mayHaveHappened: request.effect == .write,
                in: response,
                of: HubSpotFailure(.null)
            )
        }
        let body = HubSpotFailure(response)
        switch response.status {
        case 400, 409, 422:
            return refusal(in: response, body)
        case 401, 530:
            return error(
                .reauthorizationRequired,
                "HubSpot does not accept the access token.",
                remedy: LocalizedText(
                    "Enter a valid access token of the HubSpot app.",
                    fr: "Saisissez un jeton d’accès valide de l’application HubSpot."
                ),
                retry: .afterReauthorization,
                concerns: .account,
                in: response,
                of: body
            )
        case 403:
            return forbidden(in: response, body)
        case 404:
            return response.body.isEmpty || response.holdsJSON
                ? error(body.isNotFound ? .gone : .notFound, "HubSpot has no such record.", in: response, of: body)
                : unavailable(in: response, to: request, body)
        case 414:
            return error(
                .refused,
                "The request to HubSpot is too long.",
                retry: .smaller,
                concerns: .kind,
                in: response,
                of: body
            )
        case 423:
            return error(
                .unavailable,
                "HubSpot is busy with other writes of the same records.",
                retry: .after(response.retryAfter ?? .seconds(2)),
                in: response,
                of: body
            )
        case 429:
            return limited(in: response, to: request, body)
        case 477:
            return error(
                .unavailable,
                "The HubSpot account is moving to another data centre.",
                retry: .after(response.retryAfter ?? .seconds(3_600)),
                concerns: .account,
                in: response,
                of: body
            )
        default:
            return unavailable(in: response, to: request, body)
        }
    }

    /// Judges an answer, and knows the account's midnight, when the day's calls start anew.
    func failure(
        in response: HTTPResponse,
        to request: HTTPRequest,
        account: ConnectedAccount,
        now: Date
    ) -> IntegrationError? {
        guard var error = failure(in: response, to: request) else { return nil }
        if error.budget == HubSpotBudget.daily, response.retryAfter == nil {
            error.retry = .after(untilMidnight(in: account.profile.timeZone, from: now))
        }
        return error
    }

    private func refusal(in response: HTTPResponse, _ body: HubSpotFailure) -> IntegrationError {
        if response.status == 409 || body.isConflict {
            return error(
                .conflict,
                "HubSpot has a record with this key already.",
                in: response,
                of: body
            )
        }
        return refusal(body, in: response)
    }

    /// Says what HubSpot found wrong with a record, without repeating its content.
    func refusal(_ body: HubSpotFailure, in response: HTTPResponse) -> IntegrationError {
        let code = body.codes.first ?? body.category ?? "an unnamed reason"
        let named = body.properties.isEmpty ? "" : " (\(body.properties.joined(separator: ", ")))"
        // A property that is missing, read-only or required concerns every record of the kind: the mapping must change.
        let mapping = ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "MISSING_REQUIRED_PROPERTY"]
        let concernsMapping = body.codes.contains { mapping.contains($0) }
        return error(
            .refused,
            "HubSpot refused the record: \(code)\(named).",
            remedy: concernsMapping
                ? LocalizedText(
                    "Map the named properties, or change the rule in HubSpot.",
                    fr: "Associez les propriétés nommées ou modifiez la règle dans HubSpot."
                )
                : LocalizedText(
                    "Correct the value of the named properties.",
                    fr: "Corrigez la valeur des propriétés nommées."
                ),
            retry: concernsMapping ? .afterSetup : .never,
            concerns: concernsMapping ? .kind : .record,
            in: response,
            of: body
        )
    }

    private func forbidden(in response: HTTPResponse, _ body: HubSpotFailure) -> IntegrationError {
        let scopes = body.scopes.isEmpty ? "" : ": \(body.scopes.joined(separator: ", "))"
        return error(
            .forbidden,
            body.category == "BANNED"
                ? "HubSpot has blocked the app." : "HubSpot denies this call\(scopes).",
            remedy: LocalizedText(
                "Give the HubSpot app the missing scopes\(scopes), then test the connection.",
                fr: "Accordez à l’application HubSpot les autorisations manquantes\(scopes), puis testez la connexion."
            ),
            retry: .afterSetup,
            concerns: body.category == "BANNED" ? .account : .kind,
            in: response,
            of: body
        )
    }

    private func limited(in response: HTTPResponse, to request: HTTPRequest, _ body: HubSpotFailure) -> IntegrationError
    {
        let isSearch = request.spend.contains { $0.budget == HubSpotBudget.search }
        let isAssociation = request.spend.contains { $0.budget == HubSpotBudget.associations }
        let budget: String
        let wait: Duration
        switch body.policy {
        case "DAILY":
            (budget, wait) = (HubSpotBudget.daily, .seconds(3_600))
        case "SECONDLY" where isSearch || body.group?.contains("search") == true:
            (budget, wait) = (HubSpotBudget.search, .seconds(1))
        case "SECONDLY":
            (budget, wait) = (HubSpotBudget.burst, .seconds(1))
        default:
            budget = isSearch ? HubSpotBudget.search : isAssociation ? HubSpotBudget.associations : HubSpotBudget.burst
            wait = isSearch ? .seconds(1) : .seconds(10)
        }
        return error(
            .limited,
            "HubSpot's limit \(budget) is used up.",
            retry: .after(response.retryAfter ?? wait),
            concerns: .account,
            budget: budget,
            in: response,
            of: body
        )
    }

    private func unavailable(in response: HTTPResponse, to request: HTTPRequest, _ body: HubSpotFailure)
        -> IntegrationError
    {
        error(
            response.status >= 500 ? .unavailable : .invalidAnswer,
            "HubSpot answered \(response.status).",
            retry: .after(response.retryAfter),
            concerns: .account,
            mayHaveHappened: request.effect == .write,
            in: response,
            of: body
        )
    }

    private func error(
        _ code: IntegrationError.Code,
        _ message: String,
        remedy: LocalizedText = LocalizedText(),
        retry: IntegrationError.RetryAdvice = .never,
        concerns: IntegrationError.Concern = .record,
        mayHaveHappened: Bool = false,
        budget: String? = nil,
        in response: HTTPResponse,
        of body: HubSpotFailure
    ) -> IntegrationError {
        IntegrationError(
            code,
            message,
            remedy: remedy,
            retry: retry,
            concerns: concerns,
            mayHaveHappened: mayHaveHappened,
            budget: budget,
            context: IntegrationError.Context(
                platform: PlatformID.hubSpot.rawValue,
                status: response.status,
                requestID: body.correlationID ?? response.headers["X-HubSpot-Correlation-Id"],
                platformCode: body.policy ?? body.codes.first ?? body.category,
                fields: body.properties
            )
        )
    }

    private func untilMidnight(in zone: String, from now: Date) -> Duration {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(identifier: zone) ?? TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
        let day = calendar.startOfDay(for: now)
        let midnight = calendar.date(byAdding: .day, value: 1, to: day) ?? now.addingTimeInterval(3_600)
        return .seconds(max(1, Int64(midnight.timeIntervalSince(now).rounded(.up))))
    }
}

extension HTTPResponse {
    /// Whether the body looks like JSON; the parser decides where it is read.
    fileprivate var holdsJSON: Bool {
        let first = body.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// How long the platform asks to wait.
    fileprivate var retryAfter: Duration? {
        headers["Retry-After"].flatMap { Int64($0) }.flatMap { $0 >= 0 ? .seconds($0) : nil }
    }
}
