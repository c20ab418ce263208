// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Sends an endpoint's messages under its lane.
///
/// A message that fails waits for its next attempt beside the lane, so that later ones are not held up by it.
struct HookWork: Sendable {
    let core: EngineCore
    let endpoint: String
    let claimedAt: Duration
    let sendsUntil: Duration

    /// How long after each failure a message is sent again; after the last it has failed.
    ///
    /// About three days in all.
    static let retries: [Duration] = [
        .seconds(5), .seconds(300), .seconds(1800), .seconds(2 * 3600), .seconds(5 * 3600), .seconds(10 * 3600),
        .seconds(14 * 3600), .seconds(20 * 3600), .seconds(24 * 3600),
    ]
    /// How long an endpoint has to answer.
    static let timeout = Duration.seconds(20)
    /// After so many failures in a row the rest of a round waits.
    private static let failuresPerRound = 3
    private static let messagesPerRound = 32

    private typealias Message = (row: Row<HookDispatch>, isFresh: Bool)

    func run(_ lanes: [ClaimedLane]) async throws {
        for lane in lanes { try await run(lane) }
    }

    private func run(_ lane: ClaimedLane) async throws {
        guard let row = try await core.store.record(HookRecord.self, endpoint),
            let keys = try await core.vault.existingKeys(for: row.record.tenant)
        else {
            // The endpoint was removed while something was on its way to it.
            _ = try await core.store.purge(.integration(LaneID.hook(endpoint).integration), limit: 10_000)
            try await core.commit(releasing(lane, after: nil))
            return
        }
        var status = try await core.store.record(HookStatus.self, endpoint)?.record ?? HookStatus()
        guard !row.record.isSwitchedOff, status.disabled == nil else {
            try await core.commit(releasing(lane, after: nil))
            return
        }
        let secrets = try row.record.open(endpoint, keys)
        let now = core.now()
        let waiting = try await waitingMessages()
        let due: [Message] =
            waiting.filter { $0.record.nextAttempt ?? now <= now }.map { ($0, false) }
            + (try lane.jobs.map { (try Row<HookDispatch>($0), true) })
        let holdsUntil = claimedAt + lane.lease.duration * 4 / 5
        var sent: [Row<HookDispatch>] = []
        var events: [IntegrationEvent] = []
        var failures = 0
        for message in due.prefix(HookWork.messagesPerRound) {
            let clock = core.time.elapsed()
            guard clock < sendsUntil, clock + HookWork.timeout <= holdsUntil, !Task.isCancelled,
                failures < HookWork.failuresPerRound, status.disabled == nil
            else { break }
            guard let answer = try await send(message.row.record, secrets, keys, tenant: row.record.tenant) else {
                break
            }
            var changed = message.row
            note(answer, on: &changed.record, &status)
            failures = changed.record.state == .delivered ? 0 : failures + 1
            sent.append(changed)
            if let event = event(of: changed.record, status, tenant: row.record.tenant) { events.append(event) }
        }
        let done = Set(sent.map(\.id))
        let untried = due.contains { !done.contains($0.row.id) }
        let next = (waiting.filter { !done.contains($0.id) } + sent).compactMap(\.record.nextAttempt).min()
        var dueAfter = next.map { max($0.duration(since: core.now()), .seconds(1)) }
        if untried || lane.jobs.count >= EngineOptions.jobsPerLane {
            dueAfter = failures >= HookWork.failuresPerRound ? .seconds(60) : .zero
        }
        var changes = releasing(lane, after: status.disabled == nil ? dueAfter : nil)
        changes.requires = [.lease(lane.lease.lane, token: lane.lease.token)]
        changes.puts = try sent.map { try $0.record.row(tenant: row.record.tenant, options: core.options) }
        if !sent.isEmpty { changes.puts.append(try status.row(endpoint, tenant: row.record.tenant)) }
        do {
            try await core.commit(changes)
        } catch StoreFailure.conflict {
            return  // Somebody else has the lane and sends again; the receiver knows the messages by their ids.
        }
        for event in events { core.observe(event) }
    }

    private func waitingMessages() async throws -> [Row<HookDispatch>] {
        try await core.store.records(
            HookDispatch.self,
            matching: RowQuery(
                "hook.waiting",
                range: RowKey.join(endpoint, "")..<RowKey.join(endpoint, "~"),
                limit: HookWork.messagesPerRound * 2
            )
        )
    }

    // MARK: - One attempt

    private enum Answer {
        case taken
        case gone
        case failed(String, retryAfter: Duration?)
    }

    /// Sends a message once; nil if the task was cancelled.
    private func send(
        _ dispatch: HookDispatch,
        _ secrets: HookSecrets,
        _ keys: TenantKeys,
        tenant: String
    ) async throws -> Answer? {
        let key = HookDispatch.key(dispatch.message, to: endpoint)
        let body = try keys.open(dispatch.body, in: HookDispatch.context(key, tenant: tenant, endpoint: endpoint))
        let now = core.now()
        let signer = try WebhookSigner(
            secrets: secrets.signing.filter { $0.until.map { $0 > now } ?? true }.map { Secret($0.secret) }
        )
        var headers = signer.headers(id: dispatch.message, at: now, body: body)
        headers["Content-Type"] = "application/json"
        do {
            try core.options.addressRules.check(secrets.url)
            let request = HTTPRequest(.post, secrets.url, headers: headers, body: body, carriesCredential: false)
            let response = try await bounded(request)
            switch response?.status {
            case .some(200..<300): return .taken
            case .some(410): return .gone
            case .some(let status): return .failed("answered \(status)", retryAfter: response?.retryAfter)
            case nil: return .failed("did not answer in time", retryAfter: nil)
            }
        } catch let error as IntegrationError {
            return .failed("could not be reached (\(error.code.rawValue))", retryAfter: nil)
        } catch is CancellationError {
            return nil
        }
    }

    private func bounded(_ request: HTTPRequest) async throws -> HTTPResponse? {
        let context = OperationContext(
            platform: "webhook",
            operation: "send webhook",
            timeout: HookWork.timeout,
            maximumAnswerSize: 1 << 20
        )
        return try await withThrowingTaskGroup(of: HTTPResponse?.self) { group in
            defer { group.cancelAll() }
            group.addTask { [core] in try await core.transport.send(request, context: context) }
            group.addTask { [core] in
                try await core.time.sleep(HookWork.timeout)
                return nil
            }
            return try await group.next() ?? nil
        }
    }

    private func note(_ answer: Answer, on dispatch: inout HookDispatch, _ status: inout HookStatus) {
        let now = core.now()
        dispatch.attempts += 1
        dispatch.nextAttempt = nil
        switch answer {
        case .taken:
            dispatch.state = .delivered
            dispatch.body = Data()
            dispatch.lastAnswer = nil
            status.lastSuccess = now
            status.lastFailure = nil
        case .gone:
            dispatch.state = .failed
            dispatch.lastAnswer = "answered 410"
            status.lastFailure = dispatch.lastAnswer
            status.disabled = .gone
        case .failed(let reason, let retryAfter):
            dispatch.lastAnswer = reason
            status.lastFailure = reason
            guard dispatch.attempts <= HookWork.retries.count else {
                dispatch.state = .failed
                if status.lastSuccess.map({ $0 < dispatch.createdAt }) ?? true { status.disabled = .unreachable }
                return
            }
            let wait = HookWork.retries[dispatch.attempts - 1] * (1 + core.random.fraction() / 10)
            let advised = min(retryAfter ?? .zero, .seconds(24 * 3600))
            dispatch.nextAttempt = now.advanced(by: max(wait, advised))
        }
    }

    private func event(of dispatch: HookDispatch, _ status: HookStatus, tenant: String) -> IntegrationEvent? {
        func event(_ kind: IntegrationEvent.Kind, _ message: String) -> IntegrationEvent {
            IntegrationEvent(kind, date: core.now(), tenant: tenant, message: message)
        }
        if let disabled = status.disabled {
            return event(
                .endpointDisabled,
                "The webhook endpoint \(endpoint) gets nothing more: \(disabled.rawValue)."
            )
        }
        switch dispatch.state {
        case .delivered: return event(.webhookSent, "The webhook endpoint \(endpoint) took \(dispatch.message).")
        case .failed: return event(.webhookFailed, "The webhook endpoint \(endpoint) never took \(dispatch.message).")
        case .waiting: return nil
        }
    }

    private func releasing(_ lane: ClaimedLane, after: Duration?) -> Changes {
        Changes(
            id: core.random.uuid(),
            releases: [LaneRelease(lane.lease, seenTail: lane.tail, dueAfter: after)]
        )
    }
}

extension HookRecord {
    static func context(_ id: String, tenant: String) -> SealContext {
        SealContext(
            tenant: tenant,
            integration: LaneID.hook(id).integration,
            recordType: type,
            recordKey: id,
            purpose: "credential"
        )
    }

    func open(_ id: String, _ keys: TenantKeys) throws -> HookSecrets {
        try RecordCoding.decode(
            HookSecrets.self,
            from: try keys.open(sealed, in: HookRecord.context(id, tenant: tenant))
        )
    }

    mutating func seal(_ secrets: HookSecrets, _ id: String, _ keys: TenantKeys) throws {
        sealed = try keys.seal(try RecordCoding.encode(secrets), in: HookRecord.context(id, tenant: tenant))
    }

    func row(_ id: String) throws -> RowContent {
        try content(
            key: id,
            tenant: tenant,
            integration: LaneID.hook(id).integration,
            indexes: [IndexEntry("hook.tenant", tenant)]
        )
    }
}

extension HookStatus {
    func row(_ id: String, tenant: String) throws -> RowContent {
        try content(key: id, tenant: tenant, integration: LaneID.hook(id).integration)
    }
}
