// SPDX-License-Identifier: Apache-2.0
import IntegrationKit

extension StoreRule {
    static let queryRules = [
        StoreRule("order", "Rows come in the order of index keys and, among equal keys, of their creation.") { trial in
            let places = ["z": "b", "y": "a", "x": "b", "w": "a", "v": "c"]
            for key in ["z", "y", "x", "w", "v"] { try await trial.commit(puts: [trial.content(key, at: places[key])]) }
            try trial.expect(try await trial.keys(trial.query()), is: ["y", "w", "z", "x", "v"], "the order")
            // A second put changes the revision, not the place.
            try await trial.commit(puts: [trial.content("y", at: "a", body: "2")])
            try trial.expect(try await trial.keys(trial.query()), is: ["y", "w", "z", "x", "v"], "after a second put")
            let other = trial.content("other", indexes: [IndexEntry("other", "a")])
            try await trial.commit(puts: [other])
            try trial.expect(try await trial.keys(RowQuery("other")), is: ["other"], "the rows of another index")
            try trial.expect(try await trial.keys(RowQuery("none")), is: [], "the rows of an unknown index")
        },
        StoreRule("byte-order", "Index keys are compared by their UTF-8 bytes.") { trial in
            let keys = ["", "0", "A", "Z", "a", "ab", "e\u{301}", "z", "\u{E9}", "\u{FF5E}", "\u{1F600}"]
            try await trial.commit(puts: keys.shuffled().map { trial.content("row " + $0, at: $0) })
            try trial.expect(try await trial.keys(trial.query()), is: keys.map { "row " + $0 }, "the order")
            let composed = try await trial.keys(trial.query(keys: ["\u{E9}"]))
            try trial.expect(composed.map { Array($0.utf8) }, is: [Array("row \u{E9}".utf8)], "rows under é")
            let upper = try await trial.keys(trial.query(range: "\u{FF5E}"..<"\u{1F600}"))
            try trial.expect(upper, is: ["row \u{FF5E}"], "a range of wide characters")
        },
        StoreRule("pages", "A page goes on after the last row of the page before, and has no more rows than asked for.")
        {
            trial in
            for number in 0..<25 { try await trial.commit(puts: [trial.content("\(number)", at: "\(number % 4)")]) }
            let whole = try await trial.keys(trial.query())
            for size in [1, 3, 7, 25, 26] {
                let pages = try await trial.readPages(of: trial.query(limit: size))
                try trial.expect(pages, is: whole, "the rows in pages of \(size)")
            }
            try trial.expect(try await trial.keys(trial.query(limit: 3)).count, is: 3, "the rows of one page")
            let gap = PageKey(key: "2", created: .min)
            let rest = try await trial.keys(trial.query(after: gap))
            try trial.expect(rest, is: Array(whole.suffix(12)), "the rows after a place where no row is")
        },
        StoreRule(
            "pages-under-change",
            "Pages skip and repeat no row that was there throughout, whatever changes between."
        ) {
            trial in
            let steady = (0..<40).map { "steady-\(100 + $0)" }
            let passing = (0..<40).map { "steady-\(100 + $0)-passing" }
            try await trial.commit(puts: (steady + passing).map { trial.content($0) })
            for descending in [false, true] {
                let query = trial.query(limit: 7, descending: descending)
                let found = try await trial.readPages(of: query) { page in
                    // Behind, at and before the place where the reading goes on.
                    let doomed = passing.indices.filter { $0 % 5 == page % 5 }.map { trial.id(passing[$0]) }
                    let fresh = [0, 20, 39].map { trial.content("steady-\(100 + $0)-new-\(page)") }
                    try await trial.commit(puts: page < 40 ? fresh : [], deletes: doomed)
                }
                let seen = found.filter { steady.contains($0) }
                try trial.expect(seen, is: descending ? steady.reversed() : steady, "the rows that stayed")
                try await trial.commit(puts: passing.map { trial.content($0) })
            }
        },
        StoreRule("descending", "A descending query goes from the last row to the first, pages included.") { trial in
            for number in 0..<12 { try await trial.commit(puts: [trial.content("\(number)", at: "\(number % 3)")]) }
            let rising = try await trial.keys(trial.query())
            try trial.expect(
                try await trial.keys(trial.query(descending: true)),
                is: rising.reversed(),
                "the whole index"
            )
            let pages = try await trial.readPages(of: trial.query(limit: 5, descending: true))
            try trial.expect(pages, is: rising.reversed(), "the pages")
            let part = try await trial.readPages(of: trial.query(range: "1"..<"2", limit: 3, descending: true))
            try trial.expect(part, is: ["10", "7", "4", "1"], "a range in pages")
            let exact = try await trial.readPages(of: trial.query(keys: ["0", "2"], limit: 3, descending: true))
            try trial.expect(exact, is: ["11", "8", "5", "2", "9", "6", "3", "0"], "exact keys in pages")
        },
        StoreRule("exact-keys", "A query for exact keys returns the rows under these, in order.") { trial in
            for number in 0..<12 { try await trial.commit(puts: [trial.content("\(number)", at: "k\(number % 4)")]) }
            let keys = ["k3", "k1", "missing", "k1"]
            let expected = ["1", "5", "9", "3", "7", "11"]
            try trial.expect(try await trial.keys(trial.query(keys: keys)), is: expected, "the rows")
            try trial.expect(
                try await trial.readPages(of: trial.query(keys: keys, limit: 2)),
                is: expected,
                "the pages"
            )
            try trial.expect(try await trial.keys(trial.query(keys: ["k"])), is: [], "rows under a mere prefix")
            try trial.expect(try await trial.keys(trial.query(keys: [])), is: [], "rows under no key")
        },
        StoreRule("ranges", "A range contains its lower bound and not its upper one.") { trial in
            try await trial.commit(puts: ["a", "b", "ba", "c", "d"].map { trial.content($0) })
            try trial.expect(try await trial.keys(trial.query(range: "b"..<"d")), is: ["b", "ba", "c"], "the rows")
            try trial.expect(try await trial.keys(trial.query(range: "b"..<"b")), is: [], "an empty range")
            let pages = try await trial.readPages(of: trial.query(range: "b"..<"d", limit: 2))
            try trial.expect(pages, is: ["b", "ba", "c"], "the pages")
        },
        StoreRule("count", "A count ignores the page and stops at its limit.") { trial in
            try await trial.commit(puts: (0..<30).map { trial.content("\($0)", at: "k\($0 % 3)") })
            let store = trial.store
            let page = trial.query(after: PageKey(key: "k1", created: .max), limit: 2)
            try trial.expect(try await store.count(matching: page, upTo: 100), is: 30, "all")
            try trial.expect(try await store.count(matching: page, upTo: 12), is: 12, "up to a limit")
            try trial.expect(try await store.count(matching: page, upTo: 30), is: 30, "up to just that limit")
            let exact = trial.query(keys: ["k0", "k2", "none"])
            try trial.expect(try await store.count(matching: exact, upTo: 100), is: 20, "exact keys")
            let range = trial.query(range: "k1"..<"k2", descending: true)
            try trial.expect(try await store.count(matching: range, upTo: 100), is: 10, "a range")
            try trial.expect(try await store.count(matching: RowQuery("none"), upTo: 5), is: 0, "an unknown index")
        },
        StoreRule("many-rows", "Ten thousand rows are read in pages, each once and in order.") { trial in
            let keys = (0..<10_000).map { String($0 + 100_000) }
            var order = keys
            var generator = SeededGenerator(seed: 7)
            order.shuffle(using: &generator)
            for start in stride(from: 0, to: order.count, by: 1000) {
                try await trial.commit(puts: order[start..<start + 1000].map { trial.content($0) })
            }
            let found = try await trial.readPages(of: trial.query(limit: 999))
            try trial.expect(found.count, is: keys.count, "the number of rows")
            try trial.expect(found == keys, "the rows are not in order")
            try trial.expect(
                try await trial.store.count(matching: trial.query(), upTo: .max),
                is: keys.count,
                "the count"
            )
        },
    ]
}
