// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

@Suite("Catalogue and sign-in forms")
struct CatalogTests {
    static let token = FormField(
        id: "token",
        label: LocalizedText("Access token", fr: "Jeton d’accès"),
        kind: .secret,
        pattern: "pat-[a-z0-9-]+|x",
        placeholder: "pat-eu1-…"
    )
    static let shop = FormField(id: "shop", label: LocalizedText("Shop", fr: "Boutique"), kind: .url)
    static let region = FormField(
        id: "region",
        label: LocalizedText("Region", fr: "Région"),
        kind: .choice([.init("eu", label: "Europe"), .init("us", label: "USA")]),
        isRequired: false
    )
    static let method = SignInMethod(id: "private-app", label: LocalizedText("App"), fields: [token, region])

    static func descriptor(_ id: PlatformID, kinds: [RecordKind] = []) throws -> PlatformDescriptor {
        PlatformDescriptor(
            id: id,
            name: "Plateforme",
            summary: LocalizedText("A platform"),
            category: .crm,
            apiVersion: "1",
            documentation: try #require(URL(string: "https://example.fr")),
            signInMethods: [method, SignInMethod(id: "shop-key", label: LocalizedText("Shop"), fields: [shop])],
            kinds: kinds.map { KindDescription(kind: $0, name: LocalizedText("Kind"), safety: .found) },
            routes: [],
            mappings: []
        )
    }

    private func exposed(_ credential: Credential, _ name: String) -> String? {
        credential[name]?.withExposedValue { $0 }
    }

    private func error(_ form: [String: String], method: SignInMethod = method) -> IntegrationError? {
        #expect(throws: IntegrationError.self) { try method.validate(form) }
    }

    @Test("A platform given twice is refused, and an unknown one is answered with the known ones")
    func catalog() throws {
        let catalog = try IntegrationCatalog([Self.descriptor("a"), Self.descriptor("b")])
        #expect(catalog.all.map(\.id) == ["a", "b"])
        #expect(catalog.categories == [.crm])
        #expect(catalog.platforms(in: .support).isEmpty)
        #expect(try catalog.descriptor(for: "b").id == "b")
        let unknown = #expect(throws: IntegrationError.self) { try catalog.descriptor(for: "c") }
        #expect(unknown?.code == .notFound)
        #expect(unknown?.message.contains("a, b") == true)
        let twice = [try Self.descriptor("a"), try Self.descriptor("a")]
        let doubled = #expect(throws: IntegrationError.self) { try IntegrationCatalog(twice) }
        #expect(doubled?.code == .conflict)
    }

    @Test("Features follow from the kinds, in a fixed order")
    func features() throws {
        let descriptor = try Self.descriptor("a", kinds: [.note, .order, .lead, .task])
        #expect(descriptor.features == [.contacts, .orders, .notes])
        #expect(PlatformFeature.orders.name.text(in: "fr") == "Commandes")
    }

    @Test(
        "Drops what was pasted along with a token",
        arguments: ["pat-1", "  pat-1\r\n", "\u{FEFF}pat-1\u{200B}", "\u{A0}pat-1\t"]
    )
    func trimming(text: String) throws {
        let credential = try Self.method.validate(["token": text, "region": ""])
        #expect(exposed(credential, "token") == "pat-1")
        #expect(credential.method == "private-app")
        #expect(credential["region"] == nil)
    }

    @Test(
        "A value must match its pattern as a whole",
        arguments: ["pat-SECRET", "xx", "SECRET pat-1", "pat-1 pat-2", "pat-1\nSECRET", "ypat-1"]
    )
    func patterns(text: String) {
        let error = error(["token": text])
        #expect(error?.context.fields == ["token"])
        #expect(error?.description.contains("SECRET") == false)
        #expect(error?.remedy.text(in: "fr").contains("Jeton d’accès") == true)
    }

    @Test("One error names every bad field, and no value")
    func everything() {
        let error = error(["token": " ", "region": "SECRET", "tokn": "SECRET"])
        #expect(error?.code == .invalidInput)
        #expect(error?.context.fields == ["token", "region", "tokn"])
        #expect(error?.description.contains("SECRET") == false)
        #expect(error?.remedy.text(in: "en").contains("eu, us") == true)
    }

    @Test(
        "An address is brought to https",
        arguments: [
            ("https://Boutique.example.fr/", "https://boutique.example.fr"),
            ("shop.example.fr", "https://shop.example.fr"),
            (" https://shop.example.fr/fr// ", "https://shop.example.fr/fr"),
            ("HTTPS://s.example:8443", "https://s.example:8443"),
        ]
    )
    func addresses(text: String, address: String) throws {
        let method = SignInMethod(id: "m", label: LocalizedText("M"), fields: [Self.shop])
        #expect(exposed(try method.validate(["shop": text]), "shop") == address)
    }

    @Test(
        "An address that is not https, or holds a password, is refused",
        arguments: [
            "http://shop.example.fr", "https://SECRET:pw@shop.example.fr", "https://SECRET@shop.example.fr", "ftp://x",
            "https://", "https://x.example?key=SECRET", "https://x.example#SECRET", "javascript://x", "https://a b",
            "user:SECRET@shop.example.fr",
        ]
    )
    func badAddresses(text: String) {
        let error = error(["shop": text], method: SignInMethod(id: "m", label: LocalizedText("M"), fields: [Self.shop]))
        #expect(error?.context.fields == ["shop"])
        #expect(error?.description.contains("SECRET") == false)
    }

    @Test("The form names its method, or the first whose required fields are there is taken")
    func methods() throws {
        let descriptor = try Self.descriptor("a")
        #expect(try descriptor.validate(["shop": "s.example"]).method == "shop-key")
        #expect(try descriptor.validate(["token": "x"]).method == "private-app")
        #expect(try descriptor.validate(["method": "shop-key", "shop": "s.example"]).method == "shop-key")
        #expect(throws: IntegrationError.self) {
            try descriptor.validate(["method": "private-app", "shop": "s.example"])
        }
        #expect(throws: IntegrationError.self) { try descriptor.validate(["method": "none", "token": "x"]) }
        #expect(throws: IntegrationError.self) { try descriptor.validate([:]) }
    }
}
