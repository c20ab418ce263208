// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

/// Contacts from a server on this machine through URLSession into the host's records.
enum PullBenchmark {
    /// Serves pages that were made beforehand.
    private struct Pages: HTTPTransport {
        let pages: [Data]

        func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse {
            let body = Int(request.url.lastPathComponent).map { pages[$0] } ?? Data(#"{"id":"1"}"#.utf8)
            return HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: body)
        }
    }

    /// A host that takes what comes and keeps a count: what is measured is the way there.
    private struct Counter: HostRecords {
        let count = Tally()

        func current(_ records: [HostReference]) async throws -> [HostReference: HostRecord] { [:] }

        func apply(_ changes: [InboundChange]) async throws -> [InboundOutcome] {
            await count.add(changes.count, to: "applied")
            return changes.map { change in
                change.host.map { .applied($0, stored: nil) }
                    ?? .refused(IntegrationError(.invalidInput, "There is no record."))
            }
        }
    }

    static func run(_ meter: Meter) async throws {
        for count in meter.isQuick ? [10_000] : [10_000, 50_000] {
            try await run(meter, contacts: count, store: InMemoryIntegrationStore(), name: "in memory")
            try await meter.inFolder { folder in
                let store = try JSONFileIntegrationStore(directory: folder)
                try await run(meter, contacts: count, store: store, name: "on files")
                await store.close()
            }
        }
    }

    private static func run(
        _ meter: Meter,
        contacts count: Int,
        store: some IntegrationStore & TenantKeyStore,
        name: String
    ) async throws {
        let server = LoopbackServer(serving: Pages(pages: pages(of: count)))
        let address = try await server.start()
        defer { server.stop() }
        let raw = try await Meter.seconds {
            let transport = URLSessionTransport()
            for page in 0..<count / 100 {
                _ = try await transport.send(
                    HTTPRequest(.get, address.appending(path: "pages/\(page)")),
                    context: OperationContext(platform: InstantProvider.id, operation: "raw")
                )
            }
        }
        var options = EngineOptions()
        options.addressRules = AddressRules(allowsLoopback: true)
        let manager = try await IntegrationManager(
            providers: [InstantProvider(address: address)],
            store: store,
            keyring: try Keyring(current: RandomSource.system.bytes(32)),
            namespace: "benchmark",
            options: options
        )
        let host = Counter()
        let coordinator = SyncCoordinator(manager, host: host)
        _ = try await manager.connect(
            InstantProvider.id,
            for: "tenant",
            name: "Instant",
            form: ["api_key": "k"],
            settings: SyncSettings(direction: .pull)
        )
        let memory = Meter.memory
        let seconds = try await Meter.seconds {
            _ = try await coordinator.syncOnce(until: .now + .seconds(120))
        }
        let pulled = await host.count.take()["applied"] ?? 0
        meter.line(
            "\(pulled.formatted()) contacts pulled, \(name) (theirs: bytes alone)",
            ours: Double(pulled) / seconds,
            theirs: Double(count) / raw,
            unit: "contacts/s",
            aim: "200,000"
        )
        meter.note(
            "memory added, what the store keeps included",
            "\((Meter.memory - memory) / max(pulled, 1)) bytes a contact"
        )
        // Nothing changed: every contact is read, mapped, compared and left as it is.
        let account = try await manager.integrations(of: "tenant")
        for integration in account { try await coordinator.pull(integration.id, sweep: true) }
        let again = try await Meter.seconds {
            _ = try await coordinator.syncOnce(until: .now + .seconds(120))
        }
        meter.line("the same once more", ours: Double(count) / again, unit: "contacts/s")
    }

    private static func pages(of count: Int) -> [Data] {
        (0..<count / 100).map { page in
            let results = (0..<100).map { place -> JSONValue in
                let number = page * 100 + place
                return [
                    "id": .string("\(number)"), "version": "1",
                    "values": [
                        "email": .string("ada.\(number)@example.fr"), "first_name": "Ada", "last_name": "Lovelace",
                        "phone": .string("+3361234\(number % 10_000)"), "city": "Paris",
                    ],
                ]
            }
            var answer: JSONObject = ["results": .array(results)]
            if (page + 1) * 100 < count { answer["next"] = .number(JSONNumber(page + 1)) }
            return JSONValue.object(answer).data
        }
    }
}
