// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension ProviderRule {
    static let streamRules = [
        ProviderRule("streams", "Streams have names of their own that stay, and carry kinds that are read.") { trial in
            let descriptor = trial.provider.descriptor
            var owners: [String: ChangeStream] = [:]
            for kind in descriptor.kinds {
                let streams = trial.provider.streams(for: kind.kind, of: trial.account)
                try trial.expect(
                    streams == trial.provider.streams(for: kind.kind, of: trial.account),
                    "the streams change"
                )
                try trial.expect(
                    kind.canPull || streams.isEmpty,
                    "\(kind.kind.rawValue) is not read and has \(streams.count) streams"
                )
                try trial.expect(
                    !kind.canPull || !streams.isEmpty,
                    "\(kind.kind.rawValue) is read and has no stream"
                )
                try trial.expect(
                    Set(streams.map(\.id)).count == streams.count,
                    "two streams of \(kind.kind.rawValue) have one name"
                )
                for stream in streams {
                    try trial.expect(
                        stream.kinds.contains(kind.kind),
                        "\(stream.id) does not carry \(kind.kind.rawValue)"
                    )
                    try trial.expect(
                        owners[stream.id, default: stream] == stream,
                        "two different streams are named \(stream.id)"
                    )
                    owners[stream.id] = stream
                    for other in stream.kinds {
                        try trial.expect(
                            descriptor.kind(other)?.canPull == true,
                            "\(stream.id) carries \(other.rawValue)"
                        )
                    }
                }
            }
        },
        ProviderRule(
            "window",
            "A window shows every record that was changed in it, however small the pages and however many share a date."
        ) { trial in
            for (stream, kind) in try trial.streams(
                "is read by windows",
                where: { $0.mode == .window && !$0.showsOnlyDeletions }
            ) {
                let early = try await trial.make(kind)
                trial.tick(stream)
                let lower = trial.clock.wall
                var ids: [RemoteID] = []
                for _ in 0..<210 { ids.append(try await trial.make(kind)) }
                for _ in 0..<3 {
                    trial.tick(stream)
                    ids.append(try await trial.make(kind))
                }
                trial.tick(stream)
                try await trial.edit(early)
                ids.append(early)
                trial.tick(stream)
                let window = lower..<trial.clock.wall
                trial.settle(stream)
                for limit in [100, 7] {
                    let reading = try await trial.readWhole(stream, window, limit: limit)
                    try trial.expect(reading, shows: ids, of: stream)
                    let most = 2 * ids.count + 2 * reading.pages
                    try trial.expect(
                        reading.count <= most,
                        "\(stream.id) shows \(ids.count) records \(reading.count) times"
                    )
                }
            }
        },
        ProviderRule("window-edges", "A window holds its lower bound and leaves no gap before the next one.") { trial in
            for (stream, kind) in try trial.streams(
                "is read by windows",
                where: { $0.mode == .window && !$0.showsOnlyDeletions }
            ) {
                let bounds = try await trial.makeAtTicks(kind, 6, of: stream)
                trial.tick(stream)
                let end = trial.clock.wall
                trial.settle(stream)
                var shown = StreamReading()
                for (lower, upper) in zip(bounds.map(\.date), bounds.dropFirst().map(\.date) + [end]) {
                    let part = try await trial.readWhole(stream, lower..<upper)
                    shown.records.merge(part.records) { $1 }
                }
                try trial.expect(shown, shows: bounds.map(\.id), of: stream)
            }
        },
        ProviderRule("moving-pages", "Edits and deletions while pages are read hide no other record.") { trial in
            for (stream, kind) in try trial.streams(
                "has pages",
                where: { $0.mode != .cursor && !$0.showsOnlyDeletions }
            ) {
                let made = try await trial.makeAtTicks(kind, 60, of: stream)
                let lower = try trial.require(made.first?.date, "the first date")
                trial.tick(stream)
                let upper = trial.clock.wall
                trial.settle(stream)
                var edited: Set<RemoteID> = []
                var deleted: Set<RemoteID> = []
                let window = stream.mode == .window ? lower..<upper : nil
                var reading = try await trial.read(stream, window, limit: 11) { reading in
                    guard reading.pages <= 3 else { return }
                    let calm = made.map(\.id).filter { !edited.contains($0) && !deleted.contains($0) }
                    let shown = calm.filter { reading.records[$0] != nil }
                    for id in [shown.first, calm.last { reading.records[$0] == nil }].compactMap({ $0 }) {
                        try await trial.edit(id)
                        edited.insert(id)
                    }
                    if let id = shown.dropFirst().first {
                        try await trial.bed.delete(id)
                        deleted.insert(id)
                    }
                }
                let calm = made.map(\.id).filter { !edited.contains($0) && !deleted.contains($0) }
                try trial.expect(reading, shows: calm, of: stream)
                if stream.mode == .window {
                    trial.tick(stream)
                    let end = trial.clock.wall
                    trial.settle(stream)
                    reading.records.removeAll()
                    reading.records.merge(try await trial.readWhole(stream, upper..<end).records) { $1 }
                }
                try trial.expect(reading, shows: edited, of: stream)
            }
        },
        ProviderRule("scan", "A scan shows every record, however small the pages.") { trial in
            for (stream, kind) in try trial.streams("is a scan", where: { $0.mode == .scan && !$0.showsOnlyDeletions })
            {
                var ids: [RemoteID] = []
                for _ in 0..<120 { ids.append(try await trial.make(kind)) }
                trial.settle(stream)
                for limit in [100, 7] {
                    let reading = try await trial.read(stream, limit: limit)
                    try trial.expect(reading, shows: ids, of: stream)
                }
            }
        },
        ProviderRule("cursor", "A position is durable: read on from it, a stream shows what changed since.") { trial in
            for (stream, kind) in try trial.streams("has a cursor", where: { $0.mode == .cursor }) {
                var ids: [RemoteID] = []
                for _ in 0..<40 {
                    ids.append(try await trial.make(kind))
                    trial.tick(stream)
                }
                trial.settle(stream)
                let first = try await trial.read(stream, limit: 7)
                try trial.expect(first, shows: ids, of: stream)
                let position = try trial.require(first.position, "the position after \(stream.id)")
                for id in ids.prefix(3) { try await trial.edit(id) }
                let new = try await trial.make(kind)
                trial.settle(stream)
                let second = try await trial.read(stream, position: position, limit: 7)
                try trial.expect(second, shows: ids.prefix(3) + [new], of: stream)
                try trial.expect(second.records.count < ids.count, "\(stream.id) starts anew at a position")
            }
        },
        ProviderRule("records-whole", "A list shows records with the fields that were asked for.") { trial in
            for (stream, kind) in try trial.streams("shows records", where: { !$0.showsOnlyDeletions }) {
                let sample = try trial.sample(kind, trial.nextNumber())
                let lower = trial.clock.wall
                let id = try await trial.bed.make(kind, sample.fields)
                trial.tick(stream)
                let upper = trial.clock.wall
                trial.settle(stream)
                let reading = try await trial.read(stream, stream.mode == .window ? lower..<upper : nil)
                let record = try trial.require(reading.records[id], "\(trial.name(id)) in \(stream.id)")
                try trial.expect(record, holds: sample.fields)
            }
        },
        ProviderRule("deletions", "A stream that shows deletions shows them.") { trial in
            for (stream, kind) in try trial.streams("shows deletions", where: \.showsDeletions) {
                let stays = try await trial.make(kind)
                let goes = try await trial.make(kind)
                trial.clock.advance(by: .seconds(5))
                let lower = trial.clock.wall
                let start = stream.mode == .cursor ? try await trial.read(stream).position : nil
                try await trial.bed.delete(goes)
                trial.tick(stream)
                let upper = trial.clock.wall
                trial.settle(stream)
                let window = stream.mode == .window ? lower..<upper : nil
                let reading = try await trial.read(stream, window, position: start)
                try trial.expect(
                    reading.deleted.contains(goes),
                    "\(stream.id) does not show that \(trial.name(goes)) is deleted"
                )
                try trial.expect(!reading.deleted.contains(stays), "\(stream.id) shows \(trial.name(stays)) as deleted")
            }
        },
    ]
}

extension ChangeStream {
    /// Whether the stream lists nothing but deleted records: a scan that neither proves absence nor shows live ones.
    var showsOnlyDeletions: Bool { mode == .scan && showsDeletions && !provesAbsence }
}

extension ProviderTrial {
    /// Makes records, each at a date of its own.
    func makeAtTicks(_ kind: RecordKind, _ count: Int, of stream: ChangeStream) async throws -> [(
        id: RemoteID, date: Date
    )] {
        var made: [(id: RemoteID, date: Date)] = []
        for _ in 0..<count {
            tick(stream)
            let date = clock.wall
            made.append((try await make(kind), date))
        }
        return made
    }
}
