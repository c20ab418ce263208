// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// What the engine asks of a store, as the engine asks it: jobs that are put into lanes, claimed and finished.
struct StoreWorkload {
    /// The most lanes of one claim, and the puts of one commit.
    static let batch = 100
    private static let integrations = 8
    private static let payload = String(repeating: "k", count: 400)

    let store: any IntegrationStore

    /// A job's row: its indexes are those of the engine's jobs, its body is as long as a sealed job's.
    static func job(_ number: Int, isFinished: Bool = false) -> (content: RowContent, lane: LaneID) {
        let integration = "integration-\(number % integrations)"
        let lane = LaneID(integration: integration, subject: "h|prospect|prospect-\(number)")
        var indexes = [
            IndexEntry("job.event", "tenant|event-\(number)"),
            IndexEntry("record", "tenant|prospect|prospect-\(number)"),
        ]
        if !isFinished {
            indexes.append(IndexEntry("job.state", "\(integration)|queued"))
            indexes.append(IndexEntry(LaneID.indexName, lane.indexKey))
        }
        let payload = isFinished ? "" : payload
        let body = """
            {"action":"create","event":"event-\(number)","integration":"\(integration)","kind":"contact",\
            "payload":"\(payload)","state":"\(isFinished ? "finished" : "queued")"}
            """
        let content = RowContent(
            id: RowID(type: "job", key: "tenant|event-\(number)|\(integration)|contact|create"),
            tenant: "tenant",
            integration: integration,
            indexes: indexes,
            body: Data(body.utf8),
            keep: isFinished ? .seconds(86_400) : nil
        )
        return (content, lane)
    }

    /// Rows that are simply there: links, each under its own lane-less keys.
    static func link(_ number: Int) -> RowContent {
        let integration = "integration-\(number % integrations)"
        return RowContent(
            id: RowID(type: "link", key: "\(integration)|prospect|old-\(number)"),
            tenant: "tenant",
            integration: integration,
            indexes: [
                IndexEntry("link.key", "\(integration)|ik\(number)"),
                IndexEntry("link.remote", "\(integration)|contact||\(number)", isUnique: true),
                IndexEntry("record", "tenant|prospect|old-\(number)"),
            ],
            body: Data(#"{"externalKey":"ik\#(number)","kind":"contact","remote":"\#(number)","state":"linked"}"#.utf8)
        )
    }

    /// The bytes of a row's content.
    static func size(of row: RowContent) -> Int {
        let keys = row.indexes.reduce(0) { $0 + $1.name.utf8.count + $1.key.utf8.count }
        return row.id.type.utf8.count + row.id.key.utf8.count + row.tenant.utf8.count
            + (row.integration?.utf8.count ?? 0) + keys + row.body.count
    }

    /// Puts links until `count` are there.
    func fill(_ range: Range<Int>) async throws {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 1000) {
            let part = start..<min(start + 1000, range.upperBound)
            try await store.commit(Changes(id: UUID(), puts: part.map(StoreWorkload.link)))
        }
    }

    /// Queues jobs in one commit.
    func enqueue(_ numbers: Range<Int>) async throws {
        var changes = Changes(id: UUID())
        for number in numbers {
            let (content, lane) = StoreWorkload.job(number)
            changes.requires.insert(.absent(content.id))
            changes.puts.append(content)
            changes.touches.append(LaneTouch(lane, tenant: "tenant", workClass: .live))
        }
        try await store.commit(changes)
    }

    /// Claims up to 100 lanes and finishes their jobs in one commit.
    ///
    /// - Returns: How many jobs were finished.
    func claimAndComplete() async throws -> Int {
        let answer = try await store.claimLanes(
            LaneClaim(
                owner: UUID(),
                lease: .seconds(120),
                shares: [.live: StoreWorkload.batch],
                perIntegration: StoreWorkload.batch
            )
        )
        var changes = Changes(id: UUID())
        for lane in answer.lanes {
            changes.requires.insert(.lease(lane.lease.lane, token: lane.lease.token))
            changes.releases.append(LaneRelease(lane.lease, seenTail: lane.tail))
            for job in lane.jobs {
                guard let number = StoreWorkload.number(of: job.content.id) else { continue }
                changes.puts.append(StoreWorkload.job(number, isFinished: true).content)
            }
        }
        try await store.commit(changes)
        return changes.puts.count
    }

    /// The number in a job's key.
    static func number(of id: RowID) -> Int? {
        id.key.split(separator: "|").dropFirst().first.flatMap { Int($0.dropFirst("event-".count)) }
    }
}
