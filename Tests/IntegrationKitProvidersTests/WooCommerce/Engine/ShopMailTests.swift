// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

/// Nobody gets a mail that the host has not agreed to, nor one mail twice; notes are private and stay as they are.
@Suite struct ShopMailTests {
    private static let ada: [FieldName: FieldValue] = ["email": "ada@example.fr", "first_name": "Ada"]

    private func silent() async throws -> ShopWorld { try await ShopWorld { $0.mayNotifyPeople = false } }

    @Test func `without consent nobody is registered, whichever event tells of them`() async throws {
        let world = try await silent()
        let receipt = try await world.process.coordinator.enqueue([
            world.event(.prospectCreated, "c", of: "p1", Self.ada),
            world.event(.prospectUpdated, "u1", of: "p2", ["email": "grace@example.fr"]),
            world.event(.customerUpdated, "u2", of: "p3", ["first_name": "Nobody"]),
            world.order("o", of: "o1", []),
        ])
        #expect(
            receipt.lines.map { $0.skipped[world.integration.id]?.contains("mails people") } == [true, nil, nil, true]
        )
        try await world.process.settle()
        #expect(world.all("customer").isEmpty && world.all("order").isEmpty)
        #expect(world.shop.mails(of: ShopWorld.home).isEmpty)
        // What only changed a person is no dead letter: the reason stands in the log.
        #expect(try await world.unfinished() == 0)
        let why = try await world.process.manager.why(event: "u2", of: ShopWorld.tenant)
        #expect(why.entries.contains { $0.kind == .unrouted && $0.message.contains("has not agreed") })
    }

    @Test func `without consent a person who has an account is kept up to date in silence`() async throws {
        let world = try await silent()
        let id = try world.shop.create("customer", in: ShopWorld.home, ["email": "ada@example.fr"])
        let before = world.shop.mails(of: ShopWorld.home).count
        try await world.process.coordinator.enqueue(world.event(.customerUpdated, "u1", of: "ada", Self.ada))
        try await world.process.settle()
        try await world.process.coordinator.enqueue(
            world.event(.customerUpdated, "u2", of: "ada", ["last_name": "Lovelace"])
        )
        try await world.process.settle()
        let record = world.shop.record("customer", id, in: ShopWorld.home)
        #expect(record?["first_name"] == "Ada" && record?["last_name"] == "Lovelace")
        #expect(world.shop.mails(of: ShopWorld.home).count == before)
        #expect(try await world.unfinished() == 0)
    }

    @Test(arguments: [false, true])
    func `another e-mail address is written only with consent, for WordPress tells the old one`(agrees: Bool)
        async throws
    {
        let world = try await ShopWorld { $0.mayNotifyPeople = agrees }
        let id = try world.shop.create("customer", in: ShopWorld.home, ["email": "ada@example.fr"])
        try await world.process.coordinator.enqueue(world.event(.customerUpdated, "u1", of: "ada", Self.ada))
        try await world.process.settle()
        try await world.process.coordinator.enqueue(
            world.event(.customerUpdated, "u2", of: "ada", ["email": "ada@example.org"])
        )
        try await world.process.settle()
        let email = world.shop.record("customer", id, in: ShopWorld.home)?["email"]
        #expect(email == .string(agrees ? "ada@example.org" : "ada@example.fr"))
        #expect(world.mails(.accountChanged) == (agrees ? ["ada@example.fr"] : []))
        let letters = try await world.deadLetters()
        #expect(letters.map { $0.reason.message.contains("has not agreed") } == (agrees ? [] : [true]))
    }

    @Test func `an account of the shop's staff that cannot be changed stops alone, not all customers`() async throws {
        let world = try await ShopWorld(shop: { $0.version = "11.0.0" })
        let editor = try world.shop.registerUser("ada@example.fr", role: "editor", in: ShopWorld.home)
        try await world.process.coordinator.enqueue([
            world.event(.customerUpdated, "u1", of: "ada", Self.ada),
            world.event(.customerUpdated, "u2", of: "grace", ["email": "grace@example.fr"]),
        ])
        try await world.process.settle()
        try await world.process.coordinator.enqueue(
            world.event(.customerUpdated, "u3", of: "ada", ["email": "ada@example.org"])
        )
        try await world.process.settle()
        try await world.process.coordinator.enqueue(
            world.event(.customerUpdated, "u4", of: "grace", ["first_name": "Grace"])
        )
        try await world.process.settle()
        #expect(world.shop.record("customer", editor, in: ShopWorld.home)?["email"] == "ada@example.fr")
        #expect(world.all("customer").contains { $0["first_name"] == "Grace" })
        #expect(try await world.deadLetters().map(\.event) == ["u3"])
        #expect(try await world.unfinished() == 1)
    }

    @Test(arguments: [SimulatedWooCommerce.Fault.lostAnswerBefore, .lostAnswerAfter, .statusAfterEffect(504)])
    func `with consent a person gets each mail once, whatever becomes of the answers`(
        fault: SimulatedWooCommerce.Fault
    ) async throws {
        let world = try await ShopWorld { $0.account["order.status"] = "processing" }
        for path in ["/customers", "/orders"] { world.shop.fail(1, .init(method: .post, path: path), with: fault) }
        try await world.process.coordinator.enqueue([
            world.event(.customerUpdated, "c", of: "ada", Self.ada), world.order("o", of: "o1", []),
        ])
        try await world.process.settle(within: .seconds(3600))
        #expect(world.mails(.newAccount) == ["ada@example.fr"])
        #expect(world.mails(.orderReceived) == ["ada@example.fr"])
        #expect(world.mails(.newOrder).count == 1)
        #expect(try await world.unfinished() == 0)
    }

    @Test func `calls and documents become private notes of their order, in the words of the host`() async throws {
        let world = try await ShopWorld()
        try await world.process.coordinator.enqueue([
            world.event(
                .documentSent,
                "d",
                of: "doc1",
                ["text": "Devis <1> & annexe"],
                related: [RelatedRecord("order", "o1")]
            ),
            world.event(
                .callCompleted,
                "k",
                of: "call1",
                ["summary": "Rappelé"],
                related: [RelatedRecord("order", "o1")]
            ),
            world.order("o", of: "o1", []),
        ])
        try await world.process.settle()
        let order = try world.id(of: "order")
        let notes = world.made("note")
        #expect(
            notes.compactMap { $0["note"]?.string?.split(separator: "\n").first.map(String.init) }.sorted() == [
                "Devis &lt;1&gt; &amp; annexe", "Rappelé",
            ]
        )
        #expect(notes.allSatisfy { $0["customer_note"] == false })
        let effects = world.shop.history(of: ShopWorld.home).filter { $0.resource == "note" }
        #expect(effects.allSatisfy { $0.parentID == order })
        #expect(world.mails(.customerNote).isEmpty)
    }

    @Test func `a record that the platform lets nobody change stays as it was made, and the log says so`() async throws
    {
        let world = try await ShopWorld()
        let related = [RelatedRecord("order", "o1")]
        try await world.process.coordinator.enqueue([
            world.order("o", of: "o1", []),
            world.event(.callCompleted, "k1", of: "call1", ["summary": "Rappelé"], related: related),
        ])
        try await world.process.settle()
        let calls = world.shop.calls.count
        try await world.process.coordinator.enqueue(
            world.event(.callCompleted, "k2", of: "call1", ["summary": "Rappelé deux fois"], related: related)
        )
        try await world.process.settle()
        #expect(world.made("note").compactMap { $0["note"]?.string?.hasPrefix("Rappelé\n") } == [true])
        #expect(world.shop.calls.count == calls)
        #expect(try await world.unfinished() == 0)
        let why = try await world.process.manager.why(event: "k2", of: ShopWorld.tenant)
        #expect(
            why.entries.contains { $0.kind == .unchanged && $0.message.contains("lets nobody change a note") },
            "\(why.description)"
        )
    }
}
