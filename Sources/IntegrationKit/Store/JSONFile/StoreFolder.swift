// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The folder of a store: what its files are called, and how one comes into being as a whole.
struct StoreFolder: Sendable {
    let path: String
    let layer: any FileLayer

    static let lockName = "LOCK"
    static let storeName = "STORE"
    static let keysName = "KEYS"
    private static let unfinished = ".tmp"

    /// A file of rows, named by its number and what it is.
    enum FileName: Hashable, Sendable {
        case journal(Int)
        case snapshot(Int)

        /// The name in the folder.
        var text: String {
            switch self {
            case .journal(let number): "journal-\(number).jsonl"
            case .snapshot(let number): "snapshot-\(number).jsonl"
            }
        }

        /// The number by which slots know the file; what a snapshot replaces has lower ones.
        var id: UInt32 {
            switch self {
            case .journal(let number): UInt32(clamping: number * 2)
            case .snapshot(let number): UInt32(clamping: number * 2 + 1)
            }
        }

        /// Reads a name; nil if it is not one of a file of rows.
        init?(_ text: String) {
            let parts = text.split(separator: "-", maxSplits: 1)
            guard parts.count == 2, parts[1].hasSuffix(".jsonl"), let number = Int(parts[1].dropLast(6)), number > 0
            else { return nil }
            switch parts[0] {
            case "journal": self = .journal(number)
            case "snapshot": self = .snapshot(number)
            default: return nil
            }
            if self.text != text { return nil }
        }
    }

    /// The path of a file.
    func path(of name: String) -> String {
        path.hasSuffix("/") ? path + name : path + "/" + name
    }

    /// The names in the folder, after the removal of files that were never finished.
    func cleanNames() throws -> Set<String> {
        var names = Set(try layer.names(in: path))
        for name in names where name.hasSuffix(Self.unfinished) {
            try layer.remove(path(of: name))
            names.remove(name)
        }
        return names
    }

    /// Makes a file under a passing name.
    func begin(_ name: String) throws -> any StoreFile {
        try layer.makeFile(path(of: name + Self.unfinished))
    }

    /// Gives a file its name, once all of it is durable.
    func finish(_ name: String, _ file: any StoreFile) throws {
        try file.sync()
        try layer.rename(path(of: name + Self.unfinished), to: path(of: name))
        try layer.syncFolder(path)
    }

    /// Drops a file that was not finished.
    func abandon(_ name: String) throws {
        try layer.remove(path(of: name + Self.unfinished))
    }

    /// Makes a whole file durable under its name, in place of one that has it.
    func write(_ name: String, _ bytes: [UInt8]) throws -> any StoreFile {
        let file = try begin(name)
        do {
            try file.write(bytes, at: 0)
            try finish(name, file)
            return file
        } catch {
            file.close()
            throw error
        }
    }

    /// Opens a file that must be there.
    func open(_ name: String) throws -> any StoreFile {
        guard let file = try layer.openFile(path(of: name)) else {
            throw IntegrationError.storeDamaged(path(of: name), line: nil, "the file is missing")
        }
        return file
    }

    /// Removes a file.
    func remove(_ name: FileName) throws {
        try layer.remove(path(of: name.text))
    }
}

/// The first line of a journal: where the store stood when the journal before it ended.
struct JournalHeader: Sendable {
    var store: UUID
    var file: Int
    /// Where the journal before ends; what stands behind is void.
    var previousEnd: Int?
    var state: StoreState

    /// The line.
    var line: [UInt8] {
        StoreLine.make { bytes in
            bytes.append(text: "{\"ik\":1,\"store\":\"\(store.uuidString.lowercased())\",\"file\":\(file),\"prev\":")
            if let previousEnd {
                bytes.append(text: "{\"file\":\(file - 1),\"end\":\(previousEnd)}")
            } else {
                bytes.append(text: "null")
            }
            bytes.append(text: ",\"n\":\(state.commit),")
            state.append(to: &bytes)
            bytes.append(text: ",\"ids\":[")
            for (place, id) in state.commits.ids.suffix(RecentCommits.promised).enumerated() {
                bytes.append(text: "\(place > 0 ? "," : "")\"\(id.uuidString.lowercased())\"")
            }
            bytes.append(text: "]}")
        }
    }

    /// Reads the line.
    init(from cursor: inout JSONCursor) throws {
        try cursor.take("{\"ik\":1,\"store\":")
        store = try cursor.uuid()
        try cursor.take(",\"file\":")
        file = Int(try cursor.integer())
        try cursor.take(",\"prev\":")
        if !cursor.takeIf("null") {
            try cursor.take("{\"file\":")
            guard try cursor.integer() == file - 1 else { throw JSONCursor.Malformed() }
            try cursor.take(",\"end\":")
            previousEnd = Int(try cursor.integer())
            try cursor.take("}")
        }
        try cursor.take(",\"n\":")
        state = StoreState(commit: try cursor.integer())
        try cursor.take(",")
        try state.read(from: &cursor)
        try cursor.take(",\"ids\":")
        var commits = RecentCommits()
        try cursor.array { commits.insert(try $0.uuid()) }
        state.commits = commits
        try cursor.take("}")
    }
}

extension JournalHeader {
    init(store: UUID, file: Int, previousEnd: Int?, state: StoreState) {
        self.store = store
        self.file = file
        self.previousEnd = previousEnd
        self.state = state
    }
}

/// How far a store has counted.
struct StoreState: Sendable {
    /// The number of the last commit.
    var commit: Int64 = 0
    /// The last number given to a put or a touch.
    var number: Int64 = 0
    /// The last token given to a lease.
    var token: Int64 = 0
    /// When it was.
    var moment: StoreClock.Moment?
    /// The last commits.
    var commits = RecentCommits()

    init(commit: Int64 = 0) {
        self.commit = commit
    }

    /// Appends `"r":number,"k":token,"t":date,"a":age,"w":wall`.
    func append(to bytes: inout [UInt8]) {
        let moment = moment ?? StoreClock.Moment(date: 0, age: 0, wall: 0)
        bytes.append(text: "\"r\":\(number),\"k\":\(token),\"t\":\(moment.date)")
        bytes.append(text: ",\"a\":\(moment.age),\"w\":\(moment.wall)")
    }

    /// Reads what ``append(to:)`` wrote.
    mutating func read(from cursor: inout JSONCursor) throws {
        try cursor.take("\"r\":")
        number = try cursor.integer()
        try cursor.take(",\"k\":")
        token = max(token, try cursor.integer())
        try cursor.take(",\"t\":")
        let date = try cursor.integer()
        try cursor.take(",\"a\":")
        let age = try cursor.integer()
        try cursor.take(",\"w\":")
        moment = StoreClock.Moment(date: date, age: age, wall: try cursor.integer())
    }
}

/// Who a store is, in the file `STORE`.
struct StoreIdentity: Sendable, Equatable {
    /// Names the store for ever.
    var id: UUID
    /// Names its life between two repairs or restores.
    var epoch: UUID

    /// The line.
    var line: [UInt8] {
        StoreLine.make { bytes in
            bytes.append(text: "{\"ik\":1,\"store\":\"\(id.uuidString.lowercased())\"")
            bytes.append(text: ",\"epoch\":\"\(epoch.uuidString.lowercased())\"}")
        }
    }

    /// Reads the line.
    init(from cursor: inout JSONCursor) throws {
        try cursor.take("{\"ik\":1,\"store\":")
        id = try cursor.uuid()
        try cursor.take(",\"epoch\":")
        epoch = try cursor.uuid()
        try cursor.take("}")
    }
}

extension StoreIdentity {
    init(id: UUID, epoch: UUID) {
        self.id = id
        self.epoch = epoch
    }
}
