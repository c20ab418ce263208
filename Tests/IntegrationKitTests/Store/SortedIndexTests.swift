// SPDX-License-Identifier: Apache-2.0
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

@Suite struct SortedIndexTests {
    typealias Index = SortedIndex<ByteKey>

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `An index answers as a sorted array does`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var index = Index()
        var model: [Index.Entry] = []
        // Few keys give long runs of equal ones, many give splits; some worlds grow, some shrink.
        let keys = [3, 40, 5000][Int(seed % 3)]
        let growth = [9, 5, 4][Int(seed / 3 % 3)]
        for _ in 0..<4000 {
            let key = ByteKey(String(Int.random(in: 0..<keys, using: &generator)))
            let number = Int64.random(in: 0..<2000, using: &generator)
            let place = model.firstPlace { !Index.Cut.before(key, number).follows($0) }
            let isThere = place < model.count && model[place] == Index.Entry(key: key, number: number)
            if Int.random(in: 0..<10, using: &generator) < growth {
                index.insert(key, number)
                if !isThere { model.insert(Index.Entry(key: key, number: number), at: place) }
            } else if let doomed = model.randomElement(using: &generator) {
                index.remove(doomed.key, doomed.number)
                model.removeAll { $0 == doomed }
            }
        }
        #expect(index.count == model.count)
        #expect(index.first == model.first)
        #expect(index.entries(in: .init(), limit: .max) == model)
        for _ in 0..<100 {
            let cuts = (0..<2).map { _ in cut(among: keys, using: &generator) }
            let span = Index.Span(from: cuts[0], to: cuts[1])
            let expected = model.filter { !(cuts[0]?.follows($0) ?? false) && (cuts[1]?.follows($0) ?? true) }
            let limit = Int.random(in: 0..<700, using: &generator)
            #expect(index.count(in: span) == expected.count)
            #expect(index.entries(in: span, limit: limit) == Array(expected.prefix(limit)))
            #expect(index.entries(in: span, limit: limit, descending: true) == Array(expected.reversed().prefix(limit)))
        }
    }

    private func cut(among keys: Int, using generator: inout SeededGenerator) -> Index.Cut? {
        let key = ByteKey(String(Int.random(in: 0..<keys, using: &generator)))
        let number = Int64.random(in: 0..<2000, using: &generator)
        return [nil, .before(key), .after(key), .before(key, number), .after(key, number)]
            .randomElement(using: &generator) ?? nil
    }

    @Test func `An index that was emptied can be filled again`() {
        var index = Index()
        for number in 0..<2000 { index.insert(ByteKey("\(number % 7)"), Int64(number)) }
        for number in 0..<2000 { index.remove(ByteKey("\(number % 7)"), Int64(number)) }
        #expect(index.isEmpty && index.first == nil)
        index.remove(ByteKey("a"), 1)
        index.insert(ByteKey("a"), 1)
        index.insert(ByteKey("a"), 1)
        #expect(index.entries(in: .key(ByteKey("a")), limit: 9).map(\.number) == [1])
    }

    @Test(arguments: [
        ("", "a"), ("a", "aa"), ("Z", "a"), ("e\u{301}", "\u{E9}"), ("z", "\u{E9}"), ("\u{FF5E}", "\u{1F600}"),
    ])
    func `Keys are ordered by their bytes`(lower: String, upper: String) {
        #expect(ByteKey(lower) < ByteKey(upper))
        #expect(!(ByteKey(upper) < ByteKey(lower)))
        #expect(ByteKey(lower) != ByteKey(upper))
        #expect(RowID(type: "t", key: lower) != RowID(type: "t", key: upper))
        #expect(LaneID(integration: "i", subject: lower) != LaneID(integration: "i", subject: upper))
        #expect(IndexEntry("n", lower) != IndexEntry("n", upper))
    }
}
