// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the command line asks for.
struct Options {
    static let help = """
        USAGE: QuickStart [--har FILE] [EVENTS]

        Connects a made-up company to a simulated HubSpot, carries its events there, lets people work in HubSpot,
        brings their changes back, and reports. Needs no account and no network, and takes no real time.

          EVENTS       Events as JSON Lines, of the tenant atelier-durand; without it: 220 lines that come along.
          --har FILE   Writes every request and answer, redacted, as an HTTP archive (HAR 1.2).
          --help       Prints this.

        Exits with 0 if both sides agree in the end, with 1 if they do not, with 2 if it could not be tried.
        """

    /// The file of events; nil: the one that comes along.
    var events: URL?
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
