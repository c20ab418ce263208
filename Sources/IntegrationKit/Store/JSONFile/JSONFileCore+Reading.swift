// SPDX-License-Identifier: Apache-2.0
import Foundation

extension JSONFileCore {
    mutating func loadSnapshot(_ number: Int) throws {
        let name = StoreFolder.FileName.snapshot(number)
        let file = try Self.file(name, of: files, in: folder)
        var reader = StoreLineReader(file, upTo: try file.size())
        var (rows, lanes, isComplete, hasEnd) = (0, 0, false, false)
        var row = RowKeys()
        let lossesBefore = losses?.count
        while let line = try nextLine(&reader, of: name.text) {
            guard !hasEnd else { throw damaged(name, line.number, "it goes on behind its end") }
            try Self.read(line, of: name.text, in: folder) { cursor in
                if cursor.takeIf("{\"ik\":1,\"store\":") {
                    let store = try cursor.uuid()
                    try cursor.take(",\"snapshot\":")
                    guard store == identity.id, try cursor.integer() == number, line.number == 1 else {
                        throw damaged(name, line.number, "it belongs to another store")
                    }
                    try cursor.take("}")
                } else if cursor.takeIf("{\"lane\":") {
                    try cursor.array { cursor in
                        if let kept = try FileLane(from: &cursor).kept { self.lanes.restore(kept) }
                        lanes += 1
                    }
                    try cursor.take("}")
                } else if cursor.takeIf("{\"rows\":") {
                    hasEnd = true
                    isComplete = try cursor.integer() == rows
                    try cursor.take(",\"lanes\":")
                    isComplete = try cursor.integer() == lanes && isComplete
                    try cursor.take("}")
                } else {
                    try row.read(from: &cursor, isAlone: true)
                    index.load(row)
                    slots.put(slot(of: row, at: line.jsonOffset, length: line.json.count, in: name))
                    rows += 1
                }
            }
        }
        index.endLoading()
        // Behind lines that were lost the counts cannot be right.
        if !isComplete, !hasEnd || losses?.count == lossesBefore {
            let end = reader.offset..<reader.offset
            try lose(name.text, line: reader.nextNumber, bytes: end, "its end is missing")
        }
    }

    private func slot(of row: RowKeys, at offset: Int, length: Int, in name: StoreFolder.FileName) -> SlotTable.Slot {
        SlotTable.Slot(
            number: row.created,
            revision: row.revision,
            offset: Int64(offset),
            file: name.id,
            length: UInt32(length)
        )
    }
}

// MARK: - Journals

extension JSONFileCore {
    mutating func loadJournals(_ numbers: [Int]) throws {
        var headers: [(header: JournalHeader, end: Int)] = []
        for number in numbers { headers.append(try readHeader(of: number)) }
        if let first = headers.first?.header {
            guard first.file == 1 || first.previousEnd != nil || losses != nil else {
                throw damaged(.journal(first.file), 1, "it does not say what came before")
            }
            state = first.state
        }
        for (place, number) in numbers.enumerated() {
            let name = StoreFolder.FileName.journal(number)
            let file = try Self.file(name, of: files, in: folder)
            guard headers[place].header.state.commit == state.commit || losses != nil else {
                throw damaged(name, 1, "it does not follow the journal before it")
            }
            let size = try file.size()
            let isLast = place == numbers.count - 1
            let stop = isLast ? size : headers[place + 1].header.previousEnd ?? size
            if stop > size {
                try lose(name.text, line: 1, bytes: size..<stop, "its end is missing")
            }
            try loadJournal(name, file, upTo: min(stop, size), durable: headers[place].end, isLast: isLast)
            journalBytes += (isLast ? journal.end : size) - headers[place].end
        }
    }

    private func readHeader(of number: Int) throws -> (JournalHeader, Int) {
        let name = StoreFolder.FileName.journal(number)
        let file = try Self.file(name, of: files, in: folder)
        var reader = StoreLineReader(file, upTo: try file.size())
        guard let line = try reader.next() else {
            // A repair notes the loss when it reads the journal.
            guard losses != nil else { throw damaged(name, 1, "its checksum is wrong") }
            return (JournalHeader(store: identity.id, file: number, previousEnd: nil, state: StoreState()), 0)
        }
        let header = try Self.read(line, of: name.text, in: folder) { try JournalHeader(from: &$0) }
        guard header.store == identity.id, header.file == number else {
            throw damaged(name, 1, "it belongs to another store")
        }
        return (header, line.end)
    }

    /// Reads a journal up to its end; in the last one, what a crash tore is cut off.
    private mutating func loadJournal(
        _ name: StoreFolder.FileName,
        _ file: any StoreFile,
        upTo stop: Int,
        durable: Int,
        isLast: Bool
    ) throws {
        var reader = StoreLineReader(file, upTo: stop)
        if durable > 0 { _ = try reader.next() }
        // The first line was durable before the file had its name.
        var durable = max(durable, 1)
        while let line = try isLast ? reader.next() : nextLine(&reader, of: name.text) {
            durable = max(durable, try apply(line, of: name))
        }
        index.endLoading()
        let end = reader.offset
        if isLast {
            let line = reader.nextNumber
            // A later line may say that what is damaged here had been made durable: then no crash did it.
            var rest = reader
            while !rest.isAtEnd {
                try rest.skipByte()
                while let line = try rest.next() { durable = max(durable, try durableOffset(in: line, of: name)) }
            }
            if end < durable {
                guard losses != nil else { throw damaged(name, line, "its checksum is wrong") }
                // Behind what was durable a crash may have torn lines: there the first damage is the end.
                while let line = try reader.offset < durable ? nextLine(&reader, of: name.text) : reader.next() {
                    durable = max(durable, try apply(line, of: name))
                }
                index.endLoading()
            }
            if losses != nil {
                (journal.end, journal.durable) = (reader.offset, reader.offset)
                return
            }
            if end < stop { try file.truncate(to: end) }
            // If an earlier sync failed, the system may take pages for clean that never reached the disk: what is not
            // known to be durable is written once more, so that this sync covers it.
            try file.write(try file.read(at: durable, count: end - durable), at: durable)
            try file.sync()
            journal.end = end
            journal.durable = end
        }
    }

    private func durableOffset(in line: StoreLineReader.Line, of name: StoreFolder.FileName) throws -> Int {
        var cursor = JSONCursor(line.bytes, line.json)
        guard cursor.takeIf("{\"d\":") else { return 0 }
        return Int(try cursor.integer())
    }

    /// Enters what a line of a journal says; returns up to where it says that the file is durable.
    private mutating func apply(_ line: StoreLineReader.Line, of name: StoreFolder.FileName) throws -> Int {
        try Self.read(line, of: name.text, in: folder) { cursor in
            try cursor.take("{\"d\":")
            let durable = Int(try cursor.integer())
            if cursor.takeIf(",\"n\":") {
                let commit = try cursor.integer()
                guard commit == state.commit + 1 || losses != nil else {
                    throw damaged(name, line.number, "a commit is missing before it")
                }
                state.commit = commit
                try applyCommit(&cursor, line, name)
            } else if cursor.takeIf(",\"start\":") {
                try cursor.array { cursor in
                    try cursor.take("[")
                    let integration = try cursor.string()
                    try cursor.take(",")
                    let lane = LaneID(integration: integration, subject: try cursor.string())
                    try cursor.take(",")
                    let starts = Int(try cursor.integer())
                    try cursor.take("]")
                    guard var kept = lanes.kept(lane, at: .zero) else { return }
                    kept.starts = starts
                    lanes.restore(kept)
                }
                try cursor.take(",")
                try state.read(from: &cursor)
            }
            try cursor.take("}")
            return durable
        }
    }

    private mutating func applyCommit(
        _ cursor: inout JSONCursor,
        _ line: StoreLineReader.Line,
        _ name: StoreFolder.FileName
    ) throws {
        try cursor.take(",\"id\":")
        state.commits.insert(try cursor.uuid())
        try cursor.take(",\"del\":")
        try cursor.array { cursor in
            try cursor.take("[")
            let type = try cursor.string()
            try cursor.take(",")
            let id = RowID(type: type, key: try cursor.string())
            try cursor.take("]")
            index.endLoading()
            if let number = index.number(of: id) { try enter(nil, slot: nil, number: number) }
        }
        try cursor.take(",\"put\":")
        var keys = RowKeys()
        try cursor.array { cursor in
            var start = cursor
            try keys.read(from: &cursor, isAlone: false)
            let offset = line.jsonOffset + start.place - line.json.lowerBound
            let slot = slot(of: keys, at: offset, length: cursor.place - start.place, in: name)
            if slots[slot.number] == nil {
                index.load(keys)
                slots.put(slot)
            } else {
                index.endLoading()
                try enter(FileRow(from: &start, in: line.bytes), slot: slot, number: slot.number)
            }
        }
        try cursor.take(",")
        try state.read(from: &cursor)
        try cursor.take(",\"lane\":")
        try cursor.array { cursor in
            let lane = try FileLane(from: &cursor)
            if let kept = lane.kept { lanes.restore(kept) } else { lanes.remove(lane.id) }
        }
    }

    private mutating func enter(_ row: FileRow?, slot: SlotTable.Slot?, number: Int64) throws {
        let before = try self.row(number)
        index.replace(
            before.map { ($0.content, $0.expiry) },
            with: row.map { ($0.content, $0.expiry) },
            number: number
        )
        if let slot { slots.put(slot) } else { slots.remove(number) }
    }
}
