// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension PlatformID {
    /// Meadow CRM, a platform that does not exist.
    static let meadow = PlatformID(rawValue: "meadow")
}

extension MeadowProvider {
    /// What a settings screen shows of Meadow, and what happens unless the host says otherwise.
    var descriptor: PlatformDescriptor {
        PlatformDescriptor(
            id: .meadow,
            name: "Meadow CRM",
            summary: LocalizedText("People and notes in Meadow.", fr: "Personnes et notes dans Meadow."),
            category: .crm,
            apiVersion: "v1",
            documentation: MeadowProvider.address,
            signInMethods: [
                SignInMethod(
                    id: "api-key",
                    label: LocalizedText("API key", fr: "Clé d’API"),
                    fields: [
                        FormField(
                            id: "api_key",
                            label: LocalizedText("API key", fr: "Clé d’API"),
                            kind: .secret,
                            help: LocalizedText("In Meadow: Settings, API.", fr: "Dans Meadow : Réglages, API.")
                        )
                    ]
                )
            ],
            kinds: [
                KindDescription(
                    kind: .contact,
                    name: LocalizedText("People", fr: "Personnes"),
                    naturalKeys: ["email"],
                    safety: .keyed(for: nil)
                ),
                KindDescription(
                    kind: .note,
                    name: LocalizedText("Notes", fr: "Notes"),
                    safety: .keyed(for: nil)
                ),
            ],
            routes: [
                EventRoute(.prospectCreated, .create, .contact),
                EventRoute(.prospectUpdated, .update, .contact),
                EventRoute(.prospectDeleted, .delete, .contact),
                EventRoute(.documentSent, .create, .note, relations: [.init("prospect", as: .contact)]),
            ],
            mappings: [
                FieldMapping(
                    hostKind: "prospect",
                    kind: .contact,
                    rules: [
                        FieldRule("email", "email"),
                        FieldRule("first_name", "first_name"),
                        FieldRule("last_name", "last_name"),
                        FieldRule("phone", "phone"),
                    ]
                ),
                FieldMapping(hostKind: "document", kind: .note, rules: [FieldRule("title", "text")]),
            ],
            baseURL: MeadowProvider.address
        )
    }
}
