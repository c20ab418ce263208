// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// What a new record gets where its fields lack it: a deal without pipeline and stage would be on no board.
enum HubSpotDefaults {
    /// The names of the settings.
    static let dealPipeline = "deal.pipeline"
    static let dealStage = "deal.stage"
    static let ticketPipeline = "ticket.pipeline"
    static let ticketStage = "ticket.stage"
    static let owner = "owner"

    /// Returns the properties to add to a new record.
    ///
    /// - Parameters:
    ///   - kind: The record's kind.
    ///   - properties: What it has.
    ///   - account: The account, whose settings decide; where there are none, HubSpot's own first pipeline and stage.
    /// - Returns: The properties that are missing, with their values.
    static func properties(
        of kind: RecordKind,
        besides properties: [String: String],
        in account: ConnectedAccount
    ) -> [String: String] {
        var added: [String: String] = [:]
        func setting(_ id: String) -> String? {
            account.settings[id]?.idText.flatMap { $0.isEmpty ? nil : $0 }
        }
        func place(_ pipeline: String, _ stage: String, pipelineID: String, stageID: String) {
            let chosen = setting(pipelineID)
            let own = properties[pipeline].flatMap { $0.isEmpty ? nil : $0 }
            let usual = kind == .deal ? ("default", "appointmentscheduled") : ("0", "1")
            let wanted = own ?? chosen ?? usual.0
            if own == nil { added[pipeline] = wanted }
            guard properties[stage]?.isEmpty ?? true else { return }
            // A stage belongs to its pipeline: the chosen one goes with the chosen pipeline alone.
            if wanted == (chosen ?? usual.0), let first = setting(stageID) {
                added[stage] = first
            } else if wanted == usual.0 {
                added[stage] = usual.1
            }
        }
        switch kind {
        case .deal: place("pipeline", "dealstage", pipelineID: dealPipeline, stageID: dealStage)
        case .ticket: place("hs_pipeline", "hs_pipeline_stage", pipelineID: ticketPipeline, stageID: ticketStage)
        default: break
        }
        if kind != .product, properties["hubspot_owner_id"]?.isEmpty ?? true, let owner = setting(owner) {
            added["hubspot_owner_id"] = owner
        }
        return added
    }
}
