// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

extension Command {
    static let catalogue = Command(
        name: "catalogue",
        summary: "Shows which platforms can be connected, and what each asks for.",
        arguments: [
            Argument(name: "PLATFORM", help: "Tells more of this one.", isRequired: false)
        ],
        examples: [
            Example(line: "integrate catalogue", words: "Lists the platforms."),
            Example(
                line: "integrate catalogue hubspot",
                words: "Shows the form, the environment variables for its secrets, and what travels in which direction."
            ),
        ],
        run: { try $0.catalogue() }
    )
}

extension CommandContext {
    func catalog() throws -> IntegrationCatalog {
        try IntegrationCatalog(surroundings.providers.map(\.descriptor))
    }

    fileprivate func catalogue() throws -> ExitCode {
        let catalog = try catalog()
        let shown = try arguments.argument(0).map { name in
            [try catalog.descriptor(for: PlatformID(rawValue: name.lowercased()))]
        }
        console.result(
            ["platforms": .array((shown ?? catalog.all).map(json))],
            shown.map { $0.map(page).joined(separator: "\n") }
                ?? Console.table(
                    catalog.all.map { platform in
                        [
                            platform.id.rawValue, platform.name, platform.category.rawValue,
                            platform.summary.text(in: language),
                        ]
                    }
                )
        )
        return .done
    }

    private func page(_ platform: PlatformDescriptor) -> String {
        var lines = ["\(platform.name) — \(platform.summary.text(in: language))"]
        lines.append("API \(platform.apiVersion), \(platform.documentation.absoluteString)")
        for method in platform.signInMethods {
            lines += ["", "\(method.label.text(in: language)) (--method \(method.id))"]
            for field in method.fields {
                let optional = field.isRequired ? "" : ", may be left out"
                lines.append("  \(field.label.text(in: language))\(optional): " + source(of: field, platform.id))
                lines += Help.wrapped(field.help.text(in: language), indent: 6)
            }
        }
        lines += ["", "Kinds"]
        for kind in platform.kinds {
            let ways = [kind.canPush ? "out" : nil, kind.canPull ? "back" : nil, kind.canDelete ? "delete" : nil]
            lines.append(
                "  " + kind.kind.rawValue.padding(to: 18) + ways.compactMap(\.self).joined(separator: ", ")
            )
            lines += Help.wrapped(kind.note.text(in: language), indent: 20)
        }
        lines += ["", "Events"]
        for route in platform.routes {
            let consent = route.needsConsent ? " (needs notify-people=yes: the platform mails people)" : ""
            lines.append(
                "  \(route.event.rawValue.padding(to: 24)) \(route.action.rawValue) \(route.kind.rawValue)\(consent)"
            )
        }
        return lines.joined(separator: "\n")
    }

    private func source(of field: FormField, _ platform: PlatformID) -> String {
        field.kind == .secret
            ? "asked without echo, or \(CommandContext.variable(platform, field.id)) in the environment"
            : "asked, or --field \(field.id)=…, or \(CommandContext.variable(platform, field.id))"
    }

    private func json(_ platform: PlatformDescriptor) -> JSONValue {
        [
            "id": .string(platform.id.rawValue), "name": .string(platform.name),
            "category": .string(platform.category.rawValue), "summary": .string(platform.summary.text(in: language)),
            "apiVersion": .string(platform.apiVersion),
            "documentation": .string(platform.documentation.absoluteString),
            "signInMethods": .array(
                platform.signInMethods.map { method in
                    [
                        "id": .string(method.id), "label": .string(method.label.text(in: language)),
                        "fields": .array(
                            method.fields.map { field in
                                [
                                    "id": .string(field.id), "label": .string(field.label.text(in: language)),
                                    "isSecret": .bool(field.kind == .secret), "isRequired": .bool(field.isRequired),
                                    "variable": .string(CommandContext.variable(platform.id, field.id)),
                                ]
                            }
                        ),
                    ]
                }
            ),
            "kinds": .array(
                platform.kinds.map { kind in
                    [
                        "kind": .string(kind.kind.rawValue), "canPush": .bool(kind.canPush),
                        "canPull": .bool(kind.canPull), "canDelete": .bool(kind.canDelete),
                    ]
                }
            ),
            "events": .array(
                platform.routes.map { route in
                    [
                        "event": .string(route.event.rawValue), "action": .string(route.action.rawValue),
                        "kind": .string(route.kind.rawValue),
                    ]
                }
            ),
        ]
    }
}
