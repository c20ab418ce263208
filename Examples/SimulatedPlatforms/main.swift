// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting

// Serves simulated platforms on this machine, so that any client can be pointed at them: ours, curl, or the platforms'
// own.

let help = """
    USAGE: SimulatedPlatforms [--port PORT] [--portal ID] [--woocommerce-port PORT]

    Serves a simulated HubSpot and a simulated WooCommerce shop on 127.0.0.1 until Ctrl-C, and prints their addresses
    and credentials. What is stored there is gone afterwards.

    HubSpot answers under the versions 2026-09, 2026-03 and v3/v4 of its API. The shop answers under wc/v3; it speaks
    plain http, so that clients must sign by OAuth 1.0a, as with a real shop.

      --port PORT              HubSpot's port; 0, the default, takes a free one.
      --portal ID              The HubSpot account's id; 147893286 by default.
      --woocommerce-port PORT  The shop's port; 0, the default, takes a free one.
      --help                   Prints this.
    """

func complain(_ text: String) -> Never {
    FileHandle.standardError.write(Data("SimulatedPlatforms: \(text)\n".utf8))
    exit(2)
}

func port(_ value: String?, of option: String) -> UInt16 {
    guard let port = value.flatMap(UInt16.init) else { complain("\(option) needs a number up to 65535.") }
    return port
}

var hubSpotPort: UInt16 = 0
var shopPort: UInt16 = 0
var account = SimulatedHubSpot.Account(name: "Example", timeZone: "Europe/Paris", currency: "EUR")
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--help", "-h":
        print(help)
        exit(0)
    case "--port": hubSpotPort = port(arguments.popFirst(), of: argument)
    case "--woocommerce-port": shopPort = port(arguments.popFirst(), of: argument)
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
let wooCommerce = SimulatedWooCommerce()
let servers = [
    LoopbackServer(serving: hubSpot, rewriting: URL(string: "https://api.hubapi.com"), port: hubSpotPort),
    LoopbackServer(serving: wooCommerce, port: shopPort),
]
let greeting: String
do {
    let address = try await servers[0].start().absoluteString
    let shop = try await servers[1].start().absoluteString
    // A shop signs its own home address, port included, so it is opened where it is served.
    wooCommerce.addShop(SimulatedWooCommerce.Shop(home: shop))
    let key = try wooCommerce.issueKey(in: shop)
    greeting = """
        HubSpot      \(address)
        token        \(token)
        try          curl -H "Authorization: Bearer \(token)" \(address)/account-info/2026-09/details

        WooCommerce  \(shop)
        key          \(key.consumerKey)
        secret       \(key.consumerSecret)
        try          curl \(shop)/wp-json/

        """
} catch {
    complain("\(error)")
}
// Written at once, so that a program at the other end of a pipe can read it.
FileHandle.standardOutput.write(Data(greeting.utf8))
while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
