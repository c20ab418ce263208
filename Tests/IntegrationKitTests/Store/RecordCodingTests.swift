// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite struct RecordCodingTests {
    private static let date = Date(milliseconds: 1_767_225_600_123)
    private static let reference = HostReference(tenant: "tenant/42", kind: "prospect", id: "p \"1\"\n\u{1}é")

    /// The encoder that the stored form follows.
    private static func foundation(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.milliseconds)
        }
        return try encoder.encode(value)
    }

    private func check<Value: Codable & Equatable>(_ value: Value) throws {
        let bytes = try RecordWriter.bytes(of: value)
        #expect(String(decoding: bytes, as: UTF8.self) == String(decoding: try Self.foundation(value), as: UTF8.self))
        #expect(try RecordReader.value(Value.self, of: JSONValue(parsing: Data(bytes))) == value)
    }

    /// Checks that what a value writes of itself is what its `Codable` form would be, and that both read it back.
    private func check<Value: StoredValue>(stored value: Value) throws {
        let data = try RecordCoding.encode(value)
        let text = String(decoding: data, as: UTF8.self)
        #expect(text == String(decoding: try Self.foundation(value), as: UTF8.self))
        for again in [
            try RecordCoding.decode(Value.self, from: data),
            try RecordReader.value(Value.self, of: JSONValue(parsing: data)),
        ] {
            #expect(String(decoding: try RecordCoding.encode(again), as: UTF8.self) == text)
        }
    }

    /// Checks the same of a value none of whose properties is nil, so that none can be forgotten.
    private func check<Value: StoredValue>(whole value: Value) throws {
        try check(stored: value)
        let members = try JSONValue(parsing: RecordCoding.encode(value)).object?.keys
        #expect(members == Mirror(reflecting: value).children.compactMap(\.label).sorted())
    }

    private struct Everything: Codable, Equatable {
        struct Empty: Codable, Equatable {}
        var zebra = "last"
        var a = [0, 1, -2, 10, .max, .min]
        var long: [Int64] = [0, -10, .min, .max]
        var early = Date(milliseconds: -1)
        var b: [[Bool?]] = [[true, nil], []]
        var c: String?
        var d: Int? = 7
        var wide: UInt64 = .max
        var narrow: Int8 = -128
        var half = 0.1
        var large = 1e300
        var bytes = Data([0, 255, 62, 63])
        var id = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255))
        var place = URL(string: "https://example.fr/a?b=c%20d")
        var when = RecordCodingTests.date
        var empty = Empty()
        var table: [String: [Int: String]] = ["z": [2: "b"], "": [:], "aa": [1: "a"], "a": [3: "c"]]
        var kinds: [RecordKind: Date] = [.note: RecordCodingTests.date, .contact: RecordCodingTests.date]
        var pairs: [RemoteID: Int] = [RemoteID(.contact, "1"): 1]
        var wait = Duration.milliseconds(1500)
        var escapes = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é👩‍👩‍👧\u{2028}"
    }

    @Test func everyTypeIsWrittenAsFoundationWritesIt() throws {
        try check(Everything())
        try check([Everything(), Everything(c: "there", d: nil)])
    }

    @Test(arguments: [
        JobState.queued,
        .finished("created", at: date),
        .blocked(
            BlockReason(
                error: IntegrationError(
                    .refused,
                    "No.",
                    remedy: LocalizedText("Do.", fr: "Faites."),
                    retry: .after(.seconds(3))
                ),
                since: date,
                need: nil,
                candidates: [RemoteID(.contact, "1"), RemoteID(.note, "2", parent: "3")],
                holdsLane: true
            )
        ),
        .sent(
            Attempt(
                number: 1,
                write: Data("sealed".utf8),
                writeID: UUID(),
                covers: ["a", "b"],
                safety: .keyed(for: .seconds(9)),
                sendBy: date,
                unknownSince: nil,
                absences: 0,
                earlierUnknown: true,
                pendingUntil: date
            )
        ),
    ])
    func everyStateOfAJobIsWrittenAsFoundationWritesIt(state: JobState) throws {
        try check(state)
        try check(stored: state)
        var job = Self.job(in: state)
        try check(stored: job)
        job.event = "e"
        job.record = Self.reference
        job.remote = RemoteID(.note, "2", parent: "3")
        job.occurredAt = Self.date
        job.needs = ["a", "b"]
        job.naturalKeys = ["c"]
        job.isVouchedFor = true
        job.interruptions = 2
        job.privacy = PrivacyRequest(.erase, record: RemoteID(.contact, "1"), requestedAt: Self.date)
        job.guarded = GuardMark(effect: .blank, isCounted: true)
        try check(whole: job)
    }

    private static func job(in state: JobState) -> SyncJob {
        SyncJob(
            tenant: "t",
            lane: .record(reference, in: "i"),
            action: .ensure,
            event: nil,
            record: nil,
            remote: nil,
            kind: .contact,
            occurredAt: nil,
            enqueuedAt: date,
            payload: Data([0, 255, 62, 63]),
            needs: [],
            state: state,
            failures: 1,
            waits: 2,
            mayHaveBeenSent: true,
            isOwnEcho: false
        )
    }

    @Test func whatIsWrittenForEveryEventIsWrittenAsFoundationWritesIt() throws {
        let fields: [FieldName: FieldValue] = ["b": .empty, "a b": "x\"y", "a": 7, "é": .day("2026-01-31"), "a!": "z"]
        let related = RelatedRecord("company", "c-1", fields: ["name": "Ada & Co"])
        let rule = EventRoute.RelationRule("company", as: .company, isRequired: true)
        try check(stored: JobPayload())
        try check(
            stored: JobPayload(
                words: ["b": HostWord(value: "x"), "a": HostWord(value: 1, job: 2, at: -3, yields: true)],
                related: [related],
                relations: [rule]
            )
        )
        try check(whole: JobPayload())
        try check(whole: HostWord(value: 1, job: 2, at: -3, yields: true, isLate: true))
        var write = RecordWrite(id: UUID(), operation: .create, kind: .contact, externalKey: "ik")
        try check(stored: write)
        write = RecordWrite(
            id: UUID(),
            operation: .update,
            kind: .contact,
            target: RemoteID(.contact, "1"),
            externalKey: "ik",
            naturalKeys: ["email": "a@b.fr"],
            fields: fields,
            changed: ["a"],
            base: fields,
            baseVersion: "v",
            relations: [Relation(.company, .remote(RemoteID(.company, "7")))],
            mayNotifyPeople: true,
            firstSentAt: Self.date,
            state: ["a": [1, "b"]]
        )
        try check(whole: write)
        var link = RecordLink(kind: .contact, externalKey: "ik", state: .unlinked, linkedAt: Self.date)
        try check(stored: link)
        link.host = Self.reference
        link.remote = RemoteID(.note, "2", parent: "3")
        link.formerIDs = [RemoteID(.contact, "1")]
        link.parted = [RemoteID(.contact, "0")]
        link.version = "v"
        link.freshAfter = Self.date
        link.settlesAt = Self.date
        link.readAt = Self.date
        link.digest = Data([1, 2, 3])
        link.tags = [
            FieldTag(rule: 1, host: .max, remote: 2, confirmed: true),
            FieldTag(rule: 2, host: 1, remote: 2, confirmed: false, event: 3),
            FieldTag(rule: 3, host: 1, remote: 2, confirmed: false, at: -4),
        ]
        link.delivering = [FieldTag(rule: 4, host: 1, remote: 2, confirmed: true)]
        link.relations = [.max, 0]
        link.naturalKeys = ["k"]
        try check(whole: link)
        try check(whole: NaturalKey(host: Self.reference))
        try check(stored: LogRecord(at: Self.date, kind: "created", detail: Data([9])))
        try check(
            whole: LogRecord(
                at: Self.date,
                kind: "created",
                recordKind: .contact,
                record: Self.reference,
                remote: RemoteID(.contact, "1"),
                event: "e",
                errorCode: "refused",
                detail: Data()
            )
        )
        try check(stored: LogDetail(message: "m"))
        try check(whole: Self.reference)
        try check(whole: RemoteID(.note, "2", parent: "3"))
        try check(whole: LaneID(integration: "i", subject: "s"))
        try check(
            whole: Attempt(
                number: 1,
                write: Data([7]),
                writeID: UUID(),
                covers: ["a"],
                safety: .found,
                sendBy: Self.date,
                unknownSince: Self.date,
                absences: 2,
                earlierUnknown: false,
                pendingUntil: Self.date
            )
        )
        try check(whole: LogDetail(message: "m", error: IntegrationError(.refused, "No.")))
    }

    @Test(arguments: [
        FieldValue.empty, .text("Ada \"L\"\n"), .flag(false), .number(1.50), .money(12.34, currency: "EUR"),
        .day("2026-01-31"), .instant(date), .seconds(90), .options(["a", "b"]),
        .record(RemoteID(.contact, "1")), .json(["b": 1, "a": [nil, 15]]),
    ])
    func everyValueIsWrittenAsFoundationWritesIt(value: FieldValue) throws {
        try check(value)
        try check(stored: value)
        try check(HostWord(value: value, job: 3, at: 4))
    }

    @Test func aRecordComesBackFromTheTextOfAnEarlierVersion() throws {
        var link = RecordLink(
            host: Self.reference,
            remote: RemoteID(.contact, "7"),
            kind: .contact,
            externalKey: "ik",
            state: .linked,
            linkedAt: Self.date
        )
        link.tags = [FieldTag(rule: 1, host: .max, remote: 2, confirmed: true)]
        link.digest = Data([1, 2, 3])
        link.relations = [.max, 0]
        let old = try Self.foundation(link)
        #expect(try RecordCoding.encode(link) == old)
        let again = try RecordCoding.decode(RecordLink.self, from: old)
        #expect(again.tags == link.tags)
        #expect(again.host == link.host)
        #expect(again.relations == link.relations)
        #expect(again.linkedAt == link.linkedAt)
    }

    @Test func aKeyThatAnotherBeginsWithComesFirst() throws {
        let data = try RecordWriter.bytes(of: ["ab": 1, "a!": 2, "a": 3, "a b": 4])
        #expect(String(decoding: data, as: UTF8.self) == #"{"a":3,"a b":4,"a!":2,"ab":1}"#)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func whatJSONCannotSayIsRefused(number: Double) {
        #expect(throws: EncodingError.self) { try RecordWriter.bytes(of: ["a": number]) }
    }

    @Test(arguments: [
        #"{"since":1}"#, #"{"host":1}"#, "[]", "", "{", #"{"host":{"tenant":"t","kind":"k"}}"#,
        #"{"host":{"tenant":"t","kind":"k","id":1}}"#,
    ])
    func aTextThatIsNoSuchRecordIsRefused(text: String) throws {
        let error = try #require(throws: IntegrationError.self) {
            try RecordCoding.decode(NaturalKey.self, from: Data(text.utf8))
        }
        #expect(error.code == .storeFailed)
    }

    @Test(arguments: ["256", "-1", "1.5", "1e2", #""1""#]) func aNumberThatDoesNotFitIsRefused(text: String) {
        #expect(throws: IntegrationError.self) {
            try RecordCoding.decode([UInt8].self, from: Data("[\(text)]".utf8))
        }
    }
}
