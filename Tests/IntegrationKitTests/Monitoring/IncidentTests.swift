// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitProviders
import IntegrationKitTesting
import Testing

@Suite struct IncidentTests {
    @Test func anOutageIsToldOnceHoweverManyJobsWait() async throws {
        let world = try await World.pushing()
        world.platform.failAtRandom(rate: 1, faults: [.status(503)])
        for number in 0..<50 { try await world.create("p\(number)", ["email": .text("p\(number)@example.fr")]) }
        try await world.settle(within: .seconds(3600))
        #expect(world.observer.count(.incidentOpened) == 1)
        let incident = try #require(try await world.manager.incidents(of: world.integration.id).first)
        #expect(incident.cause == "platform")
        world.platform.stopFailing()
        try await world.settle(within: .seconds(7200))
        #expect(world.creations("contact") == 50)
        #expect(world.observer.count(.incidentOpened) == 1)
        #expect(world.observer.count(.incidentClosed) == 1)
        #expect(try await world.manager.incidents(of: world.integration.id).isEmpty)
    }

    @Test func twoProcessesTellOfOneOutageOnce() async throws {
        let world = try await World.pushing()
        let peer = try await world.peer(seed: 5)
        world.platform.failAtRandom(rate: 1, faults: [.status(503)])
        for number in 0..<20 { try await world.create("p\(number)", ["email": .text("p\(number)@example.fr")]) }
        for _ in 0..<20 {
            _ = try await world.sync()
            _ = try await peer.sync()
            world.clock.advance(by: .seconds(60))
        }
        #expect(world.observer.count(.incidentOpened) + peer.observer.count(.incidentOpened) == 1)
    }

    @Test func refusedRecordsOfOneKindAreOneIncidentUntilNoneWaits() async throws {
        let world = try await World.pushing()
        for number in 0..<3 { try await world.create("p\(number)", ["email": .text("not an address \(number)")]) }
        try await world.create("good", ["email": "good@example.fr"])
        try await world.settle(within: .seconds(3600))
        let letters = try await world.deadLetters()
        #expect(letters.count == 3)
        let opened = world.observer.events(.incidentOpened)
        #expect(opened.count == 1)
        #expect(opened.first?.message.contains("Mon HubSpot") == true)
        for letter in letters { try await world.manager.drop(letter.id) }
        try await world.create("last", ["email": "last@example.fr"])
        try await world.settle(within: .seconds(3600))
        #expect(world.observer.count(.incidentClosed) == 1)
    }

    @Test func whyNamesTheIntegrationAndNotItsID() async throws {
        let world = try await World.pushing()
        try await world.create("p1", ["email": "p1@example.fr"])
        let waiting = try await world.manager.why(event: "created-p1", of: World.tenant)
        #expect(waiting.description.contains("Mon HubSpot (HubSpot)"))
        #expect(!waiting.description.contains(world.integration.id))
        #expect(waiting.description.contains("waits for its turn"))
    }
}
