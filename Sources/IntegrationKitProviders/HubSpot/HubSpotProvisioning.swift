// SPDX-License-Identifier: Apache-2.0
public import IntegrationKit

extension HubSpotProvider: AccountProvisioning {
    /// The fact that an account refused our property on a kind, so that it is not asked for again and again.
    private static func refusedFact(_ kind: RecordKind) -> String { "key.refused.\(kind.rawValue)" }

    /// Finds the kinds that have no unique property for our key.
    public func fetchMissing(in session: ProviderSession) async throws -> ProvisioningPlan {
        let definitions = try await readDefinitions(of: HubSpotObject.all, in: session)
        let facts = session.account.profile.facts
        let steps = HubSpotObject.all.compactMap { object -> ProvisioningPlan.Step? in
            guard let own = definitions[object.kind], own[HubSpotProvider.keyProperty] == nil,
                facts[HubSpotProvider.refusedFact(object.kind)]?.bool != true
            else { return nil }
            return ProvisioningPlan.Step(
                kind: object.kind,
                field: HubSpotProvider.keyProperty,
                reason: LocalizedText(
                    "Lets HubSpot refuse a second copy of a record.",
                    fr: "Permet à HubSpot de refuser une deuxième copie d’une fiche."
                )
            )
        }
        return ProvisioningPlan(steps: steps)
    }

    /// Makes the properties; what exists is done, and what is refused leaves the kind with a weaker promise.
    public func provision(_ plan: ProvisioningPlan, in session: ProviderSession) async throws -> AccountProfile {
        var profile = session.account.profile
        var definitions = try await readDefinitions(of: HubSpotObject.all, in: session)
        for step in plan.steps where definitions[step.kind]?[step.field] == nil {
            let object = try HubSpotObject.of(step.kind)
            // Without the definitions the group is not known, and who may not read them may not add to them.
            guard let group = definitions[step.kind]?[object.leadingProperty]?.group else {
                profile.facts[HubSpotProvider.refusedFact(step.kind)] = true
                continue
            }
            do {
                try await makeProperty(step.field, of: object, in: group, session: session)
                profile.facts[HubSpotProvider.refusedFact(step.kind)] = nil
            } catch let error as IntegrationError where error.isFinalRefusal {
                profile.facts[HubSpotProvider.refusedFact(step.kind)] = true
            }
        }
        if !plan.steps.isEmpty {
            definitions = try await readDefinitions(of: HubSpotObject.all, in: session)
        }
        profile.keySlots = HubSpotProvider.keySlots(given: definitions)
        return profile
    }

    private func makeProperty(
        _ name: FieldName,
        of object: HubSpotObject,
        in group: String,
        session: ProviderSession
    ) async throws {
        let requests = requests(for: session.account)
        let body: JSONValue = [
            "name": .string(name.rawValue),
            "label": "IntegrationKit key",
            "type": "string",
            "fieldType": "text",
            "groupName": .string(group),
            "hasUniqueValue": true,
        ]
        let request = try requests.post(requests.properties(object), body: body, effect: .write)
        do {
            _ = try await read(request, in: session)
        } catch let error as IntegrationError where error.code == .conflict {
            // It exists: made before, or by a call whose answer was lost.
            return
        }
    }

    // MARK: Definitions

    /// What matters of a property's definition here.
    struct Definition: Sendable {
        var group: String
        var isUnique: Bool
    }

    /// Reads the property definitions of kinds; a kind whose definitions may not be read is left out.
    func readDefinitions(of objects: [HubSpotObject], in session: ProviderSession) async throws
        -> [RecordKind: [FieldName: Definition]]
    {
        let requests = requests(for: session.account)
        var all: [RecordKind: [FieldName: Definition]] = [:]
        for object in objects {
            do {
                let request = try requests.get(requests.properties(object), query: [("archived", "false")])
                let answer = try await read(request, in: session)
                var own: [FieldName: Definition] = [:]
                for entry in answer["results"]?.array ?? [] {
                    guard let name = entry["name"]?.string else { continue }
                    own[FieldName(name)] = Definition(
                        group: entry["groupName"]?.string ?? "",
                        isUnique: entry["hasUniqueValue"]?.bool ?? false
                    )
                }
                all[object.kind] = own
            } catch let error as IntegrationError where error.code == .forbidden {
                continue
            }
        }
        return all
    }

    /// Where our key goes, by what the account has: a property that is not unique promises nothing.
    static func keySlots(given definitions: [RecordKind: [FieldName: Definition]]) -> [RecordKind: KeySlot] {
        var slots: [RecordKind: KeySlot] = [:]
        for object in HubSpotObject.all {
            if definitions[object.kind]?[keyProperty]?.isUnique == true {
                slots[object.kind] = KeySlot(field: keyProperty, safety: .keyed(for: nil), settle: settle)
            } else if object.markedBody != nil {
                slots[object.kind] = KeySlot(safety: .marked, settle: settle)
            } else {
                slots[object.kind] = KeySlot(safety: object.kind == .contact ? .found : .uncertain, settle: settle)
            }
        }
        return slots
    }

    /// How long a call may still act after its answer was lost: HubSpot documents nothing, its calls end in seconds.
    private static let settle = Duration.seconds(60)
}

extension IntegrationError {
    /// Whether asking again will not help: no right, or no such call for the kind.
    fileprivate var isFinalRefusal: Bool {
        [.forbidden, .refused, .notFound, .gone].contains(code)
    }
}
