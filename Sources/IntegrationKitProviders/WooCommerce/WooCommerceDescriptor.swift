// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension EventKind {
    /// A variation of a product was created or changed.
    static let variationUpdated = EventKind(rawValue: "variation.updated")
}

extension WooCommerceProvider {
    /// The platform as the catalogue shows it.
    static let description = PlatformDescriptor(
        id: .wooCommerce,
        name: "WooCommerce",
        summary: LocalizedText(
            "Customers, orders, products, variations and order notes of a WooCommerce shop.",
            fr: "Clients, commandes, produits, variations et notes de commande d’une boutique WooCommerce."
        ),
        category: .eCommerce,
        apiVersion: "wc/v3",
        documentation: address("https://developer.woocommerce.com/docs/apis/rest-api/"),
        signInMethods: [keys, keyGrant],
        kinds: kinds,
        routes: routes,
        mappings: mappings
    )

    /// Makes an address from a literal.
    static func address(_ text: StaticString) -> URL {
        guard let url = URL(string: "\(text)") else { preconditionFailure("The literal \(text) is no address.") }
        return url
    }

    private static let shop = FormField(
        id: "store_url",
        label: LocalizedText("Address of the shop", fr: "Adresse de la boutique"),
        kind: .url,
        placeholder: "https://shop.example.com",
        help: LocalizedText(
            "The address of the shop’s home page as the browser shows it, with its sub-directory if there is one.",
            fr:
                "L’adresse de la page d’accueil telle que le navigateur l’affiche, avec son sous-répertoire s’il y en a un."
        )
    )

    private static let keys = SignInMethod(
        id: "keys",
        label: LocalizedText("REST API key", fr: "Clé API REST"),
        fields: [
            shop,
            FormField(
                id: "consumer_key",
                label: LocalizedText("Consumer key", fr: "Clé client"),
                kind: .secret,
                pattern: #"ck_\S+"#,
                placeholder: "ck_…",
                help: LocalizedText(
                    "In WooCommerce: Settings, Advanced, REST API, Add key, with the permission Read/Write, for a user "
                        + "who is Administrator or Shop manager. Both parts are shown only once.",
                    fr: "Dans WooCommerce : Réglages, Avancé, API REST, Ajouter une clé, avec la permission "
                        + "Lecture/Écriture, pour un utilisateur Administrateur ou Gestionnaire de boutique. Les deux "
                        + "parties ne sont affichées qu’une fois."
                )
            ),
            FormField(
                id: "consumer_secret",
                label: LocalizedText("Consumer secret", fr: "Secret client"),
                kind: .secret,
                pattern: #"cs_\S+"#,
                placeholder: "cs_…"
            ),
        ]
    )

    private static let keyGrant = SignInMethod(
        id: "key-grant",
        label: LocalizedText("Ask the shop for a key", fr: "Demander une clé à la boutique"),
        flow: .grant,
        fields: [shop]
    )

    // MARK: Kinds

    private static let kinds: [KindDescription] = [
        KindDescription(
            kind: .customer,
            name: LocalizedText("Customers", fr: "Clients"),
            naturalKeys: ["email"],
            safety: .found,
            mayNotifyPeople: [.create],
            note: LocalizedText(
                "WooCommerce mails a person whose account is created, unless the shop has switched that mail off, and "
                    + "whose e-mail address is changed. Who ordered as a guest has no account and stands in the order "
                    + "alone. A customer can only be deleted for good.",
                fr:
                    "WooCommerce écrit à la personne dont le compte est créé, sauf si la boutique a désactivé cet e-mail, "
                    + "et à celle dont l’adresse e-mail est modifiée. Un invité n’a pas de compte et ne figure que dans la commande. Un client ne peut être supprimé "
                    + "que définitivement."
            )
        ),
        KindDescription(
            kind: .order,
            name: LocalizedText("Orders", fr: "Commandes"),
            safety: .found,
            mayNotifyPeople: [.create, .update],
            note: LocalizedText(
                "An order is a real one: the shop mails its owner and the customer, and takes the goods from stock. A "
                    + "deleted order lies in the shop’s trash first.",
                fr: "Une commande est réelle : la boutique écrit au marchand et au client, et décompte le stock. Une "
                    + "commande supprimée passe d’abord par la corbeille."
            )
        ),
        KindDescription(
            kind: .product,
            name: LocalizedText("Products", fr: "Produits"),
            naturalKeys: ["sku"],
            safety: .keyed(for: nil),
            note: LocalizedText(
                "The SKU names the product. A product in the shop’s trash keeps its SKU.",
                fr: "L’UGS désigne le produit. Un produit dans la corbeille garde son UGS."
            )
        ),
        KindDescription(
            kind: .productVariation,
            name: LocalizedText("Product variations", fr: "Variations de produit"),
            naturalKeys: ["sku"],
            safety: .keyed(for: nil),
            note: LocalizedText(
                "A variation belongs to a product, which must be in the shop first.",
                fr: "Une variation appartient à un produit, qui doit d’abord exister dans la boutique."
            )
        ),
        KindDescription(
            kind: .note,
            name: LocalizedText("Order notes", fr: "Notes de commande"),
            canPull: false,
            canUpdate: false,
            safety: .marked,
            note: LocalizedText(
                "Notes are private unless the host agreed to mail people. WooCommerce lets nobody change a note; a short "
                    + "reference line at its end finds it again.",
                fr:
                    "Les notes sont privées, sauf accord pour écrire aux personnes. WooCommerce ne permet pas de modifier "
                    + "une note ; une courte ligne de référence à la fin permet de la retrouver."
            )
        ),
    ]

    // MARK: Routes

    private static let toOrder = EventRoute.RelationRule("order", as: .order)
    private static let toCustomer = EventRoute.RelationRule("customer", as: .wooCommerceCustomer, isRequired: false)

    /// A line names what it sells by SKU; a product or variation that the host is about to make goes first.
    private static func lines(of hostKind: String) -> EventRoute.RelationRule {
        EventRoute.RelationRule(hostKind, as: .wooCommerceLine, listedIn: .init("items", by: "sku"))
    }

    private static let routes: [EventRoute] = [
        EventRoute(.prospectCreated, .create, .customer, needsConsent: true),
        EventRoute(.prospectUpdated, .update, .customer),
        EventRoute(.customerUpdated, .update, .customer),
        EventRoute(
            .orderCreated,
            .create,
            .order,
            relations: [toCustomer, lines(of: "product"), lines(of: "variation")],
            needsConsent: true
        ),
        EventRoute(.productUpdated, .update, .product),
        EventRoute(
            .variationUpdated,
            .update,
            .productVariation,
            relations: [EventRoute.RelationRule("product", as: .product)]
        ),
        EventRoute(.callCompleted, .create, .note, relations: [toOrder]),
        EventRoute(.documentSent, .create, .note, relations: [toOrder]),
    ]

    // MARK: Mappings

    private static func address(_ part: String) -> [FieldRule] {
        [
            FieldRule("first_name", FieldName("\(part).first_name")),
            FieldRule("last_name", FieldName("\(part).last_name")),
            FieldRule("company", FieldName("\(part).company")),
            FieldRule("phone", FieldName("\(part).phone")),
            FieldRule("street", FieldName("\(part).address_1")),
            FieldRule("city", FieldName("\(part).city")),
            FieldRule("region", FieldName("\(part).state")),
            FieldRule("postal_code", FieldName("\(part).postcode")),
            FieldRule("country", FieldName("\(part).country")),
        ]
    }

    private static let person: [FieldRule] =
        [
            FieldRule("email", "email", isRequired: true),
            FieldRule("first_name", "first_name"),
            FieldRule("last_name", "last_name"),
        ] + address("billing").filter { !["first_name", "last_name"].contains($0.host.rawValue) }

    private static let mappings: [FieldMapping] = [
        FieldMapping(hostKind: "prospect", kind: .customer, rules: person),
        FieldMapping(hostKind: "customer", kind: .customer, rules: person),
        FieldMapping(
            hostKind: "order",
            kind: .order,
            rules: [
                FieldRule("number", "number", direction: .inbound),
                FieldRule("status", "status", direction: .inbound),
                FieldRule("total", "total", direction: .inbound),
                FieldRule("ordered_at", "date_created_gmt", direction: .inbound),
                FieldRule("currency", "currency"),
                FieldRule("email", "billing.email"),
                FieldRule("transaction_id", "transaction_id"),
                FieldRule("note", "customer_note"),
                FieldRule("items", "line_items", direction: .outbound),
                FieldRule("fees", "fee_lines", direction: .outbound),
                FieldRule("deliveries", "shipping_lines", direction: .outbound),
            ] + address("billing")
        ),
        FieldMapping(
            hostKind: "product",
            kind: .product,
            rules: [
                FieldRule("name", "name", isRequired: true),
                FieldRule("sku", "sku"),
                FieldRule("description", "description"),
                FieldRule("price", "regular_price"),
                FieldRule("stock", "stock_quantity"),
            ]
        ),
        FieldMapping(
            hostKind: "variation",
            kind: .productVariation,
            rules: [
                FieldRule("sku", "sku"),
                FieldRule("description", "description"),
                FieldRule("price", "regular_price"),
                FieldRule("stock", "stock_quantity"),
                FieldRule("attributes", "attributes", direction: .outbound),
            ]
        ),
        FieldMapping(
            hostKind: "call",
            kind: .note,
            rules: [FieldRule("summary", "note", direction: .outbound, transforms: [.html], isRequired: true)]
        ),
        FieldMapping(
            hostKind: "document",
            kind: .note,
            rules: [FieldRule("text", "note", direction: .outbound, transforms: [.html], isRequired: true)]
        ),
    ]
}
