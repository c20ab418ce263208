// SPDX-License-Identifier: Apache-2.0
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct PackedIndexTests {
    typealias Index = SortedIndex<ByteKey>

    @Test(arguments: 0..<30 as Range<UInt64>)
    func `A packed index answers as a sorted one does`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var packed = PackedIndex()
        var sorted = Index()
        // Few keys give long runs of equal ones; keys that begin alike, empty ones and ones outside ASCII are packed.
        let keys = [3, 40, 5000][Int(seed % 3)]
        let growth = [9, 5, 4][Int(seed / 3 % 3)]
        var known: [Index.Entry] = []
        for round in 0..<3 {
            for _ in 0..<700 {
                let key = key(Int.random(in: 0..<keys, using: &generator))
                let number = Int64.random(in: -3..<2000, using: &generator)
                if round == 2 || Int.random(in: 0..<10, using: &generator) < growth {
                    if round == 2 {
                        packed.load(Array(key.text.utf8)[...], number)
                    } else {
                        packed.insert(key, number)
                    }
                    sorted.insert(key, number)
                    known.append(Index.Entry(key: key, number: number))
                } else if let doomed = known.randomElement(using: &generator) {
                    packed.remove(doomed.key, doomed.number)
                    sorted.remove(doomed.key, doomed.number)
                }
            }
            packed.endLoading()
            #expect(packed.count == sorted.count)
            #expect(
                packed.entries(in: .init(), limit: .max, descending: false) == sorted.entries(in: .init(), limit: .max)
            )
            for number in 0..<50 {
                let entries = sorted.entries(in: .key(key(number)), limit: .max)
                #expect(packed.first(under: key(number)) == entries.first?.number)
                #expect(packed.last(under: key(number)) == entries.last?.number)
            }
            for _ in 0..<6 {
                let cuts = (0..<2).map { _ in cut(among: keys, using: &generator) }
                let span = Index.Span(from: cuts[0], to: cuts[1])
                let limit = Int.random(in: 0..<300, using: &generator)
                #expect(packed.count(in: span) == sorted.count(in: span))
                for descending in [false, true] {
                    #expect(
                        packed.entries(in: span, limit: limit, descending: descending)
                            == sorted.entries(in: span, limit: limit, descending: descending)
                    )
                }
            }
        }
        for entry in sorted.entries(in: .init(), limit: .max) { packed.remove(entry.key, entry.number) }
        #expect(packed.isEmpty)
    }

    private func key(_ number: Int) -> ByteKey {
        ByteKey(number == 0 ? "" : (number % 7 == 0 ? "integration|é\(number)" : "integration|\(number)"))
    }

    private func cut(among keys: Int, using generator: inout SeededGenerator) -> Index.Cut? {
        let key = key(Int.random(in: 0..<keys, using: &generator))
        let number = Int64.random(in: 0..<2000, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: return nil
        case 1: return .before(key)
        case 2: return .after(key)
        case 3: return .before(key, number)
        default: return .after(key, number)
        }
    }
}
