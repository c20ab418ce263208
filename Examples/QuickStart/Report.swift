// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// All that happened.
struct Story: Sendable {
    var integration: Integration
    var shop: Integration
    var run: Int
    var store: URL
    var callsToConnect: Int
    var intake: Intake
    var push: Work
    var deeds: Deeds
    var mail: Mail
    var applied: [InboundChange]
    var pull: Work
    var verification: Verification
    var simulated: Duration
    var real: Duration
    var archive: URL?
}

/// The story as plain text.
struct Report {
    private var lines: [String] = []

    var text: String { lines.joined(separator: "\n") }

    init(_ story: Story) {
        lines = ["IntegrationKit quick start: Atelier Durand connects its HubSpot and its shop, both simulated."]
        connected(story)
        events(story.intake)
        pushed(story.push)
        refused(story)
        meanwhile(story)
        cameBack(story)
        title("STILL QUEUED  \(story.verification.waiting.count)")
        for (integration, event, why) in story.verification.waiting {
            line(event, why.replacing(integration.id, with: integration.name))
        }
        verified(story)
    }

    private mutating func connected(_ story: Story) {
        title(story.run == 1 ? "CONNECTED" : "CONNECTED  since an earlier run; this is run \(story.run)")
        line(
            "\(story.integration.name), portal \(story.integration.account.value): \(story.integration.access.count) kinds "
                + "of record, \(story.callsToConnect) calls to look round and to make the key properties"
        )
        line("\(story.shop.name), \(World.shopAddress): \(story.shop.access.count) kinds of record")
    }

    private mutating func events(_ intake: Intake) {
        title("EVENTS  \(intake.lineCount) lines, \(intake.queued.count) events queued")
        for (_, error) in intake.malformed { line("malformed", error.message) }
        line("came before", intake.known.shortened(to: 7))
        for (event, reasons) in intake.skipped { line(event, reasons.joined(separator: " ")) }
    }

    private mutating func pushed(_ work: Work) {
        title(
            work.calls > 0
                ? "PUSHED  with two lost answers and a refusal for too many calls on the way" : "PUSHED  nothing"
        )
        table(
            work,
            [
                (.created, "created"), (.updated, "updated"), (.adopted, "adopted"), (.unchanged, "unchanged"),
                (.covered, "folded"), (.refused, "refused"), (.outcomeUnknown, "unclear"), (.retried, "retried"),
            ]
        )
        let records = work.count(.created) + work.count(.updated)
        let hundredths = work.calls * 100 / max(records, 1)
        line(
            "\(work.calls) calls for \(records) records written: "
                + "\(hundredths / 100).\(String(hundredths % 100).padded(to: 2, with: "0", right: true)) a record"
        )
        for problem in work.problems { line("on the way", problem.message) }
    }

    private mutating func refused(_ story: Story) {
        let letters = story.verification.deadLetters
        title("REFUSED  \(letters.count) wait for a person")
        for letter in letters {
            line(
                "\(letter.event ?? "") \(letter.record?.id ?? "")",
                "\(letter.integration == story.shop.id ? story.shop.name : story.integration.name): "
                    + letter.reason.message
            )
            line("", "→ " + letter.reason.remedy.text(in: "en"))
        }
    }

    private mutating func meanwhile(_ story: Story) {
        title("MEANWHILE")
        for deed in story.deeds.inHubSpot { line("in HubSpot", deed) }
        for deed in story.deeds.inShop { line("in the shop", deed) }
        for deed in story.deeds.inCompany { line("in the company", deed) }
        let mail = story.mail
        line(
            "webhooks",
            "\(mail.deliveries) deliveries, \(mail.accepted) events taken; sent again, \(mail.repeated) known"
        )
        line("a forged one", "answered \(mail.forgedStatus): \(mail.forged?.message ?? "")")
    }

    private mutating func cameBack(_ story: Story) {
        title("CAME BACK  \(story.applied.count) changes for the company's records")
        var groups: [(what: String, ids: [String])] = []
        for change in story.applied {
            let what = change.words
            let id = change.host?.id ?? ""
            if let place = groups.firstIndex(where: { $0.what == what }) {
                groups[place].ids.append(id)
            } else {
                groups.append((what, [id]))
            }
        }
        for (what, ids) in groups { line(ids.shortened(to: 3), what, width: 40) }
        table(
            story.pull,
            [(.delivered, "delivered"), (.echoed, "echoes"), (.conflict, "conflicts"), (.updated, "updated")]
        )
    }

    private mutating func verified(_ story: Story) {
        title(
            story.verification.faults.isEmpty ? "VERIFIED  against the platforms' own books" : "NOT VERIFIED"
        )
        for check in story.verification.checks { line(check) }
        for fault in story.verification.faults.prefix(20) { line("! " + fault) }
        let minutes = story.simulated.components.seconds / 60
        let milliseconds = Int((story.real / .milliseconds(1)).rounded())
        line("\(minutes) minutes of all sides' time passed in \(milliseconds) ms")
        line("the store is in \(story.store.path); the next run goes on there, one with --fresh starts over")
        if let archive = story.archive { line("the traffic is in \(archive.path)") }
    }

    // MARK: - Text

    private mutating func title(_ text: String) {
        lines += ["", text]
    }

    private mutating func line(_ text: String) {
        lines.append("  " + text)
    }

    /// Adds a line of two columns, cut off at the page's edge.
    private mutating func line(_ head: String, _ text: String, width: Int = 17) {
        line(head.padded(to: width) + " " + text.cut(to: 116 - width))
    }

    /// Adds what happened by integration and kind, a column each.
    private mutating func table(_ work: Work, _ columns: [(IntegrationEvent.Kind, String)]) {
        for (name, kinds) in work.counts.sorted(by: { $0.key > $1.key }) {
            line(name.padded(to: 18) + columns.map { $0.1.padded(to: 11, right: true) }.joined())
            for (kind, counts) in kinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let cells = columns.map { column in
                    let count = counts[column.0] ?? 0
                    return (count == 0 ? "·" : String(count)).padded(to: 11, right: true)
                }
                line(kind.rawValue.padded(to: 18) + cells.joined())
            }
        }
    }
}

extension InboundChange {
    /// The change as the report names it.
    fileprivate var words: String {
        let names = fields.keys.map(\.rawValue).sorted().joined(separator: ", ")
        switch action {
        case .create: return "new, with \(names)"
        case .update: return "changed: \(names)"
        case .delete: return "deleted"
        case .merge(let winner): return "merged into \(winner.id)"
        case .privacy: return "a privacy request"
        }
    }
}

extension [String] {
    /// The first few, and how many more there are.
    fileprivate func shortened(to most: Int) -> String {
        let first = prefix(most).map { $0.count > 16 ? $0.prefix(8) + "…" : $0 }.joined(separator: ", ")
        return count > most ? first + " and \(count - most) more" : first
    }
}

extension String {
    fileprivate func padded(to width: Int, with filler: String = " ", right: Bool = false) -> String {
        let space = String(repeating: filler, count: Swift.max(0, width - count))
        return right ? space + self : self + space
    }

    fileprivate func cut(to width: Int) -> String {
        let text = replacing("\n", with: " ")
        return text.count > width ? text.prefix(width - 1) + "…" : text
    }
}
