// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Makes the jobs that read one record of a platform again, in the lane that owns it.
enum RefetchJob {
    /// The job's row; one waits per record, and putting it again while it runs makes it run again.
    ///
    /// - Parameters:
    ///   - remote: The platform's record.
    ///   - host: Its partner; nil: none is known.
    ///   - integration: The integration.
    ///   - core: The engine.
    static func row(
        of remote: RemoteID,
        host: HostReference?,
        integration: LoadedIntegration,
        core: EngineCore
    ) throws -> RowContent {
        try job(of: remote, host: host, integration: integration, core: core)
            .row(key(remote, in: integration.id), memory: core.options.memory)
    }

    static func key(_ remote: RemoteID, in integration: String) -> String {
        RowKey.join("refetch", integration, remote.kind.rawValue, remote.parent ?? "", remote.value)
    }

    static func lane(of remote: RemoteID, host: HostReference?, in integration: String) -> LaneID {
        host.map { .record($0, in: integration) } ?? .remote(remote, in: integration)
    }

    private static func job(
        of remote: RemoteID,
        host: HostReference?,
        integration: LoadedIntegration,
        core: EngineCore
    ) -> SyncJob {
        SyncJob(
            tenant: integration.tenant,
            lane: lane(of: remote, host: host, in: integration.id),
            action: .refetch,
            event: nil,
            record: host,
            remote: remote,
            kind: remote.kind,
            occurredAt: nil,
            enqueuedAt: core.now(),
            payload: Data(),
            needs: [],
            state: .queued,
            failures: 0,
            waits: 0,
            mayHaveBeenSent: false,
            isOwnEcho: false
        )
    }
}
