// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

/// A guard whose answers can be expected.
private final class Watch {
    var guarded = GuardRecord(effect: .delete, kind: .contact)
    let options = EngineOptions()

    func lets(_ waiting: Int, beginning: Int? = nil, of linked: Int, at hours: Double = 0) -> Bool {
        let now = Date(milliseconds: 1_800_000_000_000).addingTimeInterval(hours * 3600)
        return guarded.lets(waiting, beginning: beginning ?? waiting, of: linked, at: now, options)
    }

    func agree(to count: Int) {
        guarded.agree(to: count, at: Date(milliseconds: 1_800_000_000_000))
    }
}

@Suite struct GuardRecordTests {
    /// However the changes of a day are cut into rounds, the day takes the share, or the few that are no mass.
    @Test(arguments: 1...UInt64(20))
    func aDayTakesNoMoreThanTheShare(seed: UInt64) {
        var chance = IntegrationKitTesting.SeededGenerator(seed: seed)
        let whole = Int.random(in: 5...2000, using: &chance)
        let watch = Watch()
        let most = max(watch.options.massChangeMinimum, Int(watch.options.massChangeShare * Double(whole)))
        var linked = whole
        var done = 0
        var refused = 0
        for _ in 0..<400 {
            let size = min(Int.random(in: 1...40, using: &chance), linked)
            guard size > 0 else { continue }
            if watch.lets(size, of: linked, at: Double.random(in: 0...24, using: &chance)) {
                done += size
                linked -= size
            } else {
                refused += 1
            }
        }
        #expect(done <= most, "\(done) of \(whole)")
        #expect(done >= min(most, whole) - 40)
        #expect(refused > 0 || whole <= watch.options.massChangeMinimum)
    }

    @Test func theNextDayBeginsAnew() {
        let watch = Watch()
        #expect(watch.lets(20, of: 100))
        #expect(!watch.lets(1, of: 80, at: 24))
        #expect(watch.lets(16, of: 80, at: 25))
    }

    @Test func whatWaitsIsNotLetThroughInPiecesDayByDay() {
        let watch = Watch()
        for day in 0..<10 { #expect(!watch.lets(100, beginning: 10, of: 100, at: Double(day) * 30)) }
    }

    @Test func aClockThatWasSetBackHoldsNothingUpForLongerThanADay() {
        let watch = Watch()
        #expect(watch.lets(20, of: 100, at: 1000))
        #expect(watch.lets(16, of: 80))
    }

    @Test func anAgreementCoversWhatWasShownAndATenthMoreForAWeek() {
        let watch = Watch()
        watch.agree(to: 50)
        #expect(!watch.lets(50, of: 100, at: 169))
        watch.agree(to: 50)
        #expect(!watch.lets(56, beginning: 10, of: 100))
        // In pieces, while less and less waits; then the day's share is still whole.
        for left in stride(from: 50, to: 0, by: -10) { #expect(watch.lets(left, beginning: 10, of: 100)) }
        #expect(watch.guarded.agreed == 5)
        #expect(watch.lets(10, of: 50))
    }
}
