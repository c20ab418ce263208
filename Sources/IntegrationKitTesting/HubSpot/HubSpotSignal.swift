// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// Something that a webhook subscription may ask for.
struct HubSpotSignal: Codable, Sendable {
    enum Kind: Hashable, Codable, Sendable {
        case creation
        case deletion
        case restore
        case privacyDeletion
        case propertyChange(String, String)
        case merge(loser: Int64, moved: Int)
        case association(type: String, to: Int64, isRemoved: Bool, isPrimary: Bool)
    }

    var kind: Kind
    var type: HubSpotObjectType
    var id: Int64
    var turn: HubSpotTurn
    var portalID: Int64

    /// The end of the topic's name, such as `propertyChange`.
    var topic: String {
        switch kind {
        case .creation: "creation"
        case .deletion: "deletion"
        case .restore: "restore"
        case .privacyDeletion: "privacyDeletion"
        case .propertyChange: "propertyChange"
        case .merge: "merge"
        case .association: "associationChange"
        }
    }

    /// Whether a subscription asks for this.
    func fits(_ subscription: SimulatedHubSpot.Subscription) -> Bool {
        let parts = subscription.topic.split(separator: ".")
        guard subscription.isActive, parts.count == 2, parts[1] == topic else { return false }
        let isGeneric = parts[0] == "object"
        guard isGeneric ? subscription.objectTypeID == type.id : parts[0] == type.name else { return false }
        if case .propertyChange(let name, _) = kind { return subscription.propertyName == name }
        return true
    }

    /// The event as a delivery carries it.
    func body(eventID: Int64, subscription: SimulatedHubSpot.Subscription, app: Int64, attempt: Int) -> JSONValue {
        var body: JSONObject = [
            "eventId": .integer(eventID), "subscriptionId": .integer(subscription.id), "portalId": .integer(portalID),
            "appId": .integer(app), "occurredAt": .integer(turn.now), "subscriptionType": .string(subscription.topic),
            "attemptNumber": .integer(attempt),
        ]
        if subscription.objectTypeID != nil { body["objectTypeId"] = .string(type.id) }
        switch kind {
        case .creation: setObject(&body, flag: "CREATED")
        case .deletion: setObject(&body, flag: "DELETED")
        case .restore: setObject(&body, flag: "RESTORED")
        case .privacyDeletion: setObject(&body, flag: nil)
        case .propertyChange(let name, let value):
            setObject(&body, flag: nil)
            body["propertyName"] = .string(name)
            body["propertyValue"] = .string(value)
            body["isSensitive"] = false
        case .merge(let loser, let moved):
            setObject(&body, flag: "MERGED")
            body["primaryObjectId"] = .integer(id)
            body["mergedObjectIds"] = [.integer(loser)]
            body["newObjectId"] = .integer(id)
            body["numberOfPropertiesMoved"] = .integer(moved)
        case .association(let type, let to, let isRemoved, let isPrimary):
            body["associationType"] = .string(type)
            body["fromObjectId"] = .integer(id)
            body["toObjectId"] = .integer(to)
            body["associationRemoved"] = .bool(isRemoved)
            body["isPrimaryAssociation"] = .bool(isPrimary)
        }
        body["changeSource"] = .string(turn.appID == nil ? "CRM_UI" : "INTEGRATION")
        body["sourceId"] = .string(turn.appID.map(String.init) ?? "userId:51430432")
        return .object(body)
    }

    private func setObject(_ body: inout JSONObject, flag: String?) {
        body["objectId"] = .integer(id)
        if let flag { body["changeFlag"] = .string(flag) }
    }
}

/// An event that waits for its delivery.
struct HubSpotEvent: Codable, Sendable {
    var signal: HubSpotSignal
    var subscription: SimulatedHubSpot.Subscription
    var eventID: Int64
}
