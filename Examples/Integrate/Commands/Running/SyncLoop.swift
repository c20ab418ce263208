// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

/// Works until nothing is left, in slices, so that progress can be shown and an interrupt is noticed.
struct SyncLoop {
    /// How the work ended.
    enum Ending: Hashable {
        case drained
        /// Work is left that nothing of this run can do: why, in words.
        case waiting(String)
        case timeUp
        case interrupted
    }

    /// What happened, summed up over the slices.
    struct Result {
        var ending: Ending
        var lines: [String: [RecordKind: [IntegrationEvent.Kind: Int]]] = [:]
        var calls = 0
        var problems: [IntegrationError] = []
        var left = 0

        func count(_ kind: IntegrationEvent.Kind) -> Int {
            lines.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + ($1[kind] ?? 0) } }
        }
    }

    /// What the work is for: what counts as done, and as progress.
    enum Purpose {
        case push
        case pull
    }

    private static let slice = Duration.seconds(2)
    /// How long to go on while nothing moves.
    private static let patience = Duration.seconds(300)
    private static let longestSleep = Duration.seconds(10)

    private let workspace: Workspace
    private let time: TimeSource
    private let ends: Duration?
    private var progress: ProgressDisplay
    private let purpose: Purpose

    /// Prepares the work; the command's `--until` says when to stop.
    init(_ workspace: Workspace, _ context: CommandContext, _ purpose: Purpose) throws {
        self.workspace = workspace
        self.purpose = purpose
        time = context.surroundings.time
        ends = try context.duration("until").map { [time] in time.elapsed() + $0 }
        progress = ProgressDisplay(context)
    }

    /// Works.
    mutating func run() async throws -> Result {
        defer { progress.end() }
        var result = Result(ending: .drained)
        var queue = try await Queue(workspace)
        let total = queue.left
        var movedAt = time.elapsed()
        while true {
            if Task.isCancelled { return result.ended(.interrupted, queue) }
            let remaining = ends.map { $0 - time.elapsed() }
            if let remaining, remaining <= .zero { return result.ended(.timeUp, queue) }
            let report = try await workspace.coordinator.syncOnce(
                until: .now + min(remaining ?? Self.slice, Self.slice)
            )
            result.add(report)
            queue = try await Queue(workspace)
            if !report.lines.isEmpty { movedAt = time.elapsed() }
            let note = report.problems.first?.message ?? ""
            switch purpose {
            case .push: progress.update("sent", max(0, total - queue.left), of: total, note: note)
            case .pull: try await showReading(result, note)
            }
            if Task.isCancelled { return result.ended(.interrupted, queue) }
            let isCaughtUp =
                purpose == .push || report.problems.isEmpty && report.nextDue.map { $0 > .seconds(1) } ?? true
            if queue.left == 0, isCaughtUp { return result.ended(.drained, queue) }
            guard let due = report.nextDue, queue.workable > 0 || !isCaughtUp else {
                return result.ended(.waiting(queue.reason(report)), queue)
            }
            if due == .zero { continue }
            if time.elapsed() - movedAt + due > Self.patience {
                return result.ended(.waiting(queue.reason(report)), queue)
            }
            do {
                try await time.sleep(min(due, Self.longestSleep, remaining ?? due))
            } catch is CancellationError {
                return result.ended(.interrupted, queue)
            }
        }
    }
}

extension SyncLoop {
    /// Shows how far the streams are that are being read; of how many, where all their platforms tell.
    private mutating func showReading(_ result: Result, _ note: String) async throws {
        var done = 0
        var total: Int? = 0
        for integration in try await workspace.manager.integrations(of: workspace.tenant) {
            for stream in try await workspace.manager.progress(of: integration.id)
            where stream.startedAt != nil && stream.finishedAt == nil {
                done += stream.done
                total = total.flatMap { sum in stream.total.map { sum + $0 } }
            }
        }
        if done == 0 {
            done = result.count(.delivered) + result.count(.echoed)
            total = nil
        }
        progress.update("read", done, of: total, note: note)
    }
}

extension SyncLoop.Result {
    fileprivate func ended(_ ending: SyncLoop.Ending, _ queue: Queue) -> Self {
        var result = self
        result.ending = ending
        result.left = queue.left
        return result
    }

    fileprivate mutating func add(_ report: SyncReport) {
        for line in report.lines {
            lines[line.name, default: [:]][line.kind, default: [:]].merge(line.counts, uniquingKeysWith: +)
        }
        calls += report.calls.values.reduce(0, +)
        for problem in report.problems where problems.count < 100 {
            if !problems.contains(where: { $0.message == problem.message }) { problems.append(problem) }
        }
    }
}

/// What waits in the integrations of the tenant.
private struct Queue {
    /// All that waits or is being found out.
    var left = 0
    /// What of it waits for no person.
    var workable = 0
    private var reasons: [String] = []

    init(_ workspace: Workspace) async throws {
        for integration in try await workspace.manager.integrations(of: workspace.tenant) {
            guard ![.draining, .erased].contains(integration.state) else { continue }
            let statistics = try await workspace.manager.statistics(of: integration.id)
            let count = statistics.queued + statistics.sent
            left += count
            guard count > 0 else { continue }
            if integration.state != .enabled {
                reasons.append(
                    "\(integration.name) is \(integration.state.rawValue): integrate enable \(integration.id)"
                )
            } else if integration.need == .reauthorization {
                reasons.append(
                    "\(integration.name) refuses its sign-in: integrate connect \(integration.platform.rawValue) "
                        + "--again \(integration.id)"
                )
            } else if integration.need == .setup {
                reasons.append("\(integration.name) needs a choice: integrate settings \(integration.id)")
            } else {
                workable += count
                for (kind, reason) in integration.suspendedKinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    reasons.append("\(integration.name), \(kind.rawValue): \(reason)")
                }
            }
        }
    }

    func reason(_ report: SyncReport) -> String {
        if !reasons.isEmpty { return reasons.joined(separator: "\n  ") }
        return report.problems.first?.message ?? "what is left waits for other records; integrate why tells of each"
    }
}

extension CommandContext {
    /// A duration such as `90`, `90s`, `5m` or `2h` that an option names.
    func duration(_ option: String) throws -> Duration? {
        guard let text = arguments.value(option) else { return nil }
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
        let unit = text.last.flatMap { units[$0] }
        guard let count = Int(unit == nil ? text : String(text.dropLast())), (1...1_000_000).contains(count) else {
            throw arguments.misuse("--\(option) is a duration such as 90s, 5m or 2h")
        }
        return .seconds(count * (unit ?? 1))
    }

    /// Prints what a push or pull did.
    func report(_ result: SyncLoop.Result) -> [String] {
        var lines: [String] = []
        for (name, kinds) in result.lines.sorted(by: { $0.key < $1.key }) {
            for (kind, counts) in kinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let parts = counts.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
                    .map { "\($0.value.grouped) \($0.key.rawValue)" }
                lines.append("\(name), \(kind.rawValue): " + parts.joined(separator: ", "))
            }
        }
        for problem in result.problems where result.ending != .drained {
            let remedy = problem.remedy.text(in: language)
            lines.append("! \(problem.message)" + (remedy.isEmpty ? "" : " \(remedy)"))
        }
        switch result.ending {
        case .drained: break
        case .waiting(let reason):
            lines.append("\(result.left.counted("job")) waiting: \(reason)")
        case .timeUp: lines.append("The time is over; \(result.left.counted("job")) left. The same command goes on.")
        case .interrupted:
            lines.append("Interrupted; \(result.left.counted("job")) left, nothing is lost. The same command goes on.")
        }
        return lines
    }
}

extension SyncLoop.Result {
    /// How a command ends that did this.
    func exitCode(isPartly: Bool) -> ExitCode {
        switch ending {
        case .interrupted: .interrupted
        case .waiting, .timeUp: .waiting
        case .drained: isPartly ? .partly : .done
        }
    }

    var json: JSONObject {
        var object: JSONObject = ["calls": calls.json, "left": left.json]
        object["ending"] =
            switch ending {
            case .drained: "done"
            case .waiting: "waiting"
            case .timeUp: "time-up"
            case .interrupted: "interrupted"
            }
        if case .waiting(let reason) = ending { object["reason"] = .string(reason) }
        object["counts"] = .object(
            JSONObject(
                lines.sorted { $0.key < $1.key }.map { name, kinds in
                    JSONObject.Member(
                        name,
                        .object(
                            JSONObject(
                                kinds.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, counts in
                                    JSONObject.Member(
                                        kind.rawValue,
                                        .object(
                                            JSONObject(
                                                counts.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                                                    JSONObject.Member($0.key.rawValue, $0.value.json)
                                                }
                                            )
                                        )
                                    )
                                }
                            )
                        )
                    )
                }
            )
        )
        object["problems"] = .array(problems.map { $0.json(in: "en") })
        return object
    }
}
