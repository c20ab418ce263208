// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

func export(_ manager: IntegrationManager, _ id: String, to file: FileHandle) async throws {
    // snippet: export
    for try await page in try await manager.exportLogs(of: id, as: .csv) {
        try file.write(contentsOf: page)
    }
    for try await page in try await manager.exportDeadLetters(of: id, as: .jsonLines, language: "fr") {
        try file.write(contentsOf: page)
    }
    // end
}

func activity(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: activity
    for day in try await manager.activity(of: id, days: 7) {
        print(day.day, day.count(.created), "created,", day.calls, "calls,", day.failedCalls, "failed")
        if let spread = day.latency["push contact"] { print("95 of 100 within", spread.p95) }
        if let lag = day.lag[.contact] { print("half of the events carried out within", lag.median) }
        if let lag = day.inboundLag[.contact] { print("half of the changes brought within", lag.median) }
    }
    // end
}

// snippet: notices
struct Pager: IntegrationObserver {
    let page: @Sendable (String) -> Void

    func observe(_ event: IntegrationEvent) {
        switch event.kind {
        case .incidentOpened: page(event.message + " " + (event.error?.remedy.text(in: "fr") ?? ""))
        case .incidentClosed: page(event.message)
        default: break
        }
    }
}
// end

func schedule(_ manager: IntegrationManager, _ integration: Integration) async throws {
    // snippet: schedule
    var settings = integration.settings
    settings.frequency = .dailyAt(DailyTime(hour: 2, timeZone: "Europe/Paris"))
    try await manager.update(integration.id, settings: settings)
    // end
}

func progress(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: progress
    for stream in try await manager.progress(of: id) where stream.finishedAt == nil {
        print(stream.stream, stream.done, "of", stream.total ?? 0, "until", stream.estimatedEnd ?? .distantFuture)
    }
    try await manager.pauseReading(id, kinds: [.contact])
    try await manager.resumeReading(id)  // or cancelReading(_:)
    // end
}

func held(_ manager: IntegrationManager, _ id: String) async throws {
    // snippet: held
    for change in try await manager.heldChanges(of: id) {
        print(change.effect, change.count, "of", change.total, change.kind.rawValue)
        try await manager.confirm(change, of: id)
    }
    // end
}

func endpoints(_ manager: IntegrationManager, _ url: URL) async throws {
    // snippet: endpoint
    let (endpoint, secret) = try await manager.addEndpoint(
        url,
        for: "tenant-42",
        types: [.recordSynced, .recordRefused, .integrationAttention]
    )
    secret.withExposedValue { print("Show this once:", $0) }
    // end

    // snippet: own-message
    try await manager.send(
        WebhookMessage("invoice.paid", id: "inv-7-paid", date: .now, data: ["invoice": "inv-7"]),
        to: "tenant-42"
    )
    // end

    // snippet: rotate
    let fresh = try await manager.rotateSecret(of: endpoint.id, overlap: .seconds(7 * 86_400))
    // end
    _ = fresh

    // snippet: dispatches
    for dispatch in try await manager.dispatches(of: endpoint.id) where dispatch.state == .failed {
        print(dispatch.id, dispatch.attempts, dispatch.lastAnswer ?? "")
        try await manager.resend(dispatch.id, to: endpoint.id)
    }
    try await manager.switchEndpoint(endpoint.id, on: true)
    // end
}

func checkReceived(_ headers: HTTPHeaders, _ body: Data, _ secret: Secret) throws {
    // snippet: receive
    try WebhookSigner(secrets: [secret]).verify(headers: headers, body: body, at: .now)
    // end
}
