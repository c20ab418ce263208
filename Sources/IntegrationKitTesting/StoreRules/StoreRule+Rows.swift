// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension StoreRule {
    static let rowRules = [
        StoreRule("rows-by-id", "Rows are returned by id; an id without a row is absent from the answer.") { trial in
            let keys = (0..<50).map { "row-\($0)" }
            try await trial.commit(puts: keys.map { trial.content($0) })
            let wanted = keys.prefix(40) + ["missing"]
            let found = try await trial.store.rows(wanted.map(trial.id))
            try trial.expect(Set(found.keys.map(\.key)), is: Set(keys.prefix(40)), "the ids in the answer")
            for (id, row) in found { try trial.expect(row.content.id, is: id, "the row of \(id.key)") }
            let other = RowID(type: "other", key: "row-0")
            try trial.expect(try await trial.store.rows([other]).isEmpty, "a row was found under another type")
            try trial.expect(try await trial.store.rows([RowID]()).isEmpty, "no id gave rows")
        },
        StoreRule("content", "A row comes back as it was put, its body byte for byte.") { trial in
            let content = RowContent(
                id: RowID(type: "thing", key: "clé \u{1F600} \u{1F} \" \\ \n"),
                tenant: "tenant \u{1F600}",
                integration: "un",
                indexes: [
                    IndexEntry("a", "clé\u{1F}1"), IndexEntry("b", ""), IndexEntry("c", "\"\\\n", isUnique: true),
                ],
                body: Data(#"{"b":"é\u00e9\n","a":[1.10,12345678901234567890,null,true],"":{}}"#.utf8),
                keep: .milliseconds(86_400_001)
            )
            let bare = RowContent(id: trial.id("bare"), tenant: "tenant-a", body: Data("[]".utf8))
            try await trial.commit(puts: [content, bare])
            let found = try await trial.store.rows([content.id, bare.id])
            try trial.expect(found[content.id]?.content, is: content, "the row")
            try trial.expect(found[bare.id]?.content, is: bare, "the row without index, integration and time to keep")
        },
        StoreRule("ids-by-bytes", "Ids are compared by their UTF-8 bytes: two spellings of one letter are two.") {
            trial in
            try await trial.commit(puts: [trial.content("\u{E9}", at: "1"), trial.content("e\u{301}", at: "2")])
            let found = try await trial.store.rows([trial.id("\u{E9}"), trial.id("e\u{301}")])
            try trial.expect(found.count, is: 2, "the number of rows")
            try trial.expect(
                found[trial.id("e\u{301}")]?.content.indexes.first?.key,
                is: "2",
                "the row of the second spelling"
            )
        },
        StoreRule("reput", "A put replaces the content, and its index entries replace the earlier ones.") { trial in
            try await trial.commit(puts: [trial.content("a", at: "old", body: "1")])
            try await trial.commit(puts: [trial.content("a", at: "new", body: "2")])
            try trial.expect(try await trial.row("a")?.content.body, is: Data("2".utf8), "the body")
            try trial.expect(try await trial.keys(trial.query(keys: ["old"])), is: [], "rows under the old key")
            try trial.expect(try await trial.keys(trial.query(keys: ["new"])), is: ["a"], "rows under the new key")
            try trial.expect(try await trial.keys(trial.query()), is: ["a"], "rows in the index")
        },
        StoreRule("delete", "A delete removes the row and its index entries; one that is not there is no failure.") {
            trial in
            try await trial.commit(puts: [trial.content("a"), trial.content("b")])
            try await trial.commit(deletes: [trial.id("a"), trial.id("missing")])
            try trial.expect(try await trial.row("a") == nil, "the deleted row is there")
            try trial.expect(try await trial.keys(trial.query()), is: ["b"], "rows in the index")
            try trial.expect(try await trial.store.count(matching: trial.query(), upTo: 10), is: 1, "the count")
        },
        StoreRule("numbers", "Created rises with the first puts and stays; revisions rise with every put.") { trial in
            try await trial.commit(puts: ["c", "a", "b"].map { trial.content($0) })
            try await trial.commit(puts: [trial.content("d")])
            let first = try await trial.store.rows(["c", "a", "b", "d"].map(trial.id))
            let order = try ["c", "a", "b", "d"].map { try trial.require(first[trial.id($0)], "row \($0)") }
            try trial.expect(
                zip(order, order.dropFirst()).allSatisfy { $0.created < $1.created },
                "created does not rise in the order of the puts: \(order.map(\.created))"
            )
            let highest = order.map(\.revision).max() ?? 0
            try trial.expect(Set(order.map(\.revision)).count, is: 4, "the number of different revisions")
            try await trial.commit(puts: [trial.content("a", body: "2")])
            let again = try trial.require(try await trial.row("a"), "row a")
            try trial.expect(again.created, is: order[1].created, "created after a second put")
            try trial.expect(again.revision > highest, "the revision did not rise above all earlier ones")
        },
        StoreRule("numbers-after-delete", "No number is used again, also not after a delete.") { trial in
            try await trial.commit(puts: [trial.content("a")])
            try await trial.commit(puts: [trial.content("a")])
            let old = try trial.require(try await trial.row("a"), "row a")
            try await trial.commit(deletes: [trial.id("a")])
            try await trial.commit(puts: [trial.content("a")])
            let new = try trial.require(try await trial.row("a"), "row a, made again")
            try trial.expect(new.revision > old.revision, "the revision fell from \(old.revision) to \(new.revision)")
            try trial.expect(new.created > old.created, "created fell from \(old.created) to \(new.created)")
            let stale = trial.changes(requires: [.revision(trial.id("a"), old.revision)], deletes: [trial.id("a")])
            try await trial.expectConflict(stale, [.revision(trial.id("a"), old.revision)])
        },
    ]
}
