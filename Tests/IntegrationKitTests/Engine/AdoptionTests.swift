// SPDX-License-Identifier: Apache-2.0
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct AdoptionTests {
    @Test func `Two records that find one contact in the same round: one links, the other writes nothing`() async throws {
        let world = try await World(settings: SyncSettings(frequency: .manual))
        let id = try world.platform.create("contact", in: World.portal, ["email": "contact@cabinet.example"])
        try await world.create("p-1", ["email": "contact@cabinet.example", "first_name": "Étienne"])
        try await world.create("p-2", ["email": "contact@cabinet.example", "first_name": "Édith"])
        try await world.settle()
        let names = world.platform.history(of: World.portal).filter { $0.objectID == id }
            .compactMap { $0.values["firstname"] }
        #expect(names == ["Étienne"])
        #expect(world.observer.events(.adopted).map(\.record?.id) == ["p-1"])
        let stopped = try await world.manager.deadLetters(of: world.integration.id)
        #expect(stopped.map(\.record?.id) == ["p-2"])
        #expect(stopped.first?.reason.code == .conflict)
    }

    @Test func `A conflict is told of although the merge writes another field`() async throws {
        let world = try await World(settings: SyncSettings(frequency: .manual))
        try await world.create("p-1", ["email": "ada@example.fr", "city": "Paris", "company": "A"])
        try await world.settle()
        let contact = try #require(world.platform.records("contact", in: World.portal).first)
        try world.platform.edit("contact", contact.id, in: World.portal, ["city": "Lyon"])
        world.clock.advance(by: .seconds(60))
        try await world.update("p-1", ["city": "Nantes", "company": "B"], event: "changed")
        try await world.settle()
        let now = try #require(world.platform.record("contact", contact.id, in: World.portal))
        #expect(now.properties["city"] == "Lyon")
        #expect(now.properties["company"] == "B")
        #expect(world.observer.events(.conflict).map(\.event) == ["changed"])
        #expect(world.observer.events(.delivered).contains { $0.event == "changed" })
    }
}
