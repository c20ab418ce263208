// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension HubSpotAccountState {
    /// Creates a record from checked values.
    mutating func insert(
        _ write: HubSpotWrite,
        of type: HubSpotObjectType,
        links: [HubSpotLink],
        turn: HubSpotTurn
    ) -> HubSpotRecord {
        let id = makeID()
        var values = write.values.filter { !$0.value.isEmpty }
        if type == .contact, values["lifecyclestage"] == nil { values["lifecyclestage"] = "lead" }
        if type == .ticket, values["hs_pipeline"] == nil { values["hs_pipeline"] = "0" }
        values["hs_object_source"] = turn.appID == nil ? "CRM_UI" : "INTEGRATION"
        if let appID = turn.appID { values["hs_object_source_id"] = String(appID) }
        derive(&values, of: type)
        let record = HubSpotRecord(id: id, createdAt: turn.now, updatedAt: turn.now, values: values)
        save(record, of: type, now: turn.now)
        note(.created, of: type, id: id, values: values, turn: turn)
        signal(.creation, of: type, id: id, turn: turn)
        for name in write.values.keys.sorted() where values[name] != nil {
            signal(.propertyChange(name, values[name] ?? ""), of: type, id: id, turn: turn)
        }
        for link in links { associate(link, from: type, id, turn: turn) }
        return record
    }

    /// Changes a record by checked values.
    mutating func change(
        _ former: HubSpotRecord,
        by write: HubSpotWrite,
        of type: HubSpotObjectType,
        turn: HubSpotTurn
    ) -> HubSpotRecord {
        var record = former
        for (name, value) in write.values { record.values[name] = value.isEmpty ? nil : value }
        derive(&record.values, of: type)
        record.updatedAt = max(turn.now, former.updatedAt)
        save(record, of: type, now: turn.now)
        note(.updated, of: type, id: record.id, values: write.values, turn: turn)
        for name in write.values.keys.sorted() where former.values[name] != record.values[name] {
            signal(.propertyChange(name, record.values[name] ?? ""), of: type, id: record.id, turn: turn)
        }
        return record
    }

    /// Archives a record; one that is archived or unknown stays as it is.
    mutating func archive(_ id: Int64, of type: HubSpotObjectType, turn: HubSpotTurn) {
        guard var record = store(type).records[id], record.archivedAt == nil else { return }
        record.archivedAt = turn.now
        save(record, of: type, now: turn.now)
        note(.archived, of: type, id: id, turn: turn)
        signal(.deletion, of: type, id: id, turn: turn)
    }

    /// Brings an archived record back.
    mutating func restore(_ former: HubSpotRecord, of type: HubSpotObjectType, turn: HubSpotTurn) throws {
        try checkUnique(former.values, of: type, former: former)
        var record = former
        record.archivedAt = nil
        record.updatedAt = max(turn.now, former.updatedAt)
        save(record, of: type, now: turn.now)
        note(.restored, of: type, id: record.id, turn: turn)
        signal(.restore, of: type, id: record.id, turn: turn)
    }

    /// Makes one record part of another.
    mutating func merge(
        _ loser: HubSpotRecord,
        into winner: HubSpotRecord,
        of type: HubSpotObjectType,
        turn: HubSpotTurn
    ) -> HubSpotRecord {
        var record = winner
        var moved = 0
        for (name, value) in loser.values where record.values[name] == nil && name != "hs_additional_emails" {
            record.values[name] = value
            moved += 1
        }
        if type == .contact {
            let more = [
                record.values["hs_additional_emails"], loser.values["email"], loser.values["hs_additional_emails"],
            ]
            let addresses = more.compactMap(\.self).flatMap { $0.split(separator: ";").map(String.init) }
                .filter { $0 != record.values["email"] }
            record.values["hs_additional_emails"] = addresses.isEmpty ? nil : addresses.joined(separator: ";")
        }
        record.mergedIDs += [loser.id] + loser.mergedIDs
        record.updatedAt = max(turn.now, winner.updatedAt)
        stores[type.id]?.remove(loser.id, inFavorOf: winner.id)
        save(record, of: type, now: turn.now)
        associations.move(from: HubSpotEnd(type: type.id, id: loser.id), to: HubSpotEnd(type: type.id, id: winner.id))
        note(.merged(into: winner.id), of: type, id: loser.id, turn: turn)
        signal(.merge(loser: loser.id, moved: moved), of: type, id: winner.id, turn: turn)
        return record
    }

    /// Removes a record for good.
    mutating func erase(_ id: Int64, of type: HubSpotObjectType, turn: HubSpotTurn) {
        guard store(type).records[id] != nil else { return }
        stores[type.id]?.remove(id)
        associations.removeAll(of: HubSpotEnd(type: type.id, id: id))
        note(.erased, of: type, id: id, turn: turn)
        signal(.deletion, of: type, id: id, turn: turn)
        signal(.privacyDeletion, of: type, id: id, turn: turn)
    }

    /// Writes down what happened.
    mutating func note(
        _ kind: SimulatedHubSpot.Effect.Kind,
        of type: HubSpotObjectType,
        id: Int64,
        values: [String: String] = [:],
        turn: HubSpotTurn
    ) {
        history.append(
            SimulatedHubSpot.Effect(
                kind: kind,
                portalID: account.portalID,
                objectType: type.name,
                objectID: String(id),
                values: values,
                time: turn.now,
                source: turn.source
            )
        )
    }

    private mutating func signal(
        _ kind: HubSpotSignal.Kind,
        of type: HubSpotObjectType,
        id: Int64,
        turn: HubSpotTurn
    ) {
        signals.append(HubSpotSignal(kind: kind, type: type, id: id, turn: turn, portalID: account.portalID))
    }

    private mutating func save(_ record: HubSpotRecord, of type: HubSpotObjectType, now: Int64) {
        let moment = searchableMoment(now: now)
        stores[type.id]?.save(record, searchableAt: moment)
    }

    /// Sets what the platform works out of other values.
    private func derive(_ values: inout [String: String], of type: HubSpotObjectType) {
        let names: (pipeline: String, stage: String)? =
            type == .deal ? ("pipeline", "dealstage") : type == .ticket ? ("hs_pipeline", "hs_pipeline_stage") : nil
        guard let names, let stageID = values[names.stage] else { return }
        let pipelines = account.pipelines[type.plural] ?? []
        let stages = pipelines.filter { values[names.pipeline] == nil || $0.id == values[names.pipeline] }.flatMap(
            \.stages
        )
        guard let stage = stages.first(where: { $0.id == stageID }) else { return }
        values["hs_is_closed"] = stage.isClosed ? "true" : "false"
        if type == .deal {
            values["hs_is_closed_won"] = stage.isClosed && stage.probability == "1.0" ? "true" : "false"
        }
    }
}
