// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct LagTests {
    @Test func aDayTellsHowLongThePlatformsChangesWaited() async throws {
        let world = try await World(skewed: .zero)
        try await world.pull()
        let id = try world.person(creates: "ada@example.fr", ["firstname": "Ada"])
        world.clock.advance(by: .seconds(40))
        try await world.pull()
        _ = world.platform.takeDeliveries()
        try world.person(edits: id, ["firstname": "Adèle"])
        world.clock.advance(by: .seconds(40))
        for delivery in world.platform.takeDeliveries() {
            _ = await WebhookInbox(world.manager).receive(delivery, from: .hubSpot)
        }
        _ = try await world.sync()
        let day = try #require(try await world.manager.activity(of: world.integration.id).last)
        let lag = try #require(day.inboundLag[.contact])
        #expect(lag.count == 2)
        #expect(lag.median >= .seconds(40) && lag.p99 <= .seconds(150))
        #expect(day.lag[.contact] == nil)
    }

    @Test func whatAPlatformHadBeforeItWasConnectedHasNoLag() async throws {
        let world = try await World(settings: World.contacts())
        let integration = try #require(try await LoadedIntegration.load(world.integration.id, in: world.manager.core))
        world.clock.advance(by: .seconds(90))
        func lag(_ age: TimeInterval?) -> Duration? {
            let modified = age.map { world.clock.wall.addingTimeInterval(-$0) }
            return integration.lag(of: RemoteRecord(id: RemoteID(.contact, "1"), modifiedAt: modified, fields: [:]))
        }
        #expect(lag(60) == .seconds(60))
        #expect(lag(100) == nil && lag(nil) == nil)
        #expect(lag(-5) == .zero)
    }
}
