// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Opening a store: what a crash left unfinished is cut off, anything else that is not as it was written is refused.
extension JSONFileCore {
    /// Opens a store, or makes one in a folder that has none.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - options: What can be set.
    ///   - time: The clocks.
    ///   - isRepair: Whether to note damage in ``losses`` and to go on behind it, instead of refusing.
    /// - Returns: The open store.
    /// - Throws: ``IntegrationError`` about a holder or damage, and what the file system throws.
    static func open(
        folder: StoreFolder,
        options: JSONFileIntegrationStore.Options,
        time: TimeSource,
        isRepair: Bool = false
    ) throws -> JSONFileCore {
        if !isRepair { try folder.layer.makeFolder(folder.path) }
        let lock: any StoreLock
        do {
            lock = try folder.layer.lock(folder.path(of: StoreFolder.lockName))
        } catch let held as LockHeld {
            throw IntegrationError.storeInUse(folder.path, holder: held.holder)
        }
        do {
            if !isRepair {
                let names = try folder.cleanNames()
                if !names.contains(StoreFolder.storeName) { try create(in: folder, names: names, time: time) }
            }
            return try load(folder, options: options, lock: lock, time: time, isRepair: isRepair)
        } catch {
            lock.unlock()
            throw error
        }
    }

    /// Makes an empty store; the file `STORE` comes last and says that the others are whole.
    private static func create(in folder: StoreFolder, names: Set<String>, time: TimeSource) throws {
        let files = Set(names.compactMap(StoreFolder.FileName.init))
        let first = StoreFolder.FileName.journal(1)
        if let file = try folder.layer.openFile(folder.path(of: first.text)) {
            defer { file.close() }
            var reader = StoreLineReader(file, upTo: try file.size())
            _ = try reader.next()
            guard reader.isAtEnd else { throw missing(StoreFolder.storeName, in: folder) }
        }
        guard files.subtracting([first]).isEmpty else { throw missing(StoreFolder.storeName, in: folder) }
        let identity = StoreIdentity(id: RandomSource.system.uuid(), epoch: RandomSource.system.uuid())
        var state = StoreState()
        state.moment = StoreClock(time, after: nil).moment
        let header = JournalHeader(store: identity.id, file: 1, previousEnd: nil, state: state).line
        try folder.write(first.text, header).close()
        try folder.write(StoreFolder.keysName, keysFile([:], store: identity.id)).close()
        try folder.write(StoreFolder.storeName, identity.line).close()
    }

    private static func missing(_ name: String, in folder: StoreFolder) -> IntegrationError {
        .storeDamaged(folder.path(of: name), line: nil, "the file is missing")
    }

    private static func load(
        _ folder: StoreFolder,
        options: JSONFileIntegrationStore.Options,
        lock: any StoreLock,
        time: TimeSource,
        isRepair: Bool
    ) throws -> JSONFileCore {
        var opened: [UInt32: any StoreFile] = [:]
        do {
            let written = try isRepair ? (try? readIdentity(folder)) : readIdentity(folder)
            let identity = try written ?? findIdentity(folder)
            let names = try folder.layer.names(in: folder.path).compactMap(StoreFolder.FileName.init)
            let snapshot = names.compactMap { if case .snapshot(let number) = $0 { number } else { nil } }.max()
            let journals = names.compactMap { if case .journal(let number) = $0 { number } else { nil } }
                .filter { $0 > snapshot ?? 0 }.sorted()
            guard let last = journals.last, journals == Array((snapshot ?? 0) + 1...max(last, (snapshot ?? 0) + 1))
            else {
                let present = Set(journals)
                var gap = (snapshot ?? 0) + 1
                while present.contains(gap) { gap += 1 }
                throw IntegrationError.storeFileMissing(folder.path(of: StoreFolder.FileName.journal(gap).text))
            }
            for name in names where name.id >= StoreFolder.FileName.journal((snapshot ?? 0) + 1).id {
                opened[name.id] = try folder.open(name.text)
            }
            if let snapshot {
                let name = StoreFolder.FileName.snapshot(snapshot)
                opened[name.id] = try folder.open(name.text)
            }
            let lastFile = try file(.journal(last), of: opened, in: folder)
            var core = JSONFileCore(
                folder: folder,
                options: options,
                lock: lock,
                identity: identity,
                clock: StoreClock(time, after: nil),
                journal: Journal(number: last, file: lastFile, end: 0, durable: 0)
            )
            core.files = opened
            if isRepair {
                core.losses = []
                if written == nil { try core.lose(StoreFolder.storeName, line: 1, bytes: 0..<0, "it cannot be read") }
            }
            core.keys = try core.readKeys()
            if let snapshot { try core.loadSnapshot(snapshot) }
            try core.loadJournals(journals)
            if isRepair, core.state.moment == nil { core.state.moment = core.estimatedMoment(time) }
            core.clock = StoreClock(time, after: core.state.moment)
            // Tokens whose line was lost with the power are skipped, so that none is given twice.
            core.lanes.lastToken = core.state.token + 1 << 20
            if isRepair { return core }
            for name in names where opened[name.id] == nil { try folder.remove(name) }
            // A name that was given just before a crash must not be lost after an answer that rests on it.
            try folder.layer.syncFolder(folder.path)
            return core
        } catch {
            for file in opened.values { file.close() }
            throw error
        }
    }

    static func file(
        _ name: StoreFolder.FileName,
        of files: [UInt32: any StoreFile],
        in folder: StoreFolder
    ) throws -> any StoreFile {
        guard let file = files[name.id] else { throw missing(name.text, in: folder) }
        return file
    }

    /// Takes who the store is from the first line of a journal.
    private static func findIdentity(_ folder: StoreFolder) throws -> StoreIdentity {
        for name in try folder.layer.names(in: folder.path).compactMap(StoreFolder.FileName.init) {
            guard case .journal = name else { continue }
            let file = try folder.open(name.text)
            defer { file.close() }
            var reader = StoreLineReader(file, upTo: try file.size())
            guard let line = try reader.next() else { continue }
            let header = try read(line, of: name.text, in: folder) { try JournalHeader(from: &$0) }
            return StoreIdentity(id: header.store, epoch: RandomSource.system.uuid())
        }
        throw missing(StoreFolder.storeName, in: folder)
    }

    private static func readIdentity(_ folder: StoreFolder) throws -> StoreIdentity {
        let file = try folder.open(StoreFolder.storeName)
        defer { file.close() }
        var reader = StoreLineReader(file, upTo: try file.size())
        guard let line = try reader.next(), reader.isAtEnd else {
            throw IntegrationError.storeDamaged(
                folder.path(of: StoreFolder.storeName),
                line: 1,
                "its checksum is wrong"
            )
        }
        return try read(line, of: StoreFolder.storeName, in: folder) { try StoreIdentity(from: &$0) }
    }

    /// Reads the JSON of a line whose checksum is right: what does not fit was written by another version.
    static func read<Value>(
        _ line: StoreLineReader.Line,
        of name: String,
        in folder: StoreFolder,
        _ body: (inout JSONCursor) throws -> Value
    ) throws -> Value {
        var cursor = JSONCursor(line.bytes, line.json)
        do {
            let value = try body(&cursor)
            guard cursor.isAtEnd else { throw JSONCursor.Malformed() }
            return value
        } catch is JSONCursor.Malformed {
            throw IntegrationError.storeTooNew("\(folder.path(of: name)), line \(line.number),")
        }
    }

    /// Refuses damage, or notes it when the store is repaired.
    mutating func lose(_ name: String, line: Int, bytes: Range<Int>, _ what: String) throws {
        guard losses != nil else { throw IntegrationError.storeDamaged(folder.path(of: name), line: line, what) }
        losses?.append(RepairReport.Loss(file: name, line: line, offset: bytes.lowerBound, bytes: bytes.count))
    }

    /// Returns the next line; damage before it is refused, or noted when the store is repaired.
    mutating func nextLine(_ reader: inout StoreLineReader, of name: String) throws -> StoreLineReader.Line? {
        if let line = try reader.next() { return line }
        guard !reader.isAtEnd else { return nil }
        let (start, number) = (reader.offset, reader.nextNumber)
        var line: StoreLineReader.Line?
        while losses != nil, line == nil, !reader.isAtEnd {
            try reader.skipByte()
            line = try reader.next()
        }
        let end = line?.offset ?? reader.offset
        try lose(name, line: number, bytes: start..<end, "its checksum is wrong")
        return line
    }

    func damaged(_ name: StoreFolder.FileName, _ line: Int, _ what: String) -> IntegrationError {
        .storeDamaged(folder.path(of: name.text), line: line, what)
    }
}
