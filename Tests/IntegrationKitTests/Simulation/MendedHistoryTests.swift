// SPDX-License-Identifier: Apache-2.0
import Testing

/// The shortest histories of what long runs found and what is mended, each with what it once broke.
@Suite struct MendedHistoryTests {
    struct Mended: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var lines: String
    }

    @Test(arguments: MendedHistoryTests.all)
    func `A history that once failed holds`(mended: Mended) async throws {
        let outcome = await Simulation.run(try WorldHistory(lines: mended.lines), days: 1)
        #expect(outcome.isGood, "\(outcome.violation?.description ?? outcome.error ?? "")")
    }

    private static let all = [
        Mended(
            testDescription: "two processes' ideas of a platform's clock differ by just a second",
            lines: #"""
                {"seed":2239,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"unlink","lag":0,"remoteDeletes":"carryOut"}]}
                {"hostSaves":{"_2":4,"n":3,"prospect":3,"tenant":0}}
                {"skew":{"process":0,"seconds":10}}
                {"trap":{"_1":{"count":4,"event":{"freeze":{"hostSaves":3,"milliseconds":0,"othersWork":true}},"place":"read"},"process":0}}
                {"pull":{"process":0,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "the same where the process is a year ahead",
            lines: #"""
                {"seed":15893,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"carryOut","lag":0,"remoteDeletes":"carryOut"}]}
                {"skew":{"process":0,"seconds":31000000}}
                {"hostSaves":{"_2":6,"n":17,"prospect":0,"tenant":0}}
                {"trap":{"_1":{"count":4,"event":{"freeze":{"hostSaves":0,"milliseconds":0,"othersWork":true}},"place":"read"},"process":0}}
                {"pull":{"process":0,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "the first answer of a list of changes comes long after the whole list was read",
            lines: #"""
                {"seed":84892,"steps":[],"tenants":[{"conflicts":"ask","direction":"bidirectional","hasKeys":true,"hostDeletes":"carryOut","lag":0,"remoteDeletes":"unlink"}]}
                {"fault":{"_0":"limited","calls":1}}
                {"personCreates":{"n":3,"tenant":0}}
                {"sync":{"process":0}}
                {"personEdits":{"_2":2,"n":20,"place":0,"tenant":0}}
                {"hostSaves":{"_2":1,"n":23,"prospect":0,"tenant":0}}
                {"fault":{"_0":"unavailable","calls":40}}
                {"sync":{"process":0}}
                """#
        ),
        Mended(
            testDescription: "a process ends after the host took a value, and a person clears it",
            lines: #"""
                {"seed":23777,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":false,"hostDeletes":"carryOut","lag":0,"remoteDeletes":"unlink"}]}
                {"hostSaves":{"_2":4,"n":5,"prospect":3,"tenant":0}}
                {"sync":{"process":0}}
                {"personEdits":{"_2":3,"n":10,"place":5,"tenant":0}}
                {"hostSaves":{"_2":6,"n":12,"prospect":3,"tenant":0}}
                {"trap":{"_1":{"count":1,"event":{"death":{"arrivesAfter":89900}},"place":"sending"},"process":1}}
                {"sync":{"process":1}}
                {"personClears":{"_2":2,"place":5,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a process ends after the host took a value, and a person deletes the record",
            lines: #"""
                {"seed":92677,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":false,"hostDeletes":"carryOut","lag":0,"remoteDeletes":"unlink"}]}
                {"hostSaves":{"_2":2,"n":3,"prospect":1,"tenant":0}}
                {"sync":{"process":1}}
                {"personEdits":{"_2":4,"n":12,"place":4,"tenant":0}}
                {"hostSaves":{"_2":5,"n":22,"prospect":1,"tenant":0}}
                {"trap":{"_1":{"count":1,"event":{"death":{"arrivesAfter":89900}},"place":"sending"},"process":0}}
                {"sync":{"process":0}}
                {"personArchives":{"place":2,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a record comes back that was made again meanwhile",
            lines: #"""
                {"seed":30101,"steps":[],"tenants":[{"conflicts":"ask","direction":"bidirectional","hasKeys":false,"hostDeletes":"carryOut","lag":2,"remoteDeletes":"unlink"}]}
                {"hostSaves":{"_2":7,"n":1,"prospect":2,"tenant":0}}
                {"pull":{"process":1,"tenant":0}}
                {"personArchives":{"place":4,"tenant":0}}
                {"hostSaves":{"_2":8,"n":14,"prospect":2,"tenant":0}}
                {"sync":{"process":1}}
                {"personRestores":{"place":5,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a conflict waits for a person while the host deletes the record and makes it again",
            lines: #"""
                {"seed":12128,"steps":[],"tenants":[{"conflicts":"ask","direction":"bidirectional","hasKeys":false,"hostDeletes":"unlink","lag":2,"remoteDeletes":"unlink"}]}
                {"hostSaves":{"_2":8,"n":16,"prospect":3,"tenant":0}}
                {"sync":{"process":0}}
                {"personEdits":{"_2":7,"n":23,"place":4,"tenant":0}}
                {"hostSaves":{"_2":4,"n":26,"prospect":3,"tenant":0}}
                {"sync":{"process":0}}
                {"hostDeletes":{"n":26,"prospect":3,"tenant":0}}
                {"hostSaves":{"_2":2,"n":35,"prospect":3,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a note waits for a record that is refused since another one owns its partner",
            lines: #"""
                {"seed":26660,"steps":[],"tenants":[{"conflicts":"ask","direction":"bidirectional","hasKeys":false,"hostDeletes":"unlink","lag":2,"remoteDeletes":"unlink"}]}
                {"sync":{"process":1}}
                {"backUp":{}}
                {"hostSaves":{"_2":7,"n":17,"prospect":0,"tenant":0}}
                {"sync":{"process":1}}
                {"restore":{}}
                {"hostWritesNote":{"n":25,"prospect":0,"tenant":0}}
                {"webhooks":{"isDoubled":false,"isReordered":false,"process":1}}
                {"pull":{"process":0,"tenant":0}}
                {"hostSaves":{"_2":7,"n":33,"prospect":0,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a record that a stopped create may have made is edited while it waits to be read",
            lines: #"""
                {"seed":15325,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":false,"hostDeletes":"carryOut","lag":20,"remoteDeletes":"unlink"}]}
                {"trap":{"_1":{"count":3,"event":{"freeze":{"hostSaves":3,"milliseconds":0,"othersWork":true}},"place":"read"},"process":0}}
                {"pull":{"process":0,"tenant":0}}
                {"hostSavesDeal":{"deal":0,"n":10,"prospect":3,"tenant":0}}
                {"trap":{"_1":{"count":1,"event":{"death":{"arrivesAfter":89900}},"place":"sending"},"process":0}}
                {"sync":{"process":0}}
                {"reopen":{}}
                {"wait":{"milliseconds":85500}}
                {"wait":{"milliseconds":31000}}
                {"sweep":{"process":1,"tenant":0}}
                {"personEditsDeal":{"n":30,"place":1,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a person gives a job up whose record is there",
            lines: #"""
                {"seed":95491,"steps":[],"tenants":[{"conflicts":"newestWins","direction":"bidirectional","hasKeys":false,"hostDeletes":"unlink","lag":2,"remoteDeletes":"unlink"}]}
                {"trap":{"_1":{"count":1,"event":{"freeze":{"milliseconds":130000,"othersWork":true}},"place":"sent"},"process":0}}
                {"hostSaves":{"_2":1,"n":2,"prospect":3,"tenant":0}}
                {"sync":{"process":1}}
                {"hostSavesDeal":{"deal":0,"n":12,"prospect":3,"tenant":0}}
                {"sync":{"process":0}}
                {"replayLetters":{"process":0,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "the host edits a record that is deleted on the platform, and it comes back there",
            lines: #"""
                {"seed":1509,"steps":[],"tenants":[{"conflicts":"hostWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"unlink","lag":0,"remoteDeletes":"unlink"}]}
                {"trap":{"_1":{"count":2,"event":{"freeze":{"hostSaves":1,"milliseconds":0,"othersWork":true}},"place":"read"},"process":0}}
                {"pull":{"process":0,"tenant":0}}
                {"personArchives":{"place":3,"tenant":0}}
                {"sweep":{"process":1,"tenant":0}}
                {"hostSaves":{"_2":7,"n":21,"prospect":1,"tenant":0}}
                {"personRestores":{"place":2,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a person clears a value that a restored store has forgotten",
            lines: #"""
                {"seed":70220,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"carryOut","lag":0,"remoteDeletes":"carryOut"}]}
                {"personCreates":{"n":18,"tenant":0}}
                {"backUp":{}}
                {"pull":{"process":0,"tenant":0}}
                {"restore":{}}
                {"personClears":{"_2":1,"place":3,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "a word that came late is silenced by one that was said when a clock ran a year ahead",
            lines: #"""
                {"seed":3171,"steps":[],"tenants":[{"conflicts":"newestWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"carryOut","lag":2,"remoteDeletes":"carryOut","shop":{"conflicts":"platformWins","direction":"bidirectional","hostDeletes":"unlink","remoteDeletes":"carryOut"}}]}
                {"personCreates":{"n":4,"tenant":0}}
                {"shopperCreates":{"n":5,"tenant":0}}
                {"sync":{"process":0}}
                {"skew":{"process":1,"seconds":31000000}}
                {"trap":{"_1":{"count":4,"event":{"freeze":{"hostSaves":4,"milliseconds":4900,"othersWork":true}},"place":"committing"},"process":0}}
                {"sync":{"process":0}}
                {"shopperEdits":{"_2":5,"n":23,"place":2,"tenant":0}}
                {"hostSaves":{"_2":1,"n":24,"prospect":0,"tenant":0}}
                {"sync":{"process":0}}
                """#
        ),
        Mended(
            testDescription: "a record that was linked while a clock ran a year ahead is gone from a list",
            lines: #"""
                {"seed":13567,"steps":[],"tenants":[{"conflicts":"ask","direction":"bidirectional","hasKeys":true,"hostDeletes":"unlink","lag":0,"remoteDeletes":"carryOut","shop":{"conflicts":"platformWins","direction":"bidirectional","hostDeletes":"unlink","remoteDeletes":"unlink"}}]}
                {"hostSaves":{"_2":8,"n":9,"prospect":3,"tenant":0}}
                {"skew":{"process":0,"seconds":31000000}}
                {"pull":{"process":0,"tenant":0}}
                {"shopperErases":{"place":1,"tenant":0}}
                """#
        ),
        Mended(
            testDescription: "two processes date what the host says by clocks ten minutes apart",
            lines: #"""
                {"seed":6167,"steps":[],"tenants":[{"conflicts":"platformWins","direction":"bidirectional","hasKeys":true,"hostDeletes":"carryOut","lag":2,"remoteDeletes":"carryOut","shop":{"conflicts":"platformWins","direction":"bidirectional","hostDeletes":"carryOut","remoteDeletes":"carryOut"}}]}
                {"skew":{"process":0,"seconds":600}}
                {"hostSaves":{"_2":2,"n":7,"prospect":3,"tenant":0}}
                {"shopperCreates":{"n":10,"tenant":0}}
                {"hostSaves":{"_2":7,"n":12,"prospect":0,"tenant":0}}
                {"hostSaves":{"_2":4,"n":16,"prospect":1,"tenant":0}}
                {"pull":{"process":0,"tenant":0}}
                {"shopperEdits":{"_2":8,"n":23,"place":3,"tenant":0}}
                {"sweep":{"process":1,"tenant":0}}
                """#
        ),
    ]
}
