// SPDX-License-Identifier: Apache-2.0
import Foundation

// The texts of what is written for every event and every record, member by member in the order of the keys.

extension SyncJob {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("action", action)
            try $0.member("enqueuedAt", enqueuedAt)
            try $0.member("event", event)
            try $0.member("failures", failures)
            try $0.member("guarded", guarded)
            try $0.member("interruptions", interruptions)
            try $0.member("isOwnEcho", isOwnEcho)
            try $0.member("isVouchedFor", isVouchedFor)
            try $0.member("kind", kind)
            try $0.member("lane", lane)
            try $0.member("mayHaveBeenSent", mayHaveBeenSent)
            try $0.member("naturalKeys", naturalKeys)
            try $0.member("needs", needs)
            try $0.member("occurredAt", occurredAt)
            try $0.member("payload", payload)
            try $0.member("privacy", privacy)
            try $0.member("record", record)
            try $0.member("remote", remote)
            try $0.member("state", state)
            try $0.member("tenant", tenant)
            try $0.member("waits", waits)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            tenant: try members.read("tenant"),
            lane: try members.read("lane"),
            action: try members.read("action"),
            event: try members.readIfPresent("event"),
            record: try members.readIfPresent("record"),
            remote: try members.readIfPresent("remote"),
            kind: try members.read("kind"),
            occurredAt: try members.readIfPresent("occurredAt"),
            enqueuedAt: try members.read("enqueuedAt"),
            payload: try members.read("payload"),
            needs: try members.read("needs"),
            state: try members.read("state"),
            failures: try members.read("failures"),
            waits: try members.read("waits"),
            mayHaveBeenSent: try members.read("mayHaveBeenSent"),
            isOwnEcho: try members.read("isOwnEcho"),
            isVouchedFor: try members.read("isVouchedFor"),
            naturalKeys: try members.read("naturalKeys"),
            interruptions: try members.readIfPresent("interruptions"),
            privacy: try members.readIfPresent("privacy"),
            guarded: try members.readIfPresent("guarded")
        )
    }
}

extension PrivacyRequest: StoredValue {}
extension BlockReason: StoredValue {}

extension JobState: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            switch self {
            case .queued: $0.member("queued") { $0.object { _ in } }
            case .sent(let attempt): try $0.member("sent") { try $0.object { try $0.member("_0", attempt) } }
            case .blocked(let reason): try $0.member("blocked") { try $0.object { try $0.member("_0", reason) } }
            case .finished(let outcome, let at):
                try $0.member("finished") {
                    try $0.object {
                        try $0.member("_0", outcome)
                        try $0.member("at", at)
                    }
                }
            }
        }
    }

    init(reading value: JSONValue) throws {
        let cases = try RecordMembers(of: value)
        if cases["queued"] != nil {
            self = .queued
        } else if let sent = cases["sent"] {
            self = .sent(try RecordMembers(of: sent).read("_0"))
        } else if let finished = cases["finished"] {
            let values = try RecordMembers(of: finished)
            self = .finished(try values.read("_0"), at: try values.read("at"))
        } else {
            self = .blocked(try RecordMembers(of: cases["blocked"].orMismatch()).read("_0"))
        }
    }
}

extension Attempt: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("absences", absences)
            try $0.member("covers", covers)
            try $0.member("earlierUnknown", earlierUnknown)
            try $0.member("number", number)
            try $0.member("pendingUntil", pendingUntil)
            try $0.member("safety", safety)
            try $0.member("sendBy", sendBy)
            try $0.member("unknownSince", unknownSince)
            try $0.member("write", write)
            try $0.member("writeID", writeID)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            number: try members.read("number"),
            write: try members.read("write"),
            writeID: try members.read("writeID"),
            covers: try members.read("covers"),
            safety: try members.read("safety"),
            sendBy: try members.read("sendBy"),
            unknownSince: try members.readIfPresent("unknownSince"),
            absences: try members.read("absences"),
            earlierUnknown: try members.read("earlierUnknown"),
            pendingUntil: try members.readIfPresent("pendingUntil")
        )
    }
}

extension CreateSafety: StoredValue {}

extension JobPayload: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("related", related)
            try $0.member("relations", relations)
            try $0.member("words", words)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            words: try members.read("words"),
            related: try members.read("related"),
            relations: try members.read("relations")
        )
    }
}

extension RelatedRecord: StoredValue {}
extension EventRoute.RelationRule: StoredValue {}

extension HostWord: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("at", at)
            try $0.member("isLate", isLate)
            try $0.member("job", job)
            try $0.member("value", value)
            try $0.member("yields", yields)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            value: try members.read("value"),
            job: try members.read("job"),
            at: try members.read("at"),
            yields: try members.readIfPresent("yields"),
            isLate: try members.readIfPresent("isLate")
        )
    }
}

extension FieldValue: StoredValue {
    func write(to text: inout RecordText) throws {
        switch self {
        case .empty: text.append(#"["empty"]"#.utf8)
        case .text(let value):
            try text.array {
                try $0.element("text")
                try $0.element(value)
            }
        default: text.append(try RecordWriter.bytes(of: self))
        }
    }

    init(reading value: JSONValue) throws {
        if value[0]?.string == "text" {
            self = .text(try String(reading: value[1].orMismatch()))
        } else {
            self = try RecordReader.value(FieldValue.self, of: value)
        }
    }
}

extension RecordWrite: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("base", base)
            try $0.member("baseVersion", baseVersion)
            try $0.member("changed", changed)
            try $0.member("externalKey", externalKey)
            try $0.member("fields", fields)
            try $0.member("firstSentAt", firstSentAt)
            try $0.member("id", id)
            try $0.member("kind", kind)
            try $0.member("mayNotifyPeople", mayNotifyPeople)
            try $0.member("naturalKeys", naturalKeys)
            try $0.member("operation", operation)
            try $0.member("relations", relations)
            try $0.member("state", state)
            try $0.member("target", target)
        }
    }
}

extension RecordWrite.Operation: StoredValue {}
extension Relation: StoredValue {}
extension JSONValue: StoredValue {}

extension RecordLink {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("delivering", delivering)
            try $0.member("digest", digest)
            try $0.member("externalKey", externalKey)
            try $0.member("formerIDs", formerIDs)
            try $0.member("freshAfter", freshAfter)
            try $0.member("host", host)
            try $0.member("incarnation", incarnation)
            try $0.member("kind", kind)
            try $0.member("linkedAt", linkedAt)
            try $0.member("naturalKeys", naturalKeys)
            try $0.member("parted", parted)
            try $0.member("readAt", readAt)
            try $0.member("relations", relations)
            try $0.member("remote", remote)
            try $0.member("seenSweep", seenSweep)
            try $0.member("settlesAt", settlesAt)
            try $0.member("state", state)
            try $0.member("tags", tags)
            try $0.member("version", version)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            host: try members.readIfPresent("host"),
            remote: try members.readIfPresent("remote"),
            formerIDs: try members.read("formerIDs"),
            parted: try members.readIfPresent("parted"),
            kind: try members.read("kind"),
            externalKey: try members.read("externalKey"),
            incarnation: try members.read("incarnation"),
            state: try members.read("state"),
            version: try members.readIfPresent("version"),
            freshAfter: try members.readIfPresent("freshAfter"),
            settlesAt: try members.readIfPresent("settlesAt"),
            readAt: try members.readIfPresent("readAt"),
            digest: try members.read("digest"),
            tags: try members.read("tags"),
            delivering: try members.readIfPresent("delivering"),
            relations: try members.read("relations"),
            naturalKeys: try members.read("naturalKeys"),
            seenSweep: try members.read("seenSweep"),
            linkedAt: try members.read("linkedAt")
        )
    }
}

extension FieldTag: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.array {
            try $0.element(rule)
            try $0.element(host)
            try $0.element(remote)
            try $0.element(confirmed ? 1 : 0)
            guard event != 0 || at != 0 else { return }
            try $0.element(event)
            if at != 0 { try $0.element(at) }
        }
    }

    init(reading value: JSONValue) throws {
        self.init(
            rule: try UInt32(reading: value[0].orMismatch()),
            host: try UInt64(reading: value[1].orMismatch()),
            remote: try UInt64(reading: value[2].orMismatch()),
            confirmed: try Int(reading: value[3].orMismatch()) != 0,
            event: try value[4].map { try Int64(reading: $0) } ?? 0,
            at: try value[5].map { try Int64(reading: $0) } ?? 0
        )
    }
}

extension NaturalKey {
    func write(to text: inout RecordText) throws {
        try text.object { try $0.member("host", host) }
    }
}

extension LogRecord {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("at", at)
            try $0.member("detail", detail)
            try $0.member("errorCode", errorCode)
            try $0.member("event", event)
            try $0.member("kind", kind)
            try $0.member("record", record)
            try $0.member("recordKind", recordKind)
            try $0.member("remote", remote)
        }
    }
}

extension LogDetail: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("error", error)
            try $0.member("message", message)
        }
    }
}

extension IntegrationError: StoredValue {}

extension LaneID: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("integration", integration)
            try $0.member("subject", subject)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(integration: try members.read("integration"), subject: try members.read("subject"))
    }
}

extension HostReference: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("id", id)
            try $0.member("kind", kind)
            try $0.member("tenant", tenant)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(tenant: try members.read("tenant"), kind: try members.read("kind"), id: try members.read("id"))
    }
}

extension RemoteID: StoredValue {
    func write(to text: inout RecordText) throws {
        try text.object {
            try $0.member("kind", kind)
            try $0.member("parent", parent)
            try $0.member("value", value)
        }
    }

    init(reading value: JSONValue) throws {
        let members = try RecordMembers(of: value)
        self.init(
            try members.read("kind"),
            try members.read("value"),
            parent: try members.readIfPresent("parent")
        )
    }
}
