// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

// Serves a simulated HubSpot on this machine, so that any client can be pointed at it: ours, curl, or HubSpot's own.

let help = """
    USAGE: SimulatedPlatforms [--port PORT] [--portal ID]

    Serves a simulated HubSpot at http://127.0.0.1:PORT until Ctrl-C and prints its address and an access token.
    It answers under the versions 2026-09, 2026-03 and v3/v4 of the API. What is stored there is gone afterwards.

      --port PORT   The port to listen on; 0, the default, takes a free one.
      --portal ID   The account's id; 147893286 by default.
      --help        Prints this.
    """

func complain(_ text: String) -> Never {
    FileHandle.standardError.write(Data("SimulatedPlatforms: \(text)\n".utf8))
    exit(2)
}

var port: UInt16 = 0
var account = SimulatedHubSpot.Account(name: "Example", timeZone: "Europe/Paris", currency: "EUR")
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--help", "-h":
        print(help)
        exit(0)
    case "--port":
        guard let value = arguments.popFirst().flatMap(UInt16.init) else { complain("--port needs a number up to 65535.") }
        port = value
    case "--portal":
        guard let value = arguments.popFirst().flatMap(Int64.init) else { complain("--portal needs a number.") }
        account.portalID = value
    default:
        complain("\(argument) is not known; --help tells what is.")
    }
}

let hubSpot = SimulatedHubSpot()
hubSpot.addAccount(account)
let token = hubSpot.issueToken(for: account.portalID)
let server = LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"), port: port)
let address: URL
do {
    address = try await server.start()
} catch {
    complain("\(error)")
}
let greeting = """
    HubSpot  \(address.absoluteString)
    token    \(token)
    try      curl -H "Authorization: Bearer \(token)" \(address.absoluteString)/account-info/2026-09/details

    """
// Written at once, so that a program at the other end of a pipe can read it.
FileHandle.standardOutput.write(Data(greeting.utf8))
while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
