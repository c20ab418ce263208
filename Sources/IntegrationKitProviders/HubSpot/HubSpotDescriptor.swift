// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension HubSpotProvider {
    /// Describes the platform.
    static func describe(version: String, baseURL: URL) -> PlatformDescriptor {
        PlatformDescriptor(
            id: .hubSpot,
            name: "HubSpot",
            summary: LocalizedText(
                "Contacts, companies, deals, notes, calls, tasks, tickets and products in HubSpot.",
                fr: "Contacts, entreprises, transactions, notes, appels, tâches, tickets et produits dans HubSpot."
            ),
            category: .crm,
            apiVersion: version,
            // A version is served for 18 months from its release.
            apiSunset: version == currentVersion ? "2028-03-08" : nil,
            documentation: address("https://developers.hubspot.com/docs"),
            signInMethods: [privateApp],
            kinds: kinds,
            routes: routes,
            mappings: mappings,
            baseURL: baseURL
        )
    }

    private static let privateApp = SignInMethod(
        id: "private-app",
        label: LocalizedText("Access token", fr: "Jeton d’accès"),
        fields: [
            FormField(
                id: "access_token",
                label: LocalizedText("Access token", fr: "Jeton d’accès"),
                kind: .secret,
                pattern: #"\S+"#,
                placeholder: "pat-na1-…",
                help: LocalizedText(
                    "In HubSpot: Settings, Development, Keys, Service keys; or the access token on your private app’s "
                        + "Auth page. Give it read and write scopes for the kinds that you want to synchronise, and the "
                        + "schema scopes so that the key property can be made.",
                    fr: "Dans HubSpot : Paramètres, Développement, Clés, Clés de service ; ou le jeton d’accès de la "
                        + "page Authentification de votre application privée. Accordez-lui la lecture et l’écriture des types "
                        + "à synchroniser, ainsi que les schémas pour que la propriété de clé puisse être créée."
                )
            )
        ],
        help: address("https://developers.hubspot.com/docs")
    )

    private static let associationNote = LocalizedText(
        "HubSpot does not date changed associations: a relation that is changed there is not noticed.",
        fr: "HubSpot ne date pas les associations modifiées : une relation changée sur place n’est pas remarquée."
    )

    private static let activityNote = LocalizedText(
        "Where the account takes no key property, a short reference line ends the text, and finds it again.",
        fr: "Si le compte n’accepte pas la propriété de clé, une courte ligne de référence termine le texte et permet "
            + "de le retrouver."
    )

    private static let kinds: [KindDescription] = [
        KindDescription(
            kind: .contact,
            name: LocalizedText("Contacts", fr: "Contacts"),
            naturalKeys: ["email"],
            safety: .keyed(for: nil),
            note: associationNote
        ),
        KindDescription(
            kind: .company,
            name: LocalizedText("Companies", fr: "Entreprises"),
            matchFields: ["domain"],
            safety: .keyed(for: nil),
            note: LocalizedText(
                "Several companies may have the same domain; then a person chooses.",
                fr: "Plusieurs entreprises peuvent avoir le même domaine ; une personne choisit alors."
            )
        ),
        KindDescription(
            kind: .deal,
            name: LocalizedText("Deals", fr: "Transactions"),
            safety: .keyed(for: nil),
            note: associationNote
        ),
        KindDescription(
            kind: .note,
            name: LocalizedText("Notes", fr: "Notes"),
            safety: .keyed(for: nil),
            note: activityNote
        ),
        KindDescription(
            kind: .call,
            name: LocalizedText("Calls", fr: "Appels"),
            safety: .keyed(for: nil),
            note: activityNote
        ),
        KindDescription(
            kind: .task,
            name: LocalizedText("Tasks", fr: "Tâches"),
            safety: .keyed(for: nil),
            note: activityNote
        ),
        KindDescription(
            kind: .ticket,
            name: LocalizedText("Tickets", fr: "Tickets"),
            safety: .keyed(for: nil),
            note: associationNote
        ),
        KindDescription(
            kind: .product,
            name: LocalizedText("Products", fr: "Produits"),
            naturalKeys: ["hs_sku"],
            safety: .keyed(for: nil)
        ),
    ]

    private static let toContact = EventRoute.RelationRule("prospect", as: .contact)
    private static let toDeal = EventRoute.RelationRule("appointment", as: .deal, isRequired: false)

    private static let routes: [EventRoute] = [
        EventRoute(.prospectCreated, .create, .contact),
        EventRoute(.prospectUpdated, .update, .contact),
        EventRoute(.appointmentCreated, .create, .deal, relations: [toContact]),
        EventRoute(.appointmentUpdated, .update, .deal, relations: [toContact]),
        EventRoute(.callCompleted, .create, .call, relations: [toContact, toDeal]),
        EventRoute(.documentSent, .create, .note, relations: [toContact, toDeal]),
        EventRoute(
            .orderCreated,
            .create,
            .deal,
            relations: [EventRoute.RelationRule("customer", as: .contact, isRequired: false)]
        ),
        EventRoute(.productUpdated, .update, .product),
        EventRoute(.customerUpdated, .update, .contact),
    ]

    private static let person: [FieldRule] = [
        FieldRule("email", "email"),
        FieldRule("first_name", "firstname"),
        FieldRule("last_name", "lastname"),
        FieldRule("phone", "phone"),
        FieldRule("mobile", "mobilephone"),
        FieldRule("company", "company"),
        FieldRule("job_title", "jobtitle"),
        FieldRule("website", "website"),
        FieldRule("street", "address"),
        FieldRule("city", "city"),
        FieldRule("region", "state"),
        FieldRule("postal_code", "zip"),
        FieldRule("country", "country"),
        FieldRule("stage", "lifecyclestage"),
    ]

    private static let callStates: [String: String] = [
        "busy": "BUSY", "calling_crm_user": "CALLING_CRM_USER", "canceled": "CANCELED", "completed": "COMPLETED",
        "connecting": "CONNECTING", "failed": "FAILED", "in_progress": "IN_PROGRESS", "no_answer": "NO_ANSWER",
        "queued": "QUEUED", "ringing": "RINGING",
    ]

    private static let mappings: [FieldMapping] = [
        FieldMapping(
            hostKind: "prospect",
            kind: .contact,
            rules: person + [FieldRule("status", "hs_lead_status", transforms: [.uppercased])]
        ),
        FieldMapping(hostKind: "customer", kind: .contact, rules: person),
        FieldMapping(
            hostKind: "company",
            kind: .company,
            rules: [
                FieldRule("name", "name"),
                FieldRule("domain", "domain"),
                FieldRule("phone", "phone"),
                FieldRule("website", "website"),
                FieldRule("street", "address"),
                FieldRule("city", "city"),
                FieldRule("region", "state"),
                FieldRule("postal_code", "zip"),
                FieldRule("country", "country"),
                FieldRule("description", "description"),
            ]
        ),
        FieldMapping(
            hostKind: "appointment",
            kind: .deal,
            rules: [
                FieldRule("title", "dealname", isRequired: true),
                FieldRule("amount", "amount"),
                FieldRule("pipeline", "pipeline"),
                FieldRule("stage", "dealstage"),
                FieldRule("close_date", "closedate"),
                FieldRule("description", "description"),
            ]
        ),
        FieldMapping(
            hostKind: "order",
            kind: .deal,
            rules: [
                FieldRule("number", "dealname", isRequired: true),
                FieldRule("total", "amount"),
                FieldRule("ordered_at", "closedate"),
                FieldRule("description", "description"),
            ]
        ),
        FieldMapping(
            hostKind: "document",
            kind: .note,
            rules: [
                FieldRule("sent_at", "hs_timestamp", direction: .outbound, isRequired: true),
                FieldRule("text", "hs_note_body", direction: .outbound, transforms: [.html]),
            ]
        ),
        FieldMapping(
            hostKind: "call",
            kind: .call,
            rules: [
                FieldRule("started_at", "hs_timestamp", direction: .outbound, isRequired: true),
                FieldRule("title", "hs_call_title", direction: .outbound),
                FieldRule("summary", "hs_call_body", direction: .outbound, transforms: [.html]),
                FieldRule(
                    "direction",
                    "hs_call_direction",
                    direction: .outbound,
                    transforms: [.values(["inbound": "INBOUND", "outbound": "OUTBOUND"])]
                ),
                FieldRule("duration", "hs_call_duration", direction: .outbound),
                FieldRule("status", "hs_call_status", direction: .outbound, transforms: [.values(callStates)]),
                FieldRule("from_number", "hs_call_from_number", direction: .outbound),
                FieldRule("to_number", "hs_call_to_number", direction: .outbound),
            ]
        ),
        FieldMapping(
            hostKind: "task",
            kind: .task,
            rules: [
                FieldRule("due_at", "hs_timestamp", isRequired: true),
                FieldRule("title", "hs_task_subject"),
                FieldRule("text", "hs_task_body", transforms: [.html]),
                FieldRule("status", "hs_task_status", transforms: [.uppercased]),
                FieldRule("priority", "hs_task_priority", transforms: [.uppercased]),
            ]
        ),
        FieldMapping(
            hostKind: "ticket",
            kind: .ticket,
            rules: [
                FieldRule("subject", "subject", isRequired: true),
                FieldRule("text", "content"),
                FieldRule("priority", "hs_ticket_priority", transforms: [.uppercased]),
                FieldRule("stage", "hs_pipeline_stage"),
            ]
        ),
        FieldMapping(
            hostKind: "product",
            kind: .product,
            rules: [
                FieldRule("name", "name", isRequired: true),
                FieldRule("description", "description"),
                FieldRule("sku", "hs_sku"),
                FieldRule("price", "price"),
            ]
        ),
    ]
}
