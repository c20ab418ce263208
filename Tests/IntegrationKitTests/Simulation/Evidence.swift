// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting

@testable import IntegrationKit

/// What is seen of the processes from outside, by what they send and commit.
final class Evidence: Sendable {
    struct Holder: Sendable {
        var token: Int64
        var process: Int
        var until: Duration
    }

    private struct State: Sendable {
        /// How many calls left the processes.
        var calls = 0
        var violations: [Violation] = []
        /// Creates whose outcome nobody knows: what was sent, by the key that names the record.
        var unknown: [String: JSONValue] = [:]
        /// Until when the last sending of a create may have its effect, by the key that names the record.
        var arrivals: [String: Duration] = [:]
        var holders: [LaneID: Holder] = [:]
        var tokens: [LaneID: Int64] = [:]
        /// Sign-ins of accounts for which nothing may leave.
        var stopped: Set<String> = []
        var secrets: [String] = []
        var erased: Set<String> = []
        /// Whether two records may have one name on the wire.
        var isDoubtful = false
    }

    private let state = LockBox(State())

    /// What every personal value of a simulation contains and nothing else does.
    static let mark = "qx."

    /// The first violation that was seen.
    var violation: Violation? { state.withLock { $0.violations.first } }

    func report(_ invariant: Invariant, _ detail: String) {
        state.withLock { $0.violations.append(Violation(invariant: invariant, detail: detail)) }
    }

    func expect(_ condition: Bool, _ invariant: Invariant, _ detail: @autoclosure () -> String) {
        if !condition { report(invariant, detail()) }
    }

    func keepSecret(_ secret: String) { state.withLock { $0.secrets.append(secret) } }

    func stop(_ token: String) { state.withLock { _ = $0.stopped.insert(token) } }

    func allow(_ token: String) { state.withLock { _ = $0.stopped.remove(token) } }

    func isStopped(_ token: String) -> Bool { state.withLock { $0.stopped.contains(token) } }

    func erase(_ tenant: String) { state.withLock { _ = $0.erased.insert(tenant) } }

    /// An integration that begins anew knows nothing of the attempts of an earlier one.
    func forget(_ token: String) {
        state.withLock { $0.unknown = $0.unknown.filter { !$0.key.hasPrefix(token) } }
    }

    /// From now on two records may share a mail address.
    func doubt() { state.withLock { $0.isDoubtful = true } }

    /// What was made is gone again: what is made in its place is another record.
    func forgetUnknown() { state.withLock { $0.unknown = [:] } }

    /// A store that was opened again knows of no lease.
    func reopen() { state.withLock { $0.holders = [:] } }

    /// A store that was brought back from a backup knows nothing of what was sent since, nor of its leases.
    func restore() {
        state.withLock { state in
            state.unknown = [:]
            state.holders = [:]
            state.tokens = [:]
        }
    }

    // MARK: - Requests

    /// The most calls of a world: a history of 40 steps has two or three hundred.
    static let mostCalls = 3000

    /// Counts a call; false: there is no end of them.
    func mayCall() -> Bool {
        let calls = state.withLock { state in
            state.calls += 1
            return state.calls
        }
        expect(calls != Self.mostCalls, .silence, "\(calls) calls left, and more would")
        return calls < Self.mostCalls
    }

    /// Looks at a request that is about to leave.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - process: Whose it is.
    ///   - lateness: How long ago the last committed attempt of the process ran out; negative: it still holds.
    ///   - now: When, by the clock that never jumps.
    func willSend(_ request: HTTPRequest, of process: Int, lateness: TimeInterval?, at now: Duration) {
        let token = request.headers["Authorization"]?.split(separator: " ").last.map(String.init) ?? ""
        state.withLock { state in
            if state.stopped.contains(token) {
                state.violations.append(
                    Violation(invariant: .stoppedIsStopped, detail: "\(request.method.rawValue) \(request.url.path)")
                )
            }
        }
        // A shop refuses a second product of one SKU.
        let isProtected = request.url.path.hasSuffix("/upsert") || request.url.path.contains("/products")
        for (key, input) in Self.creates(in: request) {
            let name = "\(token) \(key)"
            let isEarly = state.withLock { state in
                let earlier = state.unknown[name] == nil ? nil : state.arrivals[name]
                // It may leave until its moment is over; then come the request's deadline and the platform's settling.
                let leaves = now + .seconds(max(0, -(lateness ?? 0)))
                state.arrivals[name] = leaves + Account.settling(of: request)
                return earlier.map { $0 > now } ?? false
            }
            expect(isProtected || !isEarly, .patience, "\(key) leaves again while its first sending may still arrive")
            expect(lateness != nil, .leavesInTime, "\(key) leaves without a committed attempt")
            expect(lateness ?? 0 <= 0, .leavesInTime, "\(key) leaves \(lateness ?? 0) s too late")
            state.withLock { state in
                guard !state.isDoubtful, let earlier = state.unknown["\(token) \(key)"], earlier != input else {
                    return
                }
                state.violations.append(Violation(invariant: .sameBytes, detail: "\(key): \(earlier) then \(input)"))
            }
        }
    }

    /// Notes how a request ended; nil: nobody knows.
    func ended(_ request: HTTPRequest, _ response: HTTPResponse?) {
        let creates = Self.creates(in: request)
        guard !creates.isEmpty else { return }
        let token = request.headers["Authorization"]?.split(separator: " ").last.map(String.init) ?? ""
        let isKnown: Bool
        if let response {
            // What stands before a shop refuses with a page; in maintenance nothing happens there.
            let isRefused = (400..<500).contains(response.status)
            isKnown =
                isRefused || (response.status == 503 && Account.isShop(request))
                || (response.status < 400 && (try? JSONValue(parsing: response.body)) != nil)
        } else {
            isKnown = false
        }
        state.withLock { state in
            for (key, input) in creates {
                if isKnown {
                    state.unknown["\(token) \(key)"] = nil
                } else if state.unknown["\(token) \(key)"] == nil {
                    state.unknown["\(token) \(key)"] = input
                }
            }
        }
    }

    /// The creates in a request, by the key that names each record.
    private static func creates(in request: HTTPRequest) -> [(String, JSONValue)] {
        let path = request.url.path
        guard request.effect == .write, let body = request.body, let json = try? JSONValue(parsing: body) else {
            return []
        }
        if path.contains("/objects/"), path.hasSuffix("/batch/create") || path.hasSuffix("/batch/upsert") {
            return (json["inputs"]?.array ?? []).compactMap { input in
                let values = input["properties"]
                let key =
                    values?["integrationkit_key"]?.string ?? input["id"]?.string ?? values?["email"]?.string
                    ?? values?["hs_note_body"]?.string
                return key.map { ($0, input) }
            }
        }
        guard request.method == .post, Account.isShop(request) else { return [] }
        let inputs = path.hasSuffix("/batch") ? json["create"]?.array ?? [] : [json]
        return inputs.compactMap { input in
            let meta = input["meta_data"]?.array?.first { $0["key"] == "_integrationkit_key" }
            return meta?["value"]?.string.map { ($0, input) }
        }
    }

    // MARK: - Commits and leases

    func claimed(_ lanes: [ClaimedLane], by process: Int, at now: Duration) {
        state.withLock { state in
            for lane in lanes {
                let lease = lane.lease
                if let holder = state.holders[lease.lane], holder.until > now {
                    state.violations.append(
                        Violation(invariant: .leaseHolds, detail: "\(lease.lane.subject) is held by \(holder.process)")
                    )
                }
                if let last = state.tokens[lease.lane], last >= lease.token {
                    state.violations.append(
                        Violation(invariant: .leaseHolds, detail: "\(lease.lane.subject): token \(lease.token)")
                    )
                }
                state.tokens[lease.lane] = lease.token
                state.holders[lease.lane] = Holder(token: lease.token, process: process, until: now + lease.duration)
            }
        }
    }

    func renewed(_ leases: [LaneLease], at now: Duration) {
        state.withLock { state in
            for lease in leases { state.holders[lease.lane]?.until = now + lease.duration }
        }
    }

    /// Looks at changes that a store took.
    func committed(_ changes: Changes, by process: Int, at now: Duration) {
        for put in changes.puts { inspect(put) }
        state.withLock { state in
            for put in changes.puts where put.id.type == SyncJob.type {
                if changes.requires.contains(.absent(put.id)) || put.id.key.hasPrefix("refetch") { continue }
                let isPersons = changes.requires.contains { if case .revision(put.id, _) = $0 { true } else { false } }
                guard !isPersons, let subject = Self.lane(of: put) else { continue }
                guard let holder = state.holders[subject], holder.until > now else { continue }
                if !changes.requires.contains(.lease(subject, token: holder.token)) {
                    state.violations.append(
                        Violation(
                            invariant: .leaseHolds,
                            detail: "\(process) commits \(put.id.key) in \(subject.subject), held by \(holder.process)"
                        )
                    )
                }
            }
            for release in changes.releases where state.holders[release.lease.lane]?.token == release.lease.token {
                state.holders[release.lease.lane] = nil
            }
        }
    }

    /// The lane of a job about a record of the host, by the record that its row names.
    private static func lane(of put: RowContent) -> LaneID? {
        guard let integration = put.integration,
            let record = put.indexes.first(where: { $0.name == "record" })?.key
        else { return nil }
        return LaneID(integration: integration, subject: "h" + record.dropFirst(put.tenant.count))
    }

    private func inspect(_ put: RowContent) {
        state.withLock { state in
            if state.erased.contains(put.tenant) {
                state.violations.append(Violation(invariant: .erasedIsErased, detail: "\(put.id) was put"))
            }
            for secret in state.secrets + [Self.mark, Self.mark.uppercased(), "Qx."] {
                let stands =
                    put.body.range(of: Data(secret.utf8)) != nil || put.indexes.contains { $0.key.contains(secret) }
                    || put.id.key.contains(secret)
                if stands {
                    state.violations.append(Violation(invariant: .noLeak, detail: "\(put.id) holds \(secret)"))
                }
            }
        }
    }

    /// Looks at a text that leaves the library.
    func inspect(text: String, of what: String) {
        state.withLock { state in
            for secret in state.secrets + [Self.mark] where text.lowercased().contains(secret.lowercased()) {
                state.violations.append(Violation(invariant: .noLeak, detail: "\(what): \(text)"))
            }
        }
    }
}

/// Looks at everything that observers are told.
struct Watcher: IntegrationObserver {
    let evidence: Evidence

    func observe(_ event: IntegrationEvent) {
        evidence.inspect(text: event.message, of: "event \(event.kind.rawValue)")
        if let error = event.error { evidence.inspect(text: "\(error)", of: "error of \(event.kind.rawValue)") }
    }
}
