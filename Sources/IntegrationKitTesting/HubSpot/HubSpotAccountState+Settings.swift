// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension HubSpotAccountState {
    /// Answers a call under `account-info`.
    func answerAccountInfo(_ call: HubSpotCall, now: Int64) -> HubSpotReply {
        switch call.rest {
        case ["details"]:
            let offset = HubSpotUsage.offset(of: account.timeZone, at: now)
            var body: JSONObject = [
                "portalId": .integer(account.portalID), "accountType": .string(account.accountType),
                "timeZone": .string(account.timeZone), "companyCurrency": .string(account.currency),
                "additionalCurrencies": .strings(account.additionalCurrencies),
                "utcOffset": .string(HubSpotAccountState.offsetText(offset)), "utcOffsetMilliseconds": .integer(offset),
                "uiDomain": .string(account.uiDomain), "dataHostingLocation": .string(account.dataHostingLocation),
            ]
            if call.version.isStrict {
                body["portalName"] = .string(account.name)
                body["createdAt"] = .integer(account.createdAt)
            }
            return .json(200, .object(body))
        case ["api-usage", "daily", "private-apps"]:
            let offset = HubSpotUsage.offset(of: account.timeZone, at: now)
            let local = now + offset
            let midnight = local - local % HubSpotTime.millisecondsPerDay + HubSpotTime.millisecondsPerDay - offset
            return .json(
                200,
                [
                    "results": [
                        [
                            "name": "private-apps-api-calls-daily", "usageLimit": .integer(account.limits.daily),
                            "currentUsage": .integer(usage.callsToday), "collectedAt": .string(HubSpotTime.text(now)),
                            "fetchStatus": "SUCCESS", "resetsAt": .string(HubSpotTime.text(midnight)),
                        ]
                    ]
                ]
            )
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    /// Answers a call under `owners`.
    func answerOwners(_ call: HubSpotCall) throws -> HubSpotReply {
        guard call.method == .get else { return HubSpotReply(status: 405, body: nil) }
        if let id = call.rest.first {
            let isUser = call.parameter("idProperty") == "userId"
            guard let owner = account.owners.first(where: { String(isUser ? $0.userID : $0.id) == id }) else {
                throw HubSpotRefusal(.notFound)
            }
            return .json(200, ownerBody(owner))
        }
        let limit = call.parameter("limit").map { Int($0) ?? -1 } ?? 100
        guard (1...500).contains(limit) else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "limit must be between 1 and 500"))
        }
        let wantsArchived = call.parameter("archived") == "true"
        let after = call.parameter("after").flatMap { Int64($0) } ?? .min
        let email = call.parameter("email").flatMap { $0.isEmpty ? nil : $0.lowercased() }
        let matching = account.owners.sorted { $0.id < $1.id }.filter {
            $0.isArchived == wantsArchived && $0.id > after && (email == nil || $0.email.lowercased() == email)
        }
        let page = matching.prefix(limit)
        var body: JSONObject = ["results": .array(page.map(ownerBody))]
        if matching.count > page.count, let last = page.last {
            body["paging"] = ["next": HubSpotAccountState.next(after: String(last.id), of: call)]
        }
        return .json(200, .object(body))
    }

    /// Answers a call under `pipelines/{type}`.
    func answerPipelines(_ call: HubSpotCall, type: HubSpotObjectType) throws -> HubSpotReply {
        guard call.method == .get else { return HubSpotReply(status: 405, body: nil) }
        let pipelines = account.pipelines[type.plural] ?? []
        let bodies = pipelines.enumerated().map { place, pipeline in pipelineBody(pipeline, place: place, of: type) }
        switch call.rest.count {
        case 1: return .json(200, ["results": .array(bodies)])
        case 2...3:
            guard let body = bodies.first(where: { $0["id"]?.string == call.rest[1] }) else {
                throw HubSpotRefusal(.notFound)
            }
            return call.rest.count == 2 ? .json(200, body) : .json(200, ["results": body["stages"] ?? []])
        default: return HubSpotReply(status: 404, body: nil)
        }
    }

    private func ownerBody(_ owner: SimulatedHubSpot.Owner) -> JSONValue {
        let moment = JSONValue.string(HubSpotTime.text(account.createdAt))
        var body: JSONObject = [
            "id": .string(String(owner.id)), "email": .string(owner.email), "type": "PERSON",
            "firstName": .string(owner.firstName), "lastName": .string(owner.lastName),
        ]
        if !owner.isArchived { body["userId"] = .integer(owner.userID) }
        body["userIdIncludingInactive"] = .integer(owner.userID)
        body["createdAt"] = moment
        body["updatedAt"] = moment
        body["archived"] = .bool(owner.isArchived)
        return .object(body)
    }

    private func pipelineBody(
        _ pipeline: SimulatedHubSpot.Pipeline,
        place: Int,
        of type: HubSpotObjectType
    ) -> JSONValue {
        let moment = JSONValue.string(HubSpotTime.text(account.createdAt))
        let stages = pipeline.stages.enumerated().map { place, stage -> JSONValue in
            let closed = JSONValue.string(stage.isClosed ? "true" : "false")
            let metadata: JSONObject =
                type == .deal
                ? ["isClosed": closed, "probability": .string(stage.probability)]
                : ["isClosed": closed, "ticketState": .string(stage.isClosed ? "CLOSED" : "OPEN")]
            return [
                "label": .string(stage.label), "displayOrder": .integer(place), "metadata": .object(metadata),
                "id": .string(stage.id), "createdAt": moment, "updatedAt": moment, "archived": false,
                "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            ]
        }
        return [
            "label": .string(pipeline.label), "displayOrder": .integer(place), "id": .string(pipeline.id),
            "createdAt": moment, "updatedAt": moment, "archived": false, "stages": .array(stages),
        ]
    }

    /// An offset from UTC as `-04:00`.
    private static func offsetText(_ offset: Int64) -> String {
        let minutes = abs(offset) / 60_000
        let parts = [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return (offset < 0 ? "-" : "+") + parts.joined(separator: ":")
    }
}
