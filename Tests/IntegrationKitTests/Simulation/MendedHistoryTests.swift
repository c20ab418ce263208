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
    ]
}
