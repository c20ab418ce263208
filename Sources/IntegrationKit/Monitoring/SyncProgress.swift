// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// How far the reading of one stream is: an import, a sweep, or the last look for changes.
public struct SyncProgress: Hashable, Sendable {
    /// The stream's name.
    public var stream: String
    /// The kinds of record that it carries.
    public var kinds: [RecordKind]
    /// When it began; nil: never.
    public var startedAt: Date?
    /// When it ended; nil: it has not.
    public var finishedAt: Date?
    /// How many records were read.
    public var done: Int
    /// How many there are, where the platform tells.
    public var total: Int?
    /// Whether a person paused it.
    public var isPaused: Bool
    /// Records per second so far; nil: too early to tell.
    public var rate: Double?
    /// When it will end at that rate; nil: it cannot be told.
    public var estimatedEnd: Date?

    init(_ stream: ChangeStream, _ progress: PullProgress?, isPaused: Bool) {
        self.stream = stream.id
        kinds = stream.kinds
        self.isPaused = isPaused
        startedAt = progress?.startedAt
        finishedAt = progress?.finishedAt
        done = progress?.done ?? 0
        total = progress?.total
        guard let progress else { return }
        let seconds = progress.at.timeIntervalSince(progress.startedAt)
        guard seconds > 0, progress.done > 0 else { return }
        let rate = Double(progress.done) / seconds
        self.rate = rate
        if let total, finishedAt == nil, !isPaused {
            estimatedEnd = progress.at.addingTimeInterval(Double(max(total - progress.done, 0)) / rate)
        }
    }
}

extension IntegrationManager {
    /// Tells how far the reading of each stream is.
    ///
    /// - Parameter id: The integration's id.
    /// - Returns: The streams.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func progress(of id: String) async throws -> [SyncProgress] {
        let integration = try await load(id)
        let streams = integration.streams
        let keys = streams.map { RowKey.join(id, $0.id) }
        let cursors = try await core.store.records(PullCursor.self, keys)
        let controls = try await core.store.records(PullControl.self, keys)
        return zip(streams, keys).map { stream, key in
            SyncProgress(
                stream,
                cursors[key]?.record.progress,
                isPaused: controls[key]?.record.isPaused ?? false
            )
        }
    }

    /// Pauses the reading of streams after the page that is being read; what goes out is not concerned.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - kinds: The kinds; nil: all.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func pauseReading(_ id: String, kinds: Set<RecordKind>? = nil) async throws {
        try await control(id, kinds) { $0.isPaused = true }
    }

    /// Goes on with the reading where it was paused.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - kinds: The kinds; nil: all.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func resumeReading(_ id: String, kinds: Set<RecordKind>? = nil) async throws {
        try await control(id, kinds) { control in
            if control.isPaused { control.isAsked = true }
            control.isPaused = false
        }
    }

    /// Gives up an import or sweep that is under way: from now on only changes are read.
    ///
    /// - Parameters:
    ///   - id: The integration's id.
    ///   - kinds: The kinds; nil: all.
    /// - Throws: ``IntegrationError`` with code `notFound`.
    public func cancelReading(_ id: String, kinds: Set<RecordKind>? = nil) async throws {
        try await control(id, kinds) { control in
            control.isCancelled = true
            control.isPaused = false
            control.isAsked = true
        }
    }

    private func control(
        _ id: String,
        _ kinds: Set<RecordKind>?,
        _ change: (inout PullControl) -> Void
    ) async throws {
        let integration = try await load(id)
        for stream in integration.streams where kinds.map({ !$0.isDisjoint(with: stream.kinds) }) ?? true {
            try await core.control(stream, of: integration, change)
        }
    }
}

extension EngineCore {
    /// Says something to a stream, whoever else does, and makes it look.
    func control(
        _ stream: ChangeStream,
        of integration: LoadedIntegration,
        _ change: (inout PullControl) -> Void
    ) async throws {
        let key = RowKey.join(integration.id, stream.id)
        for _ in 0..<8 {
            let row = try await store.record(PullControl.self, key)
            var control = row?.record ?? PullControl()
            change(&control)
            let touch = LaneTouch(
                .pull(stream, in: integration.id),
                tenant: integration.tenant,
                workClass: .pull
            )
            do {
                try await commit(
                    Changes(
                        id: random.uuid(),
                        requires: [row.map { .revision($0.id, $0.revision) } ?? .absent(PullControl.rowID(key))],
                        puts: [try control.row(key, integration)],
                        touches: [touch]
                    )
                )
                return
            } catch StoreFailure.conflict {
                continue
            }
        }
        throw EngineCore.storeError(nil)
    }
}
