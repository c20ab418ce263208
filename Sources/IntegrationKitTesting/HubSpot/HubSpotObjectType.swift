// SPDX-License-Identifier: Apache-2.0

/// A type of object with the names and rules that the API gives it.
struct HubSpotObjectType: Hashable, Codable, Sendable {
    /// The object type id, such as `0-1`.
    var id: String
    /// The name in the singular, such as `contact`.
    var name: String
    /// The name in the plural, as it stands in paths.
    var plural: String
    /// Scopes of which one is needed to read.
    var readScopes: [String]
    /// Scopes of which one is needed to write.
    var writeScopes: [String]
    /// Scopes of which one is needed to create properties.
    var schemaScopes: [String]
    /// Properties that a record cannot be created without.
    var required: [String] = []
    /// Properties in an answer that names none.
    var defaults: [String] = []
    /// The property group of the type.
    var group: String

    /// The property that tells of the last change.
    var modifiedProperty: String { name == "contact" ? "lastmodifieddate" : "hs_lastmodifieddate" }
    /// The property that tells of the creation.
    var createdProperty: String { isActivity ? "hs_createdate" : "createdate" }
    /// Whether records stand in a timeline.
    var isActivity: Bool { ["note", "call", "task", "meeting"].contains(name) }
    /// The name as error messages spell it, such as `CONTACT`.
    var shoutedName: String { name.uppercased() }
    /// The key in a record's `associations`, such as `line items`.
    var associationsKey: String { plural.replacing("_", with: " ") }
    /// The name as messages begin with it, such as `Contact`.
    var titledName: String { name.prefix(1).uppercased() + name.dropFirst().replacing("_", with: " ") }

    static let contact = crm("0-1", "contact", "contacts", defaults: ["email", "firstname", "lastname"])
    static let company = crm("0-2", "company", "companies", defaults: ["domain", "name"])
    static let deal = crm(
        "0-3",
        "deal",
        "deals",
        defaults: ["amount", "closedate", "dealname", "dealstage", "pipeline"]
    )
    static let ticket = HubSpotObjectType(
        id: "0-5",
        name: "ticket",
        plural: "tickets",
        readScopes: ["tickets"],
        writeScopes: ["tickets"],
        schemaScopes: ["tickets"],
        required: ["subject", "hs_pipeline_stage"],
        defaults: [
            "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject",
        ],
        group: "ticketinformation"
    )
    static let product = shop(
        "0-7",
        "product",
        "products",
        required: ["name"],
        defaults: ["description", "name", "price"]
    )
    static let lineItem = shop("0-8", "line_item", "line_items", defaults: ["quantity", "amount", "price"])
    static let task = activity("0-27", "task", "tasks")
    static let note = activity("0-46", "note", "notes")
    static let meeting = activity("0-47", "meeting", "meetings")
    static let call = activity("0-48", "call", "calls")
    static let order = crm("0-123", "order", "orders", required: ["hs_order_name"], defaults: ["hs_order_name"])
    static let lead = crm("0-136", "lead", "leads", required: ["hs_lead_name"], defaults: ["hs_lead_name"])

    static let all = [
        contact, company, deal, ticket, product, lineItem, task, note, meeting, call, order, lead,
    ]

    private static let byName: [String: HubSpotObjectType] = {
        var types: [String: HubSpotObjectType] = [:]
        for type in all {
            for name in [type.id, type.name, type.plural] { types[name] = type }
        }
        return types
    }()

    /// Finds a type by its id or one of its names.
    static func named(_ name: String) -> HubSpotObjectType? { byName[name.lowercased()] }

    private static func crm(
        _ id: String,
        _ name: String,
        _ plural: String,
        required: [String] = [],
        defaults: [String]
    ) -> HubSpotObjectType {
        HubSpotObjectType(
            id: id,
            name: name,
            plural: plural,
            readScopes: ["crm.objects.\(plural).read"],
            writeScopes: ["crm.objects.\(plural).write"],
            schemaScopes: ["crm.schemas.\(plural).write"],
            required: required,
            defaults: defaults,
            group: "\(name)information"
        )
    }

    private static func shop(
        _ id: String,
        _ name: String,
        _ plural: String,
        required: [String] = [],
        defaults: [String]
    ) -> HubSpotObjectType {
        HubSpotObjectType(
            id: id,
            name: name,
            plural: plural,
            readScopes: ["crm.objects.\(plural).read", "e-commerce"],
            writeScopes: ["crm.objects.\(plural).write", "e-commerce"],
            schemaScopes: ["crm.schemas.\(plural).write", "e-commerce"],
            required: required,
            defaults: defaults,
            group: "\(name)information"
        )
    }

    private static func activity(_ id: String, _ name: String, _ plural: String) -> HubSpotObjectType {
        HubSpotObjectType(
            id: id,
            name: name,
            plural: plural,
            readScopes: ["crm.objects.contacts.read"],
            writeScopes: ["crm.objects.contacts.write"],
            schemaScopes: ["crm.schemas.\(plural).write"],
            required: ["hs_timestamp"],
            defaults: [],
            group: "engagement"
        )
    }
}
