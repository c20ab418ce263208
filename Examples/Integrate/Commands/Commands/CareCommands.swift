// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let repair = Command(
        name: "repair",
        summary: "Examines the store and, after a question, drops what cannot be read, keeping a copy of all files.",
        options: [yes],
        notes: [
            "A crash or a kill never needs this. A disk that loses bytes, or an editor in the wrong file, may.",
            "Try a backup first: restore the folder, then run any command.",
        ],
        examples: [Example(line: "integrate repair", words: "Shows what would be lost, then asks.")],
        run: { try await $0.repair() }
    )

    static let key = Command(
        name: "key",
        summary: "Tells where the master key is, what it protects, and how to move it.",
        notes: ["The key itself is never printed."],
        examples: [Example(line: "integrate key", words: "Where it is, and whether others can read it.")],
        run: { $0.key() }
    )
}

extension CommandContext {
    fileprivate func repair() async throws -> ExitCode {
        let settings = try settings()
        let store = Workspace.storeFolder(in: folder)
        let found = try JSONFileIntegrationStore.examine(directory: store)
        guard !found.losses.isEmpty else {
            console.result(
                ["losses": [], "rows": found.rows.json],
                "Nothing is damaged: \(found.rows.counted("row")) read."
            )
            return .done
        }
        if !console.isJSON { console.print(text(found)) }
        guard try await confirm("Copy all files, then drop these lines?") else {
            console.note("Nothing was changed.")
            return .failed
        }
        let stamp = ISO8601.string(from: surroundings.time.now()).filter { $0.isLetter || $0.isNumber }
        let copy = folder.appending(path: "store-before-repair-\(stamp)", directoryHint: .isDirectory)
        let done = try JSONFileIntegrationStore.repair(directory: store, copyingTo: copy)
        let key = try masterKey.load(making: nil)
        // What a lost line said of a sent write is not known any more: creates look before they are sent.
        try await withWorkspace(settings, key: key) { try await $0.manager.adoptRestoredStore() }
        console.result(
            json(done),
            """
            Repaired: \(done.rows.counted("row")) kept, \(done.losses.count.counted("damage")) dropped.
            The files as they were: \(copy.path(percentEncoded: false))
            Next: integrate status, then push your last events again (known ones are done once) and integrate pull --all.
            """
        )
        return .done
    }

    private func text(_ report: RepairReport) -> String {
        let rows = report.losses.map { loss in
            [
                loss.file, "line \(loss.line.grouped)", "byte \(loss.offset.grouped)",
                loss.bytes == 0 ? "the file ends too early" : "\(loss.bytes.counted("byte")) lost",
            ]
        }
        return "\(report.rows.counted("row")) can be read. What cannot:\n" + Console.table(rows, indent: "  ")
    }

    private func json(_ report: RepairReport) -> JSONValue {
        [
            "rows": report.rows.json, "copy": report.copy.map { .string($0.path(percentEncoded: false)) } ?? nil,
            "losses": .array(
                report.losses.map { loss in
                    [
                        "file": .string(loss.file), "line": loss.line.json, "offset": loss.offset.json,
                        "bytes": loss.bytes.json,
                    ]
                }
            ),
        ]
    }

    fileprivate func key() -> ExitCode {
        let key = masterKey
        let path = key.file.path(percentEncoded: false)
        var lines: [String]
        switch (key.source, key.isThere) {
        case (.environment, _):
            lines = ["The master key comes from \(MasterKey.variable) in the environment."]
            if FileManager.default.fileExists(atPath: path) {
                lines.append("There is a key file too, which is not read then: \(path)")
            }
        case (.file, true):
            lines = ["The master key is in \(path)."]
            if key.isExposed { lines.append("! Others can read it: chmod 600 \(path)") }
        case (.file, false):
            lines = ["There is no master key yet; the first connect makes one in \(path)."]
        }
        lines += [
            "",
            "It seals the sign-ins and the queued events in \(folder.path(percentEncoded: false)). Whoever gets a copy",
            "of that folder, from a backup or a stolen disk image, cannot read them without it. Whoever can read your",
            "home folder as you can has both: the file protects nothing from them. Your own records file is not sealed.",
            "Without the key the sign-ins are lost: keep a copy of it, apart from the copies of the folder.",
        ]
        if key.source == .file, key.isThere {
            lines += [
                "", "To move it into the environment, for instance from a secret manager:",
                "  export \(MasterKey.variable)=\"$(cat '\(path)')\"   # then delete the file",
            ]
        }
        let source = key.source == .environment ? "environment" : key.isThere ? "file" : "none"
        console.result(
            [
                "source": .string(source), "file": .string(path),
                "isExposed": .bool(key.source == .file && key.isExposed),
            ],
            lines.joined(separator: "\n")
        )
        return .done
    }
}
