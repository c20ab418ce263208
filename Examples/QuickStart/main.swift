// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

// A company connects its HubSpot and its shop, all sides work for a while, and in the end they agree. Read it from top to bottom;
// what each step does stands in Scenes.swift, and the library's own objects are put together in World.swift.

func tell(_ options: Options) async throws -> Story {
    guard let file = options.events ?? Bundle.module.url(forResource: "events", withExtension: "jsonl") else {
        throw Options.Mistake(description: "The file of events is missing.")
    }
    let began = ContinuousClock.now
    let world = try await World(in: options.folder, isFresh: options.isFresh)
    let start = world.clock.now
    guard let lines = try? Data(contentsOf: file) else {
        throw Options.Mistake(description: "\(file.path) cannot be read.")
    }
    var intake = Intake(lines: lines)

    let integration = try await world.connect(knownTo: intake.events)
    let callsToConnect = world.hubSpot.calls.count
    let shop = try await world.connectShop()
    _ = try await world.settle()  // The first pull: whom HubSpot knows already.

    try await world.take(&intake)
    if !intake.queued.isEmpty { world.stirUpTrouble() }
    let push = try await world.settle()

    _ = world.hubSpot.takeDeliveries()  // What HubSpot tells of our own writes is not the point here.
    var deeds = try await world.memory.run == 1 ? world.letPeopleWork(integration) : world.letPeopleGoOn(integration)
    try world.letPeopleWorkInShop(&deeds)
    var mail = await world.receiveWebhooks()
    await world.receiveShopWebhooks(&mail)
    let applied = await world.host.applied.count
    for integration in [integration, shop] { try await world.coordinator.pull(integration.id) }
    let pull = try await world.settle()
    try await world.passOnWhatTheShopChanged(since: applied, shop)
    _ = try await world.settle()

    if let archive = options.archive { try world.recorder.write(to: archive) }
    let verification = try await world.verify(intake, integration, shop)
    try await world.close(after: verification, [integration, shop])
    return Story(
        integration: integration,
        shop: shop,
        run: world.memory.run,
        store: options.folder,
        callsToConnect: callsToConnect,
        intake: intake,
        push: push,
        deeds: deeds,
        mail: mail,
        applied: await world.host.applied,
        pull: pull,
        verification: verification,
        simulated: start.duration(to: world.clock.now),
        real: began.duration(to: .now),
        archive: options.archive
    )
}

do {
    let options = try Options(CommandLine.arguments.dropFirst())
    guard !options.wantsHelp else {
        print(Options.help)
        exit(0)
    }
    let story = try await tell(options)
    print(Report(story).text)
    exit(story.verification.faults.isEmpty ? 0 : 1)
} catch {
    FileHandle.standardError.write(
        Data("QuickStart: \(error)\nWith --fresh it forgets what earlier runs left.\n".utf8)
    )
    exit(2)
}
