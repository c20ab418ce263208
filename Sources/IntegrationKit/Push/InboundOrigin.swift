// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What is being carried to the host while its `apply` runs: events raised there know where they come from.
struct InboundOrigin: Sendable {
    @TaskLocal static var current: InboundOrigin?

    private let integration: String
    private let remotes: [HostReference: RemoteID]
    private let first: RemoteID

    /// Notes the changes of one call.
    init?(_ changes: [InboundChange]) {
        guard let change = changes.first else { return nil }
        integration = change.integration
        first = change.remote
        remotes = Dictionary(
            changes.compactMap { change in change.host.map { ($0, change.remote) } },
            uniquingKeysWith: { a, _ in a }
        )
    }

    /// Where an event about a record comes from.
    func origin(of record: HostReference) -> DomainEvent.Origin {
        DomainEvent.Origin(integration: integration, remote: remotes[record] ?? first)
    }
}
