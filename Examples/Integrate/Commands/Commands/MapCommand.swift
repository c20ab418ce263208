// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let map = Command(
        name: "map",
        summary: "Shows which of your fields is which of the platform's; tries or sets a mapping of your own.",
        arguments: [
            integrationArgument,
            Argument(name: "KIND", help: "The platform's kind, or yours; all by default.", isRequired: false),
        ],
        options: [
            Option(
                name: "set",
                value: "FILE",
                help: "Replaces the mapping of its two kinds by the one in the file, after checking it against the "
                    + "account's fields. The form is what --json prints."
            ),
            Option(
                name: "preview",
                value: "EVENTS",
                help: "Shows what the mapping would send of the first fitting event of the file. Nothing is sent, and "
                    + "with --set nothing is stored."
            ),
        ],
        examples: [
            Example(
                line: "integrate map Sales contact --json > mapping.json",
                words: "A start for a mapping of your own."
            ),
            Example(
                line: "integrate map Sales contact --preview events.jsonl",
                words: "Rule by rule: your value, what is sent, and what comes back of it."
            ),
            Example(line: "integrate map Sales --set mapping.json", words: "Checks it, then stores it."),
        ],
        run: { try await $0.map() }
    )
}

extension CommandContext {
    fileprivate func map() async throws -> ExitCode {
        try await withWorkspace { workspace in
            let integration = try await workspace.integration(arguments.argument(0))
            var mappings = try await workspace.manager.mappings(of: integration.id)
            if let file = arguments.value("set") {
                let mapping = try mapping(in: surroundings.file(file))
                if arguments.has("preview") {
                    try mapping.validate()
                    mappings = [mapping]
                } else {
                    try await workspace.manager.setMapping(mapping, of: integration.id)
                    mappings = [mapping]
                    console.note("Stored the mapping \(mapping.hostKind) → \(mapping.kind.rawValue).")
                }
            } else if let kind = arguments.argument(1) {
                mappings = mappings.filter { $0.kind.rawValue == kind || $0.hostKind == kind }
                guard !mappings.isEmpty else { throw arguments.misuse("nothing maps \(kind.prefix(40)) here") }
            }
            if let file = arguments.value("preview") {
                return try preview(mappings, of: surroundings.file(file))
            }
            let json = try json(mappings)
            console.result(json, mappings.map(text).joined(separator: "\n\n"))
            return .done
        }
    }

    private func mapping(in file: URL) throws -> FieldMapping {
        do {
            return try JSONDecoder().decode(FieldMapping.self, from: try Data(contentsOf: file))
        } catch let error as DecodingError {
            throw IntegrationError(
                .invalidInput,
                "\(file.lastPathComponent) holds no mapping: \(error)",
                remedy: LocalizedText(
                    "Start from one mapping as integrate map INTEGRATION KIND --json prints it.",
                    fr: "Partez d’une correspondance telle que l’affiche integrate map INTÉGRATION TYPE --json."
                ),
                concerns: .application
            )
        }
    }

    /// One mapping as itself, so that a file made of it can be set again; several as an array.
    private func json(_ mappings: [FieldMapping]) throws -> JSONValue {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try mappings.count == 1 ? encoder.encode(mappings[0]) : encoder.encode(mappings)
        return try JSONValue(parsing: data)
    }

    private func text(_ mapping: FieldMapping) -> String {
        let rows = mapping.rules.map { rule in
            let arrow =
                switch rule.direction {
                case .both: "↔"
                case .outbound: "→"
                case .inbound: "←"
                }
            let steps = rule.transforms.map(\.name).joined(separator: ", ")
            return [rule.host.rawValue, arrow, rule.remote.rawValue, steps, rule.isRequired ? "required" : ""]
        }
        return "\(mapping.hostKind) ↔ \(mapping.kind.rawValue)\n" + Console.table(rows, indent: "  ")
    }

    private func preview(_ mappings: [FieldMapping], of file: URL) throws -> ExitCode {
        var events: [String: DomainEvent] = [:]
        var lines = try EventLines(file, tenant: tenant)
        while let line = try lines.next() {
            guard case .success(let event) = line.result, events[event.record.kind] == nil else { continue }
            events[event.record.kind] = event
        }
        let previews = mappings.compactMap { mapping -> (FieldMapping, DomainEvent, MappingPreview)? in
            guard let event = events[mapping.hostKind] else { return nil }
            return (mapping, event, MappingPreview(of: mapping, host: event.fields))
        }
        guard !previews.isEmpty else {
            let kinds = mappings.map(\.hostKind).joined(separator: ", ")
            throw IntegrationError(
                .notFound,
                "The file has no event about: \(kinds).",
                remedy: LocalizedText(
                    "Name a file with an event about one of them.",
                    fr: "Indiquez un fichier contenant un événement de l’un de ces types."
                )
            )
        }
        let problems = previews.flatMap { $0.2.outbound.flatMap(\.problems) }
        console.result(
            ["previews": .array(previews.map { json($0.0, $0.1, $0.2) })],
            previews.map { text($0.0, $0.1, $0.2) }.joined(separator: "\n\n")
        )
        return problems.isEmpty ? .done : .partly
    }

    private func text(_ mapping: FieldMapping, _ event: DomainEvent, _ preview: MappingPreview) -> String {
        var lines = ["\(mapping.hostKind) → \(mapping.kind.rawValue), by the event \(event.id)"]
        let told = preview.outbound.filter { $0.hostValue != nil || $0.remoteValue != nil || !$0.problems.isEmpty }
        lines.append(
            Console.table(
                told.map { line in
                    [
                        line.rule.host.rawValue, line.hostValue?.json.text ?? "—", "→", line.rule.remote.rawValue,
                        line.remoteValue?.json.text ?? "—",
                        line.returnedValue == line.hostValue ? "" : "back: \(line.returnedValue?.json.text ?? "—")",
                    ]
                },
                indent: "  "
            )
        )
        for problem in told.flatMap(\.problems) {
            lines.append("! \(problem.host.rawValue): \(problem.message) \(problem.remedy.text(in: language))")
        }
        let known = Set(mapping.rules.map(\.host))
        let unmapped = event.fields.keys.filter { !known.contains($0) }.map(\.rawValue).sorted()
        if !unmapped.isEmpty { lines.append("Not mapped, so not sent: \(unmapped.joined(separator: ", "))") }
        return lines.joined(separator: "\n")
    }

    private func json(_ mapping: FieldMapping, _ event: DomainEvent, _ preview: MappingPreview) -> JSONValue {
        [
            "hostKind": .string(mapping.hostKind), "kind": .string(mapping.kind.rawValue), "event": .string(event.id),
            "outbound": .array(
                preview.outbound.map { line in
                    [
                        "host": .string(line.rule.host.rawValue), "hostValue": line.hostValue?.json ?? nil,
                        "remote": .string(line.rule.remote.rawValue), "remoteValue": line.remoteValue?.json ?? nil,
                        "returned": line.returnedValue?.json ?? nil,
                        "problems": .array(line.problems.map { .string($0.message) }),
                    ]
                }
            ),
        ]
    }
}
