// SPDX-License-Identifier: Apache-2.0

extension Command {
    /// All commands, in the order in which help shows them.
    static let all: [Command] = [
        catalogue, connect, list, test, enable, disable, delete, settings, fields, map, push, pull, webhook, status,
        logs, deadLetters, why, repair, key,
    ]

    static let groups: [(title: String, names: [String])] = [
        ("CONNECT", ["catalogue", "connect", "list", "test", "enable", "disable", "delete"]),
        ("ADJUST", ["settings", "fields", "map"]),
        ("CARRY", ["push", "pull", "webhook"]),
        ("SEE", ["status", "logs", "dead-letters", "why"]),
        ("LOOK AFTER", ["repair", "key"]),
    ]

    static let integrationArgument = Argument(
        name: "INTEGRATION",
        help: "Its id, its name or its platform, whatever names one alone; may be left out where there is only one.",
        isRequired: false
    )

    static let yes = Option(name: "yes", value: nil, help: "Answers yes to every question.")

    static let until = Option(
        name: "until",
        value: "DURATION",
        help: "Stops after so long, such as 90s, 5m or 2h; the same command goes on later."
    )
}
