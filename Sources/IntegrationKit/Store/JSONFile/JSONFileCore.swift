// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The file store without its queue: every call runs to its end before the next one begins.
///
/// Memory holds the indexes, where each row stands in the files, and the lanes; bodies stay in the files. A commit is
/// checked against, and entered into, this one state; if its line does not become durable, the change is taken back.
struct JSONFileCore: Sendable {
    /// The journal that is written to.
    struct Journal: Sendable {
        let number: Int
        let file: any StoreFile
        /// Where the bytes written so far end.
        var end: Int
        /// Up to where they are known to be durable.
        var durable: Int
        /// Lines that are not written yet.
        var buffer: [UInt8] = []
        /// A write or a sync failed: nothing may be added to the file any more.
        var hasFailed = false

        var id: UInt32 { StoreFolder.FileName.journal(number).id }
    }

    /// Changes, and the lanes that go with them.
    struct Work: Sendable {
        var changes: Changes
        /// The scope whose lanes go too.
        var scope: PurgeScope?
    }

    private struct RowChange: Sendable {
        var number: Int64
        var before: (row: FileRow, slot: SlotTable.Slot)?
        var after: FileRow?
    }

    private struct Mark {
        var rows: Int
        var lanes: Int
        var bytes: Int
        var commit: Int64
        var number: Int64
    }

    let folder: StoreFolder
    let options: JSONFileIntegrationStore.Options
    let lock: any StoreLock
    var identity: StoreIdentity
    var clock: StoreClock
    var index = RowIndex<PackedIndex>()
    var slots = SlotTable()
    var lanes = LaneTable()
    var state = StoreState()
    var files: [UInt32: any StoreFile] = [:]
    var journal: Journal
    /// The bytes that stand behind the first lines of the journals that no snapshot replaces.
    var journalBytes = 0
    var keys: [ByteKey: Data] = [:]
    var compaction: Compaction?
    /// The journal's size at which the next compaction begins, after one that failed.
    var compactionFloor = 0
    /// What a repair could not read; nil while the store is not repaired.
    var losses: [RepairReport.Loss]?
    /// The size of the last group's lines.
    var lastGroupBytes = 0

    private var undo: [RowChange] = []
    private var staged: Set<UUID> = []
    private var inDoubt: Set<UUID> = []

    init(
        folder: StoreFolder,
        options: JSONFileIntegrationStore.Options,
        lock: any StoreLock,
        identity: StoreIdentity,
        clock: StoreClock,
        journal: Journal
    ) {
        self.folder = folder
        self.options = options
        self.lock = lock
        self.identity = identity
        self.clock = clock
        self.journal = journal
    }
}

// MARK: - Rows

extension JSONFileCore {
    /// Returns a row by its number.
    func row(_ number: Int64) throws -> FileRow? {
        try slots[number].map(row)
    }

    private func row(at slot: SlotTable.Slot) throws -> FileRow {
        try row(at: slot, isIndexOnly: false)
    }

    private func row(at slot: SlotTable.Slot, isIndexOnly: Bool) throws -> FileRow {
        let bytes = try bytes(of: slot)
        var cursor = JSONCursor(bytes, 0..<bytes.count)
        guard let row = try? FileRow(from: &cursor, in: bytes, isIndexOnly: isIndexOnly), row.created == slot.number,
            row.revision == slot.revision
        else {
            throw IntegrationError.storeDamaged("A file in \(folder.path)", line: nil, "a row cannot be read back")
        }
        return row
    }

    /// Returns the JSON of a row.
    func bytes(of slot: SlotTable.Slot) throws -> [UInt8] {
        let (offset, length) = (Int(slot.offset), Int(slot.length))
        if slot.file == journal.id, offset >= journal.end, !journal.buffer.isEmpty {
            let start = offset - journal.end
            return Array(journal.buffer[start..<start + length])
        }
        guard let file = files[slot.file] else {
            throw IntegrationError.storeDamaged("A file in \(folder.path)", line: nil, "it is not open")
        }
        return try file.read(at: offset, count: length)
    }

    /// Returns rows by id.
    func rows(_ ids: [RowID]) throws -> [RowID: StoredRow] {
        var found: [RowID: StoredRow] = [:]
        for id in ids {
            if let number = index.number(of: id), let row = try row(number) { found[id] = row.stored }
        }
        return found
    }

    /// Returns the rows of a page.
    func rows(matching query: RowQuery) throws -> [StoredRow] {
        try index.numbers(matching: query).compactMap { try row($0)?.stored }
    }
}

// MARK: - Commits

extension JSONFileCore {
    /// Commits changes that wait together: each is checked in turn, all share one write and one sync.
    mutating func commit(_ group: [Work]) -> [Result<Void, StoreFailure>] {
        if journal.hasFailed {
            do {
                try startJournal()
                inDoubt = []
            } catch {
                let error = IntegrationError.fileFailed(error)
                return group.map { work in
                    // Its line may stand in the file that failed, until a new one says where that file ends.
                    .failure(inDoubt.contains(work.changes.id) ? .outcomeUnknown(error) : .refused(error))
                }
            }
        }
        lanes.beginRecording()
        let start = mark
        let results = group.map { stage($0) }
        defer { endGroup() }
        guard !journal.buffer.isEmpty else { return results }
        do {
            try writeOut()
        } catch {
            return fail(group, back: start, IntegrationError.fileFailed(error))
        }
        for work in group where staged.contains(work.changes.id) { state.commits.insert(work.changes.id) }
        writeMark()
        return results
    }

    private var mark: Mark {
        Mark(
            rows: undo.count,
            lanes: lanes.changes,
            bytes: journal.buffer.count,
            commit: state.commit,
            number: state.number
        )
    }

    private mutating func takeBack(to mark: Mark) {
        for change in undo[mark.rows...].reversed() {
            index.replace(
                change.after.map { ($0.content, $0.expiry) },
                with: change.before.map { ($0.row.content, $0.row.expiry) },
                number: change.number
            )
            if let slot = change.before?.slot { slots.put(slot) } else { slots.remove(change.number) }
        }
        undo.removeSubrange(mark.rows...)
        lanes.takeBack(to: mark.lanes)
        journal.buffer.removeSubrange(mark.bytes...)
        state.commit = mark.commit
        state.number = mark.number
    }

    private mutating func endGroup() {
        undo.removeAll(keepingCapacity: true)
        staged = []
        lanes.endRecording()
    }

    /// Checks changes and enters them, with their line in the buffer.
    private mutating func stage(_ work: Work) -> Result<Void, StoreFailure> {
        let id = work.changes.id
        guard !state.commits.contains(id), !staged.contains(id) else { return .success(()) }
        let start = mark
        do {
            let now = clock.age
            let failed = try work.changes.requires.filter { try !holds($0, at: now) }
            let taken = try index.takenEntries(by: work.changes) { try row($0)?.content }
            guard failed.isEmpty, taken.isEmpty else { return .failure(.conflict(failed, taken: taken)) }
            try enter(work, at: now, mark: start)
            let length = journal.buffer.count - start.bytes - StoreLine.prefix
            guard length <= StoreLine.longest else {
                takeBack(to: start)
                return .failure(.refused(IntegrationError.commitTooLarge(length)))
            }
            StoreLine.end(in: &journal.buffer, from: start.bytes)
            staged.insert(id)
            return .success(())
        } catch {
            takeBack(to: start)
            return .failure(.refused(IntegrationError.fileFailed(error)))
        }
    }

    private func holds(_ requirement: Requirement, at now: Duration) throws -> Bool {
        switch requirement {
        case .absent(let id): index.number(of: id) == nil
        case .revision(let id, let revision): index.number(of: id).flatMap { slots[$0] }?.revision == revision
        case .lease(let lane, let token): lanes.token(of: lane, at: now) == token
        case .idle(let lane, let tail):
            lanes.token(of: lane, at: now) == nil && index.newestJob(of: lane).map { $0 <= tail } ?? true
        }
    }

    /// Enters changes and writes their line: deletes, puts, touches, releases.
    private mutating func enter(_ work: Work, at now: Duration, mark: Mark) throws {
        let changes = work.changes
        state.commit += 1
        StoreLine.begin(in: &journal.buffer)
        journal.buffer.append(text: "{\"d\":\(journal.durable),\"n\":\(state.commit)")
        journal.buffer.append(text: ",\"id\":\"\(changes.id.uuidString.lowercased())\",\"del\":[")
        var isFirst = true
        for id in changes.deletes {
            guard let number = index.number(of: id) else { continue }
            try change(number, to: nil)
            journal.buffer.append(text: isFirst ? "[" : ",[")
            journal.buffer.append(json: id.type)
            journal.buffer.append(text: ",")
            journal.buffer.append(json: id.key)
            journal.buffer.append(text: "]")
            isFirst = false
        }
        journal.buffer.append(text: "],\"put\":[")
        for (place, content) in changes.puts.enumerated() {
            if place > 0 { journal.buffer.append(text: ",") }
            try put(content, at: now)
        }
        for touch in changes.touches {
            state.number += 1
            lanes.touch(touch, number: state.number, at: now)
        }
        for release in changes.releases {
            lanes.release(release, hasJobs: index.newestJob(of: release.lease.lane) != nil, at: now)
        }
        if let scope = work.scope { lanes.removeAll(in: scope) }
        state.token = lanes.lastToken
        state.moment = clock.moment
        journal.buffer.append(text: "],")
        state.append(to: &journal.buffer)
        journal.buffer.append(text: ",\"lane\":[")
        for (place, id) in lanes.changed(since: mark.lanes).enumerated() {
            if place > 0 { journal.buffer.append(text: ",") }
            FileLane(id: id, kept: lanes.kept(id, at: now)).append(to: &journal.buffer)
        }
        journal.buffer.append(text: "]}")
    }

    private mutating func put(_ content: RowContent, at now: Duration) throws {
        state.number += 1
        let row = FileRow(
            content: content,
            created: index.number(of: content.id) ?? state.number,
            revision: state.number,
            expiry: content.keep.map { now + $0 }
        )
        let start = journal.buffer.count
        row.append(to: &journal.buffer)
        let slot = SlotTable.Slot(
            number: row.created,
            revision: row.revision,
            offset: Int64(journal.end + start),
            file: journal.id,
            length: UInt32(journal.buffer.count - start)
        )
        try change(row.created, to: (row, slot))
    }

    /// Puts a row in place of what stands under its number, or removes it, and drops lanes that it leaves empty.
    private mutating func change(_ number: Int64, to new: (row: FileRow, slot: SlotTable.Slot)?) throws {
        let before = try slots[number].map { (row: try row(at: $0, isIndexOnly: true), slot: $0) }
        index.replace(
            before.map { ($0.row.content, $0.row.expiry) },
            with: new.map { ($0.row.content, $0.row.expiry) },
            number: number
        )
        if let new { slots.put(new.slot) } else { slots.remove(number) }
        undo.append(RowChange(number: number, before: before, after: new?.row))
        for entry in before?.row.content.indexes ?? [] where entry.name == LaneID.indexName {
            guard let lane = LaneID(indexKey: entry.key), index.newestJob(of: lane) == nil else { continue }
            lanes.removeIfAsleep(lane)
        }
    }

    private mutating func writeOut() throws {
        try journal.file.write(journal.buffer, at: journal.end)
        try journal.file.sync()
        guard try journal.file.isLinked() else {
            throw FileFailure(
                call: "sync",
                path: folder.path(of: StoreFolder.FileName.journal(journal.number).text),
                code: ENOENT,
                reason: "the file was removed"
            )
        }
        journal.end += journal.buffer.count
        journalBytes += journal.buffer.count
        lastGroupBytes = journal.buffer.count
        journal.durable = journal.end
        journal.buffer.removeAll(keepingCapacity: true)
    }

    /// Takes a whole group back after its write or sync failed.
    private mutating func fail(
        _ group: [Work],
        back mark: Mark,
        _ error: IntegrationError
    ) -> [Result<Void, StoreFailure>] {
        inDoubt = staged
        takeBack(to: mark)
        journal.buffer = []
        journal.hasFailed = true
        do {
            try startJournal()
            inDoubt = []
            return group.map { _ in .failure(.refused(error)) }
        } catch {
            let error = IntegrationError.fileFailed(error)
            return group.map { _ in .failure(.outcomeUnknown(error)) }
        }
    }

    /// Says in the journal up to where it is durable; not synced, since a later line says it too.
    mutating func writeMark() {
        writeUnsynced(StoreLine.make { $0.append(text: "{\"d\":\(journal.durable)}") })
    }

    /// Adds a line whose loss does no harm; if it fails, the next commit begins a new journal.
    mutating func writeUnsynced(_ line: [UInt8]) {
        guard !journal.hasFailed else { return }
        do {
            try journal.file.write(line, at: journal.end)
            journal.end += line.count
            journalBytes += line.count
        } catch {
            journal.hasFailed = true
        }
    }

    /// Refuses to touch a folder that is not the one that was opened: another store may stand there now.
    func checkFolder() throws {
        guard try lock.isInPlace() else {
            throw FileFailure(call: "open", path: folder.path, code: ENOENT, reason: "the folder was removed or moved")
        }
    }

    /// Begins a new journal, whose first line says where the old one ends.
    mutating func startJournal() throws {
        let number = journal.number + 1
        state.moment = clock.moment
        let header = JournalHeader(
            store: identity.id,
            file: number,
            previousEnd: journal.durable,
            state: state
        ).line
        try checkFolder()
        // If the new file may have its name already, another line in the old one would stand behind its end.
        journal.hasFailed = true
        let file = try folder.write(StoreFolder.FileName.journal(number).text, header)
        journal = Journal(number: number, file: file, end: header.count, durable: header.count)
        files[journal.id] = file
    }
}
