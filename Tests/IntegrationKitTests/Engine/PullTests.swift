// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct PullTests {
    @Test func aPersonsEditReachesTheHost() async throws {
        let world = try await World()
        try await world.create("p1", ["email": "ada@example.fr", "first_name": "Ada"])
        try await world.settle()
        let contact = try #require(world.contacts().first)
        world.clock.advance(by: .seconds(5))
        try world.platform.edit(
            "contacts",
            contact.id,
            in: World.portal,
            ["firstname": "Adèle", "jobtitle": "Directrice"]
        )
        try await world.coordinator.pull(world.integration.id)
        let reports = try await world.settle(within: .seconds(30))
        let record = await world.records.record(World.prospect("p1"))
        #expect(record?.fields["first_name"] == "Adèle", "\(reports)")
        #expect(record?.fields["job_title"] == "Directrice")
    }

    @Test func ourOwnWritesComeBackAsNoNews() async throws {
        let world = try await World()
        for index in 0..<20 {
            try await world.create("p\(index)", ["email": .text("ada\(index)@example.fr"), "first_name": "Ada"])
        }
        try await world.settle()
        try await world.settle(within: .seconds(7200))
        let applied = await world.records.applied
        #expect(applied.filter { $0.fields["email"] != nil || $0.fields["first_name"] != nil }.isEmpty, "\(applied)")
        #expect(world.contacts().count == 20)
    }

    @Test func aPersonsNewRecordBecomesTheHosts() async throws {
        let world = try await World()
        try await world.settle()
        world.clock.advance(by: .seconds(5))
        let id = try world.platform.create(
            "contacts",
            in: World.portal,
            ["email": "grace@example.com", "firstname": "Grace"]
        )
        let reports = try await world.settle(within: .seconds(600))
        let partner = await world.records.partner(of: RemoteID(.contact, id), in: world.integration.id)
        #expect(partner != nil, "\(reports)")
        #expect(await world.records.references.count == 1)
        #expect(world.contacts().count == 1)
    }
}
