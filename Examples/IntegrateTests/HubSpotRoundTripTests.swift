// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrateCommands
import IntegrationKit
import IntegrationKitTesting
import Testing

/// The tool against a HubSpot over HTTP, command by command, with the platform's own books as the judge.
@Suite(.timeLimit(.minutes(5)))
struct HubSpotRoundTripTests {
    private func mode(_ path: String, in world: HubSpotWorld) throws -> Int? {
        let path = world.folder.url.appending(path: path).path(percentEncoded: false)
        return try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `connecting asks for the secret without echo and stores it nowhere in the clear`() async throws {
        let world = try await HubSpotWorld()
        let prompt = ScriptedPrompt([world.token])
        let run = await world.run(
            "connect",
            "hubspot",
            "--base-url",
            world.address.absoluteString,
            "--allow-http",
            "--allow-private",
            environment: [:],
            prompt: prompt
        )
        #expect(run.code == .done, "\(run.errors)")
        #expect(run.output.contains("account 42"))
        #expect(await prompt.secretQuestions.count == 1)
        #expect(await prompt.questions.isEmpty)
        #expect(try mode(".integrate", in: world) == 0o700)
        #expect(try mode(".integrate.key", in: world) == 0o600)
        #expect(try mode(".integrate/integrate.json", in: world) == 0o600)
        #expect(!(run.output + run.errors).contains(world.token))
        for (file, bytes) in try world.folder.everything() {
            #expect(bytes.firstRange(of: Data(world.token.utf8)) == nil, "\(file.lastPathComponent)")
        }
        #expect(await world.run("test").code == .done)
    }

    @Test func `a secret as an argument is refused and not repeated`() async throws {
        let world = try await HubSpotWorld()
        let run = await world.run("connect", "hubspot", "--field", "access_token=\(world.token)", environment: [:])
        #expect(run.code == .usage)
        #expect(run.errors.contains("INTEGRATE_HUBSPOT_ACCESS_TOKEN"))
        #expect(!run.errors.contains(world.token))
    }

    @Test func `an address without encryption or in the own network is called only when that is allowed`() async throws
    {
        let world = try await HubSpotWorld()
        for allowed in [[], ["--allow-http"], ["--allow-private"]] {
            let words = ["connect", "hubspot", "--base-url", world.address.absoluteString] + allowed
            let run = await ToolRun.run(
                words,
                in: world.folder,
                environment: world.environment,
                time: world.clock.timeSource
            )
            #expect(run.code == .failed)
            #expect(run.errors.contains("--allow-"))
        }
        #expect(world.hubSpot.calls.isEmpty)
        let run = await world.run("list")
        #expect(run.output.contains("Nothing is connected"))
    }

    @Test func `events go out, a malformed line is named, and pushing again does nothing twice`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.folder.write(
            HubSpotWorld.prospects(0..<3) + "{\"event\": \"prospect.created\", \"record\": \"p-9\"}\n"
                + HubSpotWorld.prospects(3..<5),
            to: "events.jsonl"
        )
        let first = await world.run("push", "events.jsonl")
        #expect(first.code == .partly, "\(first.errors)")
        #expect(first.errors.contains("line 4:"))
        #expect(world.contacts().count == 5)
        let again = await world.run("push", "events.jsonl", "--json")
        #expect(again.code == .partly)
        let json = try again.json()
        #expect(json["known"]?.int64 == 5)
        #expect(json["queued"]?.int64 == 0)
        #expect(world.contacts().values.allSatisfy { $0.count == 1 })
        #expect(try world.records()["p-1"]?["fields"]?["last_name"] == "Numéro 1")
    }

    @Test func `edits and new records of the platform come into the records file, and only once`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<3)
        #expect(await world.run("push", "events.jsonl").code == .done)
        world.pass()
        #expect(await world.run("pull").code == .done)
        let edited = try #require(world.contacts()["p1@example.fr"]?.first)
        try world.hubSpot.edit("contact", edited.id, in: HubSpotWorld.portal, ["city": "Quimper"])
        try world.hubSpot.create("contact", in: HubSpotWorld.portal, ["email": "new@example.fr", "firstname": "Noé"])
        world.pass()
        let pull = await world.run("pull", "--json")
        #expect(pull.code == .done, "\(pull.errors)")
        #expect(try pull.json()["created"]?.int64 == 1)
        #expect(try pull.json()["changed"]?.int64 == 1)
        let records = try world.records()
        #expect(records.count == 4)
        #expect(records["p-1"]?["fields"]?["city"] == "Quimper")
        #expect(records["p-1"]?["fields"]?["last_name"] == "Numéro 1")
        #expect(records.values.contains { $0["fields"]?["email"] == "new@example.fr" })
        world.pass()
        let again = await world.run("pull", "--all")
        #expect(again.output.contains("Nothing new"))
        #expect(try world.records() == records)
    }

    @Test func `a deletion on either side is carried out on the other where that was chosen`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        let chosen = await world.run("settings", "on-host-delete=carry-out", "on-remote-delete=carry-out")
        #expect(chosen.code == .done, "\(chosen.errors)")
        try world.writeProspects(0..<3)
        #expect(await world.run("push", "events.jsonl").code == .done)
        try world.folder.write(#"{"event": "prospect.deleted", "id": "evt-x", "record": "p-0"}"#, to: "more.jsonl")
        let push = await world.run("push", "more.jsonl")
        #expect(push.code == .done, "\(push.output) \(push.errors)")
        #expect(world.contacts()["p0@example.fr"] == nil)
        world.pass()
        #expect(await world.run("pull").code == .done)
        let gone = try #require(world.contacts()["p1@example.fr"]?.first)
        try world.hubSpot.archive("contact", gone.id, in: HubSpotWorld.portal)
        world.pass()
        let pull = await world.run("pull", "--all")
        #expect(pull.code == .done, "\(pull.output) \(pull.errors)")
        let records = try world.records()
        #expect(records["p-0"]?["deleted"] == true)
        #expect(records["p-1"]?["deleted"] == true)
        #expect(records["p-2"]?["fields"] != nil)
        // The old events again: nothing comes back.
        #expect(await world.run("push", "events.jsonl").code == .done)
        #expect(try world.records()["p-0"]?["deleted"] == true)
        #expect(world.contacts().count == 1)
    }

    @Test func `an edit by hand goes out by an event`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<1)
        #expect(await world.run("push", "events.jsonl").code == .done)
        let path = ".integrate/records.jsonl"
        try world.folder.write(try world.folder.read(path).replacing("Numéro 0", with: "Guivarc’h"), to: path)
        try world.folder.write(
            #"{"event": "prospect.updated", "id": "evt-e", "record": "p-0", "fields": {"last_name": "Guivarc’h"}}"#,
            to: "edit.jsonl"
        )
        #expect(await world.run("push", "edit.jsonl").code == .done)
        #expect(world.contacts()["p0@example.fr"]?.first?.properties["lastname"] == "Guivarc’h")
    }

    @Test func `an edit by hand that no event told of survives a pull and stays here`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<1)
        #expect(await world.run("push", "events.jsonl").code == .done)
        world.pass()
        #expect(await world.run("pull").code == .done)
        let path = ".integrate/records.jsonl"
        try world.folder.write(try world.folder.read(path).replacing("Numéro 0", with: "Guivarc’h"), to: path)
        let contact = try #require(world.contacts()["p0@example.fr"]?.first)
        try world.hubSpot.edit("contact", contact.id, in: HubSpotWorld.portal, ["city": "Quimper"])
        world.pass()
        let pull = await world.run("pull")
        #expect(pull.code == .done, "\(pull.output) \(pull.errors)")
        #expect(try world.records()["p-0"]?["fields"]?["last_name"] == "Guivarc’h")
        #expect(try world.records()["p-0"]?["fields"]?["city"] == "Quimper")
        #expect(world.contacts()["p0@example.fr"]?.first?.properties["lastname"] == "Numéro 0")
    }

    @Test func `an interrupt ends the push cleanly, and the next one goes on`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<450)
        let (interrupts, interrupt) = AsyncStream<Void>.makeStream()
        let once = Once()
        world.hubSpot.onStep { step in
            if step.moment == .performed, step.request.url.path.contains("batch"), once.isIt() { interrupt.yield() }
        }
        let first = await world.run("push", "events.jsonl", interrupts: interrupts)
        world.hubSpot.onStep(nil)
        #expect(first.code == .interrupted, "\(first.output) \(first.errors)")
        #expect(world.contacts().count < 450)
        let second = await world.run("push", "events.jsonl")
        #expect(second.code == .done, "\(second.output) \(second.errors)")
        let contacts = world.contacts()
        #expect(contacts.count == 450)
        #expect(contacts.values.allSatisfy { $0.count == 1 })
        for number in 0..<450 {
            let email = "p\(number)@example.fr"
            #expect(
                world.hubSpot.creationCount(of: "contact", where: "email", is: email, in: HubSpotWorld.portal) == 1
            )
        }
    }

    @Test func `a refused record is a dead letter with a remedy, and is sent once its cause is mended`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.folder.write(
            HubSpotWorld.prospects(0..<2)
                + #"{"event": "prospect.created", "id": "evt-bad", "record": "p-bad", "fields": {"email": "no address"}}"#,
            to: "events.jsonl"
        )
        let push = await world.run("push", "events.jsonl")
        #expect(push.code == .partly, "\(push.output)")
        let list = await world.run("dead-letters")
        #expect(list.code == .partly)
        #expect(list.output.contains("prospect/p-bad"))
        #expect(await world.run("status").code == .partly)
        let why = await world.run("why", "evt-bad")
        #expect(why.output.contains("stopped"))
        #expect(await world.run("dead-letters", "replay", "evt-other").code == .failed)
        try world.folder.write(
            #"{"event": "prospect.updated", "id": "evt-good", "record": "p-bad", "fields": {"email": "ok@example.fr"}}"#,
            to: "more.jsonl"
        )
        #expect(await world.run("dead-letters", "replay", "evt-bad").code == .done)
        let mended = await world.run("push", "more.jsonl")
        #expect(mended.code == .done, "\(mended.output)")
        #expect(world.contacts()["ok@example.fr"]?.count == 1)
    }

    @Test func `what is shown about fields, mappings, logs and status is what the account has`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<2)
        #expect(await world.run("push", "events.jsonl").code == .done)
        let fields = try await world.run("fields", "Sales", "contact", "--json").json()
        #expect(fields["fields"]?.array?.contains { $0["name"] == "email" } == true)
        let preview = await world.run("map", "Sales", "contact", "--preview", "events.jsonl")
        #expect(preview.output.contains("p0@example.fr"))
        #expect(preview.code == .done, "\(preview.output)")
        let mapping = await world.run("map", "Sales", "prospect", "--json")
        try world.folder.write(mapping.output.replacing("firstname", with: "no_such_field"), to: "mapping.json")
        let refused = await world.run("map", "Sales", "--set", "mapping.json")
        #expect(refused.code == .failed)
        #expect(refused.errors.contains("first_name"))
        try world.folder.write(mapping.output, to: "mapping.json")
        #expect(await world.run("map", "Sales", "--set", "mapping.json").code == .done)
        let csv = await world.run("logs", "--export", "csv")
        #expect(csv.output.split(separator: "\r\n").count == 3)
        #expect(csv.output.contains(",created,"))
        let lines = await world.run("logs", "--export", "jsonl", "--out", "log.jsonl")
        #expect(lines.code == .done)
        #expect(try world.folder.read("log.jsonl").split(separator: "\n").count == 2)
        #expect(await world.run("status").code == .done)
        let why = await world.run("why", "p-1")
        #expect(why.output.contains("linked with contact"))
    }

    @Test func `a disabled integration sends nothing, and a deleted one is gone after a question`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<1)
        #expect(await world.run("disable", "--keep").code == .done)
        let waiting = await world.run("push", "events.jsonl")
        #expect(waiting.code == .waiting, "\(waiting.output)")
        #expect(world.contacts().isEmpty)
        #expect(await world.run("enable", "hubspot").code == .done)
        #expect(await world.run("push").code == .done)
        #expect(world.contacts().count == 1)
        #expect(await world.run("delete").code == .usage)
        #expect(await world.run("delete", prompt: ScriptedPrompt(["n"])).code == .failed)
        #expect(await world.run("list").output.contains("Sales"))
        #expect(await world.run("delete", prompt: ScriptedPrompt(["y"])).code == .done)
        #expect(await world.run("push", "events.jsonl").code == .failed)
        #expect(world.contacts().count == 1)
    }

    @Test func `the archive of the traffic holds no secret`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<2)
        #expect(await world.run("push", "events.jsonl", "--har", "traffic.har").code == .done)
        let archive = try JSONValue(parsing: Data(try world.folder.read("traffic.har").utf8))
        #expect(archive["log"]?["entries"]?.array?.isEmpty == false)
        #expect(try !world.folder.read("traffic.har").contains(world.token))
    }

    @Test func `a refused sign-in waits for a new one and then goes on`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<2)
        world.hubSpot.revokeToken(world.token)
        let refused = await world.run("push", "events.jsonl", environment: ["LANG": "fr_FR.UTF-8"])
        #expect(refused.code == .waiting, "\(refused.output)")
        #expect(refused.output.contains("--again"))
        let fresh = world.hubSpot.issueToken(for: HubSpotWorld.portal)
        let again = await world.run(
            "connect",
            "hubspot",
            "--again",
            "Sales",
            environment: ["INTEGRATE_HUBSPOT_ACCESS_TOKEN": fresh]
        )
        #expect(again.code == .done, "\(again.errors)")
        #expect(await world.run("push").code == .done)
        #expect(world.contacts().count == 2)
    }

    @Test func `a genuine webhook is taken once and brings the record in, a forged one is refused`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        #expect(await world.run("pull").code == .done)
        world.hubSpot.configureApp { app in
            app.targetURL = "https://hooks.example/hubspot"
            app.subscriptions = [SimulatedHubSpot.Subscription("contact.creation", id: 1)]
        }
        try world.hubSpot.create("contact", in: HubSpotWorld.portal, ["email": "hook@example.fr"])
        let delivery = try #require(world.hubSpot.takeDeliveries().first)
        var text = "\(delivery.method.rawValue) /hubspot HTTP/1.1\r\nHost: hooks.example\r\n"
        for field in delivery.headers.fields { text += "\(field.name): \(field.value)\r\n" }
        text += "\r\n" + String(decoding: delivery.body ?? Data(), as: UTF8.self)
        try world.folder.write(text, to: "delivery.http")
        try world.folder.write(text.replacing("creation", with: "deletion"), to: "forged.http")
        let secret = ["INTEGRATE_HUBSPOT_WEBHOOK_SECRET": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"]
        #expect(await world.run("webhook", "forged.http", environment: secret).code == .failed)
        let taken = await world.run("webhook", "delivery.http", "--json", environment: secret)
        #expect(taken.code == .done, "\(taken.output) \(taken.errors)")
        #expect(try taken.json()["accepted"]?.int64 == 1)
        #expect(try world.records().values.contains { $0["fields"]?["email"] == "hook@example.fr" })
        let repeated = await world.run("webhook", "delivery.http", "--json", environment: secret)
        #expect(try repeated.json()["ignored"]?.int64 == 1)
        world.pass(.seconds(3600))
        #expect(await world.run("webhook", "delivery.http", environment: secret).code == .failed)
        let then = ISO8601.string(from: world.clock.timeSource.now().addingTimeInterval(-3600))
        #expect(await world.run("webhook", "delivery.http", "--received", then, environment: secret).code == .done)
    }

    @Test func `a damaged store is repaired after a question, with a copy, and the next push doubles nothing`()
        async throws
    {
        let world = try await HubSpotWorld()
        try await world.connect()
        try world.writeProspects(0..<20)
        #expect(await world.run("push", "events.jsonl").code == .done)
        #expect(await world.run("repair").output.contains("Nothing is damaged"))
        let store = world.folder.url.appending(path: ".integrate/store")
        let names = try FileManager.default.contentsOfDirectory(atPath: store.path(percentEncoded: false))
        let journal = try #require(
            names.map { store.appending(path: $0) }.max { left, right in
                (try? Data(contentsOf: left).count) ?? 0 < (try? Data(contentsOf: right).count) ?? 0
            }
        )
        var bytes = try Data(contentsOf: journal)
        let middle = bytes.count / 2
        for place in middle..<(middle + 40) { bytes[place] = UInt8(ascii: "#") }
        try bytes.write(to: journal)
        let broken = await world.run("status")
        #expect(broken.code == .failed)
        #expect(broken.errors.contains("damaged"))
        let asked = await world.run("repair", prompt: ScriptedPrompt(["n"]))
        #expect(asked.code == .failed)
        #expect(asked.output.contains("lost"))
        let repaired = await world.run("repair", "--yes", "--json")
        #expect(repaired.code == .done, "\(repaired.errors)")
        let copy = try #require(try repaired.json()["copy"]?.string)
        #expect(try Data(contentsOf: URL(filePath: copy).appending(path: journal.lastPathComponent)) == bytes)
        _ = await world.run("push", "events.jsonl")
        #expect(world.contacts().count == 20)
        #expect(world.contacts().values.allSatisfy { $0.count == 1 })
    }

    @Test func `a remedy is in the language of the person`() async throws {
        let world = try await HubSpotWorld()
        let run = await world.run("push", "events.jsonl", environment: ["LANG": "fr_FR.UTF-8"])
        #expect(run.code == .failed)
        #expect(run.errors.contains("Lancez `integrate catalogue`"))
    }

    @Test func `without its key a store is not opened under a new one`() async throws {
        let world = try await HubSpotWorld()
        try await world.connect()
        try FileManager.default.removeItem(at: world.folder.url.appending(path: ".integrate.key"))
        let run = await world.run("connect", "hubspot")
        #expect(run.code == .failed)
        #expect(run.errors.contains("INTEGRATE_KEY"))
        #expect(await world.run("status", environment: ["INTEGRATE_KEY": "abc"]).code == .failed)
        let other = Data(repeating: 7, count: 32).base64EncodedString()
        #expect(await world.run("test", environment: ["INTEGRATE_KEY": other]).code == .failed)
    }
}
