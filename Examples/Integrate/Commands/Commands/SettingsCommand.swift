// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let settings = Command(
        name: "settings",
        summary: "Shows how an integration works and which choices its account offers; changes what is named.",
        arguments: [
            integrationArgument,
            Argument(name: "NAME=VALUE", help: "A setting to change.", isRequired: false, isRepeated: true),
        ],
        notes: [
            "Of every integration: name, direction (push, pull, both), kinds (contact,deal or all), conflict "
                + "(platform-wins, host-wins, newest-wins, ask), on-remote-delete and on-host-delete (carry-out, unlink, "
                + "ask), duplicates (link, create-beside, hold), notify-people (yes, no), reserve (0 to 1: the share of "
                + "each limit that is left to others).",
            "Of the account: what the platform offers, such as the pipeline that deals go into.",
        ],
        examples: [
            Example(line: "integrate settings Sales", words: "Shows the settings and the account's choices."),
            Example(
                line: "integrate settings Sales on-remote-delete=carry-out on-host-delete=carry-out",
                words: "What is deleted on one side is deleted on the other."
            ),
        ],
        run: { try await $0.settingsCommand() }
    )

    static let fields = Command(
        name: "fields",
        summary: "Shows the fields of a kind in the account, custom ones included.",
        arguments: [
            Argument(name: "INTEGRATION", help: "Its id, its name or its platform."),
            Argument(name: "KIND", help: "The platform's kind, such as contact."),
        ],
        examples: [Example(line: "integrate fields Sales contact", words: "Names, types and choices.")],
        run: { try await $0.fields() }
    )
}

/// A setting that every integration has, by the name that people type.
private struct OwnSetting: Sendable {
    var name: String
    var values: String
    var shown: @Sendable (Integration) -> String
    /// Takes a value; false: it is none.
    var take: @Sendable (String, inout SyncSettings, PlatformDescriptor) -> Bool

    private static func choice<Value: Sendable>(
        _ name: String,
        _ choices: KeyValuePairs<String, Value>,
        _ read: @escaping @Sendable (SyncSettings) -> Value,
        _ write: @escaping @Sendable (inout SyncSettings, Value) -> Void
    ) -> OwnSetting where Value: Equatable {
        let choices = choices.map { (word: $0.key, value: $0.value) }
        return OwnSetting(
            name: name,
            values: choices.map(\.word).joined(separator: ", "),
            shown: { integration in
                let value = read(integration.settings)
                return choices.first { $0.value == value }?.word ?? ""
            },
            take: { text, settings, _ in
                guard let choice = choices.first(where: { $0.word == text }) else { return false }
                write(&settings, choice.value)
                return true
            }
        )
    }

    private static let deletions: KeyValuePairs<String, SyncSettings.DeletePolicy> = [
        "carry-out": .carryOut, "unlink": .unlink, "ask": .ask,
    ]

    static let all: [OwnSetting] = [
        choice(
            "direction",
            ["push": .push, "pull": .pull, "both": SyncSettings.Direction.bidirectional],
            { $0.direction },
            { $0.direction = $1 }
        ),
        OwnSetting(
            name: "kinds",
            values: "all, or kinds of the platform with commas between",
            shown: { $0.settings.kinds?.map(\.rawValue).sorted().joined(separator: ",") ?? "all" },
            take: { text, settings, platform in
                let kinds = text.split(separator: ",").map {
                    RecordKind(rawValue: $0.trimmingCharacters(in: .whitespaces))
                }
                guard text == "all" || !kinds.isEmpty && kinds.allSatisfy({ platform.kind($0) != nil }) else {
                    return false
                }
                settings.kinds = text == "all" ? nil : Set(kinds)
                return true
            }
        ),
        choice(
            "conflict",
            [
                "platform-wins": .platformWins, "host-wins": .hostWins, "newest-wins": .newestWins,
                "ask": SyncSettings.ConflictPolicy.ask,
            ],
            { $0.conflictPolicy },
            { $0.conflictPolicy = $1 }
        ),
        choice("on-remote-delete", deletions, { $0.remoteDeletePolicy }, { $0.remoteDeletePolicy = $1 }),
        choice("on-host-delete", deletions, { $0.hostDeletePolicy }, { $0.hostDeletePolicy = $1 }),
        choice(
            "duplicates",
            ["link": .link, "create-beside": .createBeside, "hold": SyncSettings.DuplicatePolicy.hold],
            { $0.duplicatePolicy },
            { $0.duplicatePolicy = $1 }
        ),
        choice("notify-people", ["yes": true, "no": false], { $0.mayNotifyPeople }, { $0.mayNotifyPeople = $1 }),
        OwnSetting(
            name: "reserve",
            values: "0 to 1",
            shown: { "\($0.settings.reserve)" },
            take: { text, settings, _ in
                guard let share = Double(text), (0..<1).contains(share) else { return false }
                settings.reserve = share
                return true
            }
        ),
    ]
}

extension CommandContext {
    fileprivate func settingsCommand() async throws -> ExitCode {
        // The integration may be left out where there is only one: then the first word is a setting.
        var words = arguments.arguments[...]
        let named = words.first.flatMap { $0.contains("=") ? nil : $0 }
        if named != nil { words.removeFirst() }
        return try await withWorkspace { workspace in
            var integration = try await workspace.integration(named)
            let platform = try workspace.manager.catalog.descriptor(for: integration.platform)
            let offered = try await workspace.manager.fetchSettings(of: integration.id)
            if !words.isEmpty {
                var settings = integration.settings
                var name: String?
                for word in words { try take(word, &settings, &name, offered, platform) }
                integration = try await workspace.manager.update(integration.id, name: name, settings: settings)
            }
            let missing = offered.filter { $0.isRequired && integration.settings.account[$0.id] == nil }
            console.result(json(integration, offered), text(integration, offered))
            return missing.isEmpty ? .done : .partly
        }
    }

    private func take(
        _ word: String,
        _ settings: inout SyncSettings,
        _ newName: inout String?,
        _ offered: [SettingDescription],
        _ platform: PlatformDescriptor
    ) throws {
        guard let place = word.firstIndex(of: "=") else { throw arguments.misuse("\(word) is not NAME=VALUE") }
        let name = String(word[..<place])
        let value = String(word[word.index(after: place)...])
        if name == "name" {
            newName = value
        } else if let own = OwnSetting.all.first(where: { $0.name == name }) {
            guard own.take(value, &settings, platform) else {
                throw arguments.misuse("\(name) is one of: \(own.values)")
            }
        } else if let setting = offered.first(where: { $0.id == name }) {
            guard setting.options.isEmpty || setting.options.contains(where: { $0.value == value }) else {
                let known = setting.options.map(\.value).joined(separator: ", ")
                throw arguments.misuse("\(name) is one of: \(known)")
            }
            settings.account[name] = value.isEmpty ? nil : .string(value)
        } else {
            let known = ["name"] + OwnSetting.all.map(\.name) + offered.map(\.id)
            let meant = ArgumentParser.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            throw arguments.misuse("there is no setting \(name.prefix(40))\(meant)")
        }
    }

    private func text(_ integration: Integration, _ offered: [SettingDescription]) -> String {
        var lines = ["\(integration.name) (\(integration.id))"]
        lines.append(
            Console.table(
                OwnSetting.all.map { [$0.name, $0.shown(integration), "of: \($0.values)"] },
                indent: "  "
            )
        )
        if !offered.isEmpty { lines += ["", "Of the account"] }
        for setting in offered {
            let chosen = integration.settings.account[setting.id].map { $0.string ?? $0.text }
            let state = chosen ?? (setting.isRequired ? "(needed: choose one)" : "(none)")
            lines.append("  \(setting.id) = \(state)   \(setting.label.text(in: language))")
            for option in setting.options { lines.append("      \(option.value)  \(option.label)") }
        }
        return lines.joined(separator: "\n")
    }

    private func json(_ integration: Integration, _ offered: [SettingDescription]) -> JSONValue {
        [
            "id": .string(integration.id), "name": .string(integration.name),
            "settings": .object(
                JSONObject(OwnSetting.all.map { JSONObject.Member($0.name, .string($0.shown(integration))) })
            ),
            "account": .array(
                offered.map { setting in
                    [
                        "id": .string(setting.id), "value": integration.settings.account[setting.id] ?? nil,
                        "isRequired": .bool(setting.isRequired),
                        "options": .array(
                            setting.options.map { ["value": .string($0.value), "label": .string($0.label)] }
                        ),
                    ]
                }
            ),
        ]
    }

    fileprivate func fields() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integration = try await workspace.integration(arguments.argument(0))
            let platform = try workspace.manager.catalog.descriptor(for: integration.platform)
            let kind = RecordKind(rawValue: arguments.argument(1) ?? "")
            guard platform.kind(kind) != nil else {
                let known = platform.kinds.map(\.kind.rawValue)
                let meant =
                    ArgumentParser.nearest(to: kind.rawValue, among: known).map { "; did you mean \($0)?" } ?? ""
                throw arguments.misuse(
                    "\(platform.name) has no kind \(kind.rawValue.prefix(40))\(meant) It has: \(known.joined(separator: ", "))"
                )
            }
            let fields = try await workspace.manager.fetchFields(of: kind, in: integration.id)
            console.result(
                ["fields": .array(fields.map(json))],
                Console.table(
                    fields.map { field in
                        let marks = [
                            field.isWritable ? nil : "read-only", field.isRequired ? "required" : nil,
                            field.isUnique ? "unique" : nil, field.isCustom ? "custom" : nil,
                        ].compactMap(\.self)
                        let options = field.options.prefix(6).map(\.value).joined(separator: "|")
                        return [
                            field.name.rawValue, field.type.rawValue, field.label, marks.joined(separator: ", "),
                            field.options.count > 6 ? options + "|…" : options,
                        ]
                    }
                )
            )
            return .done
        }
    }

    private func json(_ field: FieldDescription) -> JSONValue {
        [
            "name": .string(field.name.rawValue), "label": .string(field.label), "type": .string(field.type.rawValue),
            "isWritable": .bool(field.isWritable), "isRequired": .bool(field.isRequired),
            "isUnique": .bool(field.isUnique), "isCustom": .bool(field.isCustom),
            "options": .array(field.options.map { ["value": .string($0.value), "label": .string($0.label)] }),
        ]
    }
}
