// SPDX-License-Identifier: Apache-2.0
import Foundation

extension JSONFileCore {
    /// Leases due lanes; only the count of starts is written, and not synced.
    mutating func claim(_ claim: LaneClaim) throws -> ClaimAnswer {
        let answer = lanes.claim(claim, at: clock.age)
        state.token = lanes.lastToken
        if !answer.lanes.isEmpty {
            state.moment = clock.moment
            writeUnsynced(
                StoreLine.make { bytes in
                    bytes.append(text: "{\"d\":\(journal.durable),\"start\":[")
                    for (place, lane) in answer.lanes.enumerated() {
                        bytes.append(text: place > 0 ? ",[" : "[")
                        bytes.append(json: lane.lease.lane.integration)
                        bytes.append(text: ",")
                        bytes.append(json: lane.lease.lane.subject)
                        bytes.append(text: ",\(lane.lease.starts)]")
                    }
                    bytes.append(text: "],")
                    state.append(to: &bytes)
                    bytes.append(text: "}")
                }
            )
        }
        let claimed = try answer.lanes.map { lane in
            ClaimedLane(
                lease: lane.lease,
                workClass: lane.workClass,
                jobs: try index.jobs(of: lane.lease.lane, limit: claim.jobsPerLane)
                    .compactMap { try row($0)?.stored },
                tail: lane.tail
            )
        }
        return ClaimAnswer(lanes: claimed, nextDue: answer.nextDue, storeTime: clock.date)
    }

    /// Extends leases.
    mutating func renew(_ leases: [LaneLease], for duration: Duration) -> [LaneLease] {
        lanes.renew(leases, for: duration, at: clock.age)
    }

    /// The ids of rows to purge, and how to remove them.
    func purge(_ scope: PurgeScope, limit: Int) throws -> [Work] {
        let ids = try index.numbers(in: scope, limit: limit, at: clock.age).compactMap { try row($0)?.content.id }
        var works = stride(from: 0, to: ids.count, by: 1000).map { start in
            let part = Array(ids[start..<min(start + 1000, ids.count)])
            return Work(changes: Changes(id: RandomSource.system.uuid(), deletes: part))
        }
        if ids.count < limit, scope != .expired {
            works.append(Work(changes: Changes(id: RandomSource.system.uuid()), scope: scope))
        }
        return works
    }

    /// Writes what is not written and closes the files.
    mutating func close() {
        if !journal.hasFailed, journal.durable < journal.end { writeMark() }
        closeCompaction()
        for file in files.values { file.close() }
        files = [:]
        lock.unlock()
    }
}
