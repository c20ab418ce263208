// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

// snippet: mapping
let prospects = FieldMapping(
    hostKind: "prospect",
    kind: .contact,
    rules: [
        FieldRule("email", "email", transforms: [.trimmed, .lowercased], isRequired: true),
        FieldRule("last_name", "lastname", fallback: "(sans nom)"),
        FieldRule("phone", "phone", transforms: [.phone(callingCode: "33")]),
        FieldRule(
            "temperature",
            "hs_lead_status",
            transforms: [.values(["chaud": "OPEN_DEAL", "froid": "BAD_TIMING"])]
        ),
        FieldRule("score", "hs_score_interne", direction: .outbound),
        FieldRule("owner", "hubspot_owner_id", direction: .inbound),
    ]
)
// end

func set(_ manager: IntegrationManager, _ integration: Integration) async throws {
    // snippet: set-mapping
    do {
        try await manager.setMapping(prospects, of: integration.id)
    } catch let error as IntegrationError {
        print(error.message)  // names each field that is not there, is read-only or has another type
    }
    // end
}

func preview() {
    // snippet: preview
    let preview = MappingPreview(
        of: prospects,
        host: ["email": " Zoe@Example.FR ", "phone": "06 39 98 12 34", "temperature": "tiède"]
    )
    for line in preview.outbound {
        print(line.rule.remote.rawValue, line.remoteValue ?? .empty, line.problems.map(\.message))
    }
    // email       text("zoe@example.fr")   []
    // lastname    text("(sans nom)")       []
    // phone       text("+33639981234")     []
    // end
}

func routes() -> SyncSettings {
    // snippet: routes
    var settings = SyncSettings()
    settings.routes = [
        EventRoute(.prospectCreated, .create, .contact),
        EventRoute(.prospectUpdated, .update, .contact),
        EventRoute(.prospectDeleted, .delete, .contact),
        EventRoute(
            "visit.planned",
            .create,
            .task,
            relations: [EventRoute.RelationRule("prospect", as: .contact)]
        ),
    ]
    // end
    return settings
}
