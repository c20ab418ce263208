// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import IntegrationKit

@Suite struct SyncReportTests {
    @Test func `A report names each integration once, with its kinds in order`() {
        let report = SyncReport(lines: [
            SyncReport.Line(integration: "a", name: "Mon HubSpot", kind: .contact, counts: [.updated: 1, .created: 2]),
            SyncReport.Line(integration: "a", name: "Mon HubSpot", kind: .call, counts: [.created: 1, .refused: 0]),
        ])
        #expect(report.description == "Mon HubSpot: 1 call created, 2 contact created, 1 contact updated")
        #expect(SyncReport().description == "Nothing to do")
    }

    @Test func `An incident is reported once, and waiting for one's turn is none`() {
        let tally = SyncTally()
        let outage = IntegrationError(.network, "The connection broke.", retry: .after(.seconds(1)))
        tally.add(outage)
        tally.add(IntegrationError(.network, "The connection broke.", retry: .after(.seconds(2))))
        tally.add(IntegrationError(.limited, "The budget search is used up for now.", budget: "search"))
        tally.add(IntegrationError(.limited, "Too many calls.", context: IntegrationError.Context(status: 429)))
        #expect(
            tally.report(calls: [:], nextDue: nil).problems.map(\.message) == [
                "The connection broke.", "Too many calls.",
            ]
        )
    }
}
