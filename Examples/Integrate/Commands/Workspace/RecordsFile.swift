// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The host's records in a JSON Lines file that people can read and edit.
///
/// Changes are appended and synced before they are acknowledged; a later line of a record replaces the earlier one, and
/// ``tidy()`` leaves one line per record. A line that a crash cut off was not acknowledged and is dropped.
actor RecordsFile {
    /// What was done to the records since the file was opened.
    struct Counts: Hashable, Sendable {
        var created = 0
        var changed = 0
        var deleted = 0
    }

    private struct Source: Hashable {
        var integration: String
        var remote: RemoteID
    }

    /// What the file looked like when it was last read or written here.
    private struct Stamp: Hashable {
        var size: Int
        var inode: Int
        var modified: Date
    }

    nonisolated let file: URL
    private let tenant: String
    private var lines: [HostReference: RecordLine] = [:]
    private var order: [HostReference] = []
    private var partners: [Source: HostReference] = [:]
    private var stamp: Stamp?
    private var isUntidy = false
    private(set) var counts = Counts()

    /// Creates the file's reader; nothing is read yet.
    ///
    /// - Parameters:
    ///   - file: The file; made when the first record comes.
    ///   - tenant: The tenant of lines that name none.
    init(_ file: URL, tenant: String) {
        self.file = file
        self.tenant = tenant
    }

    /// How many records there are.
    func count() throws -> Int {
        try refresh()
        return lines.values.count { !$0.isDeleted }
    }

    /// The references of records of an id, of whatever kind.
    func references(id: String) throws -> [HostReference] {
        try refresh()
        return order.filter { $0.id == id }
    }

    /// Notes what events tell of the host's records.
    ///
    /// An event that was taken in before changes nothing.
    func take(_ events: [DomainEvent]) throws {
        try refresh()
        var changed: [HostReference: RecordLine] = [:]
        for event in events {
            for related in event.related where !related.fields.isEmpty {
                let reference = HostReference(tenant: event.record.tenant, kind: related.kind, id: related.id)
                guard changed[reference] ?? lines[reference] == nil else { continue }
                var line = RecordLine(reference)
                line.fields = related.fields
                changed[reference] = line
            }
            var line = changed[event.record] ?? lines[event.record] ?? RecordLine(event.record)
            guard !line.events.contains(event.id) else { continue }
            line.events.append(event.id)
            line.isDeleted = event.kind.rawValue.hasSuffix(".deleted")
            line.fields = line.isDeleted ? [:] : line.fields.merging(event.fields) { $1 }
            changed[event.record] = line
        }
        try append(changed.values.sorted { $0.reference.id < $1.reference.id })
    }

    /// Leaves one line per record, if anything was appended.
    func tidy() throws {
        guard isUntidy else { return }
        try refresh()
        var text = Data()
        for reference in order {
            guard let line = lines[reference] else { continue }
            text.append(line.json.data)
            text.append(UInt8(ascii: "\n"))
        }
        try PrivateFile.write(text, to: file)
        stamp = try currentStamp()
        isUntidy = false
    }
}

// MARK: - The file

extension RecordsFile {
    private func currentStamp() throws -> Stamp? {
        let path = file.path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return Stamp(
            size: (attributes[.size] as? NSNumber)?.intValue ?? 0,
            inode: (attributes[.systemFileNumber] as? NSNumber)?.intValue ?? 0,
            modified: attributes[.modificationDate] as? Date ?? .distantPast
        )
    }

    /// Reads the file again if somebody else wrote it.
    private func refresh() throws {
        let now = try currentStamp()
        guard now != stamp else { return }
        lines = [:]
        order = []
        partners = [:]
        if now != nil { try read() }
        stamp = try currentStamp()
    }

    private func read() throws {
        let data = try Data(contentsOf: file)
        var number = 0
        for text in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard !text.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) else { continue }
            do {
                let line = try RecordLine(json: try JSONValue(parsing: Data(text)), tenant: tenant)
                if lines[line.reference] != nil { isUntidy = true }
                keep(line)
            } catch {
                // Only what stands behind the last line end can have been cut off by a crash.
                if text.endIndex == data.endIndex, data.last != UInt8(ascii: "\n") {
                    try drop(after: data.count - text.count)
                    return
                }
                throw damaged(number, error)
            }
        }
        if let last = data.last, last != UInt8(ascii: "\n") {
            let handle = try PrivateFile.appending(to: file)
            try handle.write(contentsOf: Data("\n".utf8))
            try handle.close()
        }
    }

    private func drop(after size: Int) throws {
        let handle = try PrivateFile.appending(to: file)
        try handle.truncate(atOffset: UInt64(size))
        try handle.synchronize()
        try handle.close()
    }

    private func damaged(_ line: Int, _ error: any Error) -> IntegrationError {
        let reason = (error as? IntegrationError)?.message ?? "\(error)"
        return IntegrationError(
            .hostFailed,
            "\(file.path(percentEncoded: false)), line \(line), is no record: \(reason)",
            remedy: LocalizedText(
                "Correct the line or remove it, then run the command again.",
                fr: "Corrigez ou supprimez la ligne, puis relancez la commande."
            ),
            concerns: .application
        )
    }

    private func keep(_ line: RecordLine) {
        if let old = lines.updateValue(line, forKey: line.reference) {
            for (integration, partner) in old.partners {
                partners[Source(integration: integration, remote: partner.remote)] = nil
            }
        } else {
            order.append(line.reference)
        }
        for (integration, partner) in line.partners {
            partners[Source(integration: integration, remote: partner.remote)] = line.reference
        }
    }

    /// Writes lines at the end; they are on the disk when this returns.
    private func append(_ changed: [RecordLine]) throws {
        guard !changed.isEmpty else { return }
        var text = Data()
        for line in changed {
            text.append(line.json.data)
            text.append(UInt8(ascii: "\n"))
        }
        let handle = try PrivateFile.appending(to: file)
        try handle.write(contentsOf: text)
        try handle.synchronize()
        try handle.close()
        for line in changed { keep(line) }
        isUntidy = true
        stamp = try currentStamp()
    }
}

// MARK: - What the engine asks

extension RecordsFile: HostRecords {
    func current(_ records: [HostReference]) throws -> [HostReference: HostRecord] {
        try refresh()
        var found: [HostReference: HostRecord] = [:]
        for reference in records {
            guard let line = lines[reference], !line.isDeleted else { continue }
            found[reference] = HostRecord(fields: line.fields, revision: line.revision)
        }
        return found
    }

    func apply(_ changes: [InboundChange]) throws -> [InboundOutcome] {
        try refresh()
        var changed: [HostReference: RecordLine] = [:]
        var touched: [HostReference] = []
        var tally = counts
        let outcomes = changes.map { change -> InboundOutcome in
            let source = Source(integration: change.integration, remote: change.remote)
            let known = partners[source]
            let isCreate: Bool
            if case .create = change.action { isCreate = true } else { isCreate = false }
            guard let reference = isCreate ? known ?? change.host : change.host ?? known else {
                // A privacy request about nobody who is known here.
                return .applied(
                    HostReference(tenant: tenant, kind: change.remote.kind.rawValue, id: change.remote.value),
                    stored: nil
                )
            }
            let old = changed[reference] ?? lines[reference]
            let name = RecordsFile.name(of: change)
            if let name, let old, old.partners[change.integration]?.change == name {
                return .applied(reference, stored: RecordsFile.stored(old))
            }
            if let expected = change.expecting, old.map(\.revision) != expected { return .stale }
            if isCreate, known == nil, let old, !old.isDeleted {
                return .refused(IntegrationError(.conflict, "A record of the proposed id is there already."))
            }
            var line = old ?? RecordLine(reference)
            line.partners[change.integration] = RecordLine.Partner(remote: change.remote, change: name)
            switch change.action {
            case .create:
                if old == nil || line.isDeleted { tally.created += 1 } else { tally.changed += 1 }
                line.isDeleted = false
                line.fields.merge(change.fields) { $1 }
            case .update:
                // A record that was deleted here stays so; what became of its partner is the delete policy's matter.
                if !line.isDeleted {
                    line.fields.merge(change.fields) { $1 }
                    tally.changed += 1
                }
            case .delete:
                RecordsFile.delete(&line, &tally)
            case .merge:
                // Whether two records of yours become one is for you; the lost one has no partner any more.
                line.partners[change.integration] = nil
            case .privacy(let request):
                if request.action == .erase { RecordsFile.delete(&line, &tally) }
            }
            changed[reference] = line
            touched.append(reference)
            return .applied(reference, stored: RecordsFile.stored(line))
        }
        var seen: Set<HostReference> = []
        try append(touched.filter { seen.insert($0).inserted }.compactMap { changed[$0] })
        counts = tally
        return outcomes
    }

    private static func delete(_ line: inout RecordLine, _ tally: inout Counts) {
        if !line.isDeleted { tally.deleted += 1 }
        line.isDeleted = true
        line.fields = [:]
    }

    private static func stored(_ line: RecordLine) -> HostRecord? {
        line.isDeleted ? nil : HostRecord(fields: line.fields, revision: line.revision)
    }

    /// Names a change by what it does, its version and its content.
    ///
    /// A platform whose versions are whole seconds gives two edits one version, so the content counts too; where there
    /// is no version, only a create can be known again.
    private static func name(of change: InboundChange) -> String? {
        let action: String
        switch change.action {
        case .create: action = "create"
        case .update: action = "update"
        case .delete: action = "delete"
        case .merge(let winner): action = "merge \(winner.kind) \(winner.id)"
        case .privacy(let request): action = "privacy \(request.action.rawValue)"
        }
        guard change.version != nil || action == "create" else { return nil }
        return RecordLine.digest([.string(action), .string(change.version ?? ""), RecordLine.json(change.fields)])
    }
}
