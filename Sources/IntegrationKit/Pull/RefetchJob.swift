// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Makes the jobs that read one record of a platform again, in the lane that owns it.
enum RefetchJob {
    /// The job's row; one waits per record, and putting it again while it runs makes it run again.
    ///
    /// - Parameters:
    ///   - remote: The platform's record.
    ///   - host: Its partner; nil: none is known.
    ///   - words: What a create said that may have made the record: where the record shows it, it is no news.
    ///   - integration: The integration.
    ///   - core: The engine.
    ///   - privacy: What a person asked for; such a job is one of its own, so that no other takes its place.
    ///   - effect: What it is said to do to the host's record; nil: nobody knows yet.
    /// - Returns: The row.
    /// - Throws: What encoding it throws.
    static func row(
        of remote: RemoteID,
        host: HostReference?,
        said words: [FieldName: HostWord] = [:],
        integration: LoadedIntegration,
        core: EngineCore,
        privacy: PrivacyRequest? = nil,
        expecting effect: HeldChange.Effect? = nil
    ) throws -> RowContent {
        var job = job(of: remote, host: host, integration: integration, core: core)
        job.privacy = privacy
        job.guarded = effect.map { GuardMark(effect: $0) }
        let key = key(of: remote, in: integration.id, privacy: privacy)
        if !words.isEmpty { try job.seal(JobPayload(words: words), key, integration.keys) }
        return try job.row(key, memory: core.options.memory)
    }

    static func key(of remote: RemoteID, in integration: String, privacy: PrivacyRequest? = nil) -> String {
        let name = privacy.map { "privacy \($0.action.rawValue)" } ?? "refetch"
        return RowKey.join(name, integration, remote.kind.rawValue, remote.parent ?? "", remote.value)
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
            record: host,
            remote: remote,
            kind: remote.kind,
            enqueuedAt: core.storeNow()
        )
    }
}
