// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension HubSpotAccountState {
    /// All kinds of association from one type to another, the unlabelled first.
    func definitions(from: HubSpotObjectType, to: HubSpotObjectType) -> [HubSpotAssociationDefinition] {
        let custom = account.associationLabels.flatMap { label -> [HubSpotAssociationDefinition] in
            guard let a = HubSpotObjectType.named(label.from), let b = HubSpotObjectType.named(label.to) else {
                return []
            }
            let kind = HubSpotLinkKind(category: "USER_DEFINED", typeID: label.typeID)
            let reverse = HubSpotLinkKind(category: "USER_DEFINED", typeID: label.reverseTypeID)
            return HubSpotAssociationDefinition.bothWays(a, b, kind, reverse, label.label)
        }
        return (HubSpotAssociationDefinition.standard + custom).filter { $0.from == from.id && $0.to == to.id }
    }

    /// Makes an association in both directions; the records' modified dates stay.
    mutating func associate(_ link: HubSpotLink, from type: HubSpotObjectType, _ id: Int64, turn: HubSpotTurn) {
        guard let other = HubSpotObjectType.named(link.to.type) else { return }
        let from = HubSpotEnd(type: type.id, id: id)
        let known = definitions(from: type, to: other)
        guard let definition = known.first(where: { $0.kind == link.kind }) else { return }
        if definition.label == "Primary" {
            // A record has one primary company: the former one keeps its unlabelled association.
            let owner = type == .company ? link.to : from
            let companyType = HubSpotObjectType.company
            for former in associations.links(from: owner, toType: companyType.id) {
                let kinds = type == .company ? definitions(from: other, to: companyType) : known
                let primary = kinds.filter { $0.label == "Primary" && former.kinds.contains($0.kind) }
                if !primary.isEmpty {
                    _ = associations.remove(primary, from: owner, to: HubSpotEnd(type: companyType.id, id: former.id))
                }
            }
        }
        var isNew = associations.add(definition.kind, reverse: definition.reverse, from: from, to: link.to)
        if definition.label != nil, let plain = known.first(where: { $0.label == nil }) {
            isNew = associations.add(plain.kind, reverse: plain.reverse, from: from, to: link.to) || isNew
        }
        guard isNew else { return }
        note(.associated(with: other.name, id: String(link.to.id)), of: type, id: id, turn: turn)
        signalAssociation(
            from: (type, id),
            to: (other, link.to.id),
            definition: definition,
            isRemoved: false,
            turn: turn
        )
    }

    /// Removes associations between two records; nil removes all.
    mutating func dissociate(
        _ type: HubSpotObjectType,
        _ id: Int64,
        _ other: HubSpotObjectType,
        _ otherID: Int64,
        kinds: [HubSpotLinkKind]?,
        turn: HubSpotTurn
    ) {
        let known = definitions(from: type, to: other)
        let chosen = kinds.map { kinds in known.filter { kinds.contains($0.kind) } }
        let from = HubSpotEnd(type: type.id, id: id)
        let to = HubSpotEnd(type: other.id, id: otherID)
        guard associations.remove(chosen, from: from, to: to), let any = (chosen ?? known).first else { return }
        note(.dissociated(from: other.name, id: String(otherID)), of: type, id: id, turn: turn)
        signalAssociation(from: (type, id), to: (other, otherID), definition: any, isRemoved: true, turn: turn)
    }

    /// Checks the `associations` of a create.
    func checkedLinks(_ entries: [JSONValue], from type: HubSpotObjectType, turn: HubSpotTurn) throws -> [HubSpotLink] {
        if !entries.isEmpty { try refuseIfNotAllowed(turn) }
        return try entries.flatMap { entry -> [HubSpotLink] in
            let kinds = HubSpotAccountState.kinds(in: entry["types"])
            guard let text = entry["to"]?["id"]?.idText, let id = Int64(text), !kinds.isEmpty else {
                throw HubSpotRefusal(
                    .plainError(400, "Invalid input JSON on line 1: some required fields were not set: [to, types]")
                )
            }
            return try kinds.map { kind in
                let candidates = HubSpotObjectType.all.filter { other in
                    definitions(from: type, to: other).contains { $0.kind == kind }
                }
                guard let other = candidates.first else {
                    throw HubSpotRefusal(
                        .error(
                            400,
                            "VALIDATION_ERROR",
                            "The association type \(kind.typeID) is not valid for \(type.name)"
                        )
                    )
                }
                guard isLive(id, of: other) else {
                    throw HubSpotRefusal(
                        .error(400, "VALIDATION_ERROR", "\(other.shoutedName)=\(id) is not valid")
                    )
                }
                return HubSpotLink(to: HubSpotEnd(type: other.id, id: id), kind: kind)
            }
        }
    }

    /// Refuses a writer who may not associate records.
    func refuseIfNotAllowed(_ turn: HubSpotTurn) throws {
        guard turn.mayAssociate || !turn.isStrict else {
            throw HubSpotRefusal(.error(400, "VALIDATION_ERROR", "Missing 'Edit Associations' permission."))
        }
    }

    /// Whether there is such a record, not archived.
    func isLive(_ id: Int64, of type: HubSpotObjectType) -> Bool {
        store(type).records[id].map { $0.archivedAt == nil } ?? false
    }

    /// The live records that one is associated with.
    func liveLinks(from end: HubSpotEnd, to other: HubSpotObjectType) -> [(id: Int64, kinds: [HubSpotLinkKind])] {
        associations.links(from: end, toType: other.id).filter { isLive($0.id, of: other) }
    }

    /// The `associations` of a record's body; nil if none was asked for or there is none.
    func associationsBody(of record: HubSpotRecord, type: HubSpotObjectType, asked: [String]?) throws -> JSONObject? {
        var body: JSONObject = [:]
        for name in asked ?? [] {
            guard let other = HubSpotObjectType.named(name) else {
                throw HubSpotRefusal(.plainError(400, "Unable to infer object type from: \(name)"))
            }
            let known = definitions(from: type, to: other)
            let results = liveLinks(from: HubSpotEnd(type: type.id, id: record.id), to: other).flatMap { link in
                link.kinds.map { kind -> JSONValue in
                    let label = known.first { $0.kind == kind }?.label
                    let hasLabels = known.contains { $0.label == "Primary" }
                    let plain = "\(type.name)_to_\(other.name)"
                    let name =
                        kind.category == "USER_DEFINED"
                        ? label ?? plain : label == nil && hasLabels ? plain + "_unlabeled" : plain
                    return ["id": .string(String(link.id)), "type": .string(name)]
                }
            }
            if !results.isEmpty { body[other.associationsKey] = ["results": .array(results)] }
        }
        return body.count == 0 ? nil : body
    }

    /// Reads `[{associationCategory, associationTypeId}]`.
    static func kinds(in value: JSONValue?) -> [HubSpotLinkKind] {
        (value?.array ?? []).compactMap { entry in
            guard let id = entry["associationTypeId"]?.int64 else { return nil }
            return HubSpotLinkKind(category: entry["associationCategory"]?.string ?? "HUBSPOT_DEFINED", typeID: Int(id))
        }
    }

    /// The `associationTypes` of an association.
    func typesBody(
        _ kinds: [HubSpotLinkKind],
        from type: HubSpotObjectType,
        to other: HubSpotObjectType
    ) -> JSONValue {
        let known = definitions(from: type, to: other)
        return .array(
            kinds.map { kind in
                let label = known.first { $0.kind == kind }?.label
                return [
                    "category": .string(kind.category), "typeId": .integer(kind.typeID),
                    "label": label.map { .string($0) } ?? .null,
                ]
            }
        )
    }

    private mutating func signalAssociation(
        from: (HubSpotObjectType, Int64),
        to: (HubSpotObjectType, Int64),
        definition: HubSpotAssociationDefinition,
        isRemoved: Bool,
        turn: HubSpotTurn
    ) {
        let isPrimary = definition.label == "Primary"
        for (one, other) in [(from, to), (to, from)] {
            let name = "\(one.0.shoutedName)_TO_\(other.0.shoutedName)"
            let kind = HubSpotSignal.Kind.association(
                type: name,
                to: other.1,
                isRemoved: isRemoved,
                isPrimary: isPrimary
            )
            signals.append(
                HubSpotSignal(kind: kind, type: one.0, id: one.1, turn: turn, portalID: account.portalID)
            )
        }
    }
}
