// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the command line asks for.
struct Options {
    static let help = """
        USAGE: QuickStart [--store DIR] [--fresh] [--har FILE] [EVENTS]

        Connects a made-up company to a simulated HubSpot and a simulated WooCommerce shop, carries its events there,
        lets people work on both, brings their changes back, and reports. Needs no account and no network, and takes no real time. What it did
        stands in files: a second run goes on where the first one ended, and sends only what is new.

          EVENTS       Events as JSON Lines, of the tenant atelier-durand; without it: 222 lines that come along.
          --store DIR  Where the files stand; without it: a folder in the temporary directory.
          --fresh      Forgets what earlier runs left in that folder.
          --har FILE   Writes every request and answer, redacted, as an HTTP archive (HAR 1.2).
          --help       Prints this.

        Exits with 0 if all sides agree in the end, with 1 if they do not, with 2 if it could not be tried.
        """

    /// The file of events; nil: the one that comes along.
    var events: URL?
    /// The folder that a run finds what earlier ones left in.
    var folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("IntegrationKit-QuickStart", isDirectory: true)
    /// Whether to forget what earlier runs left.
    var isFresh = false
    /// Where to write the traffic; nil: nowhere.
    var archive: URL?
    var wantsHelp = false

    struct Mistake: Error, CustomStringConvertible {
        var description: String
    }

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h":
                wantsHelp = true
            case "--store":
                guard let path = rest.popFirst() else { throw Mistake(description: "--store needs a folder.") }
                folder = URL(fileURLWithPath: path, isDirectory: true)
            case "--fresh":
                isFresh = true
            case "--har":
                guard let file = rest.popFirst() else { throw Mistake(description: "--har needs a file.") }
                archive = URL(fileURLWithPath: file)
            case _ where argument.hasPrefix("-"):
                throw Mistake(description: "\(argument) is not known; --help tells what is.")
            default:
                guard events == nil else { throw Mistake(description: "One file of events is enough.") }
                events = URL(fileURLWithPath: argument)
            }
        }
    }
}
