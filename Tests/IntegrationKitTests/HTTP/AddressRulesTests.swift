// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import Testing

struct AddressRulesTests {
    @Test(arguments: [
        "https://api.hubapi.com/crm/v3", "https://boutique.example.fr", "https://8.8.8.8/",
        "https://shop.example.fr:8443/",
        "https://[2606:4700::1111]/", "https://1.example.com/", "https://xn--caf-dma.fr/",
    ])
    func `public hosts over https may be called`(address: String) throws {
        try AddressRules().check(#require(URL(string: address)))
    }

    @Test(arguments: [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https:///path", "mailto:a@example.com",
        "https://user:pw@example.com/", "https://user@example.com/",
        "https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://printer.local/",
        "https://metadata.google.internal/", "https://intranet/", "https://nas.home.arpa/", "https://nas.lan/",
        "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/",
        "https://017700000001/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/", "https://100.64.0.1/",
        "https://0.0.0.0/", "https://0/", "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/",
        "https://192.0.2.1/", "https://198.18.0.1/", "https://256.1.1.1/", "https://1.2.3.4.5/", "https://4294967296/",
        "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
        "https://[::ffff:10.0.0.1]/", "https://[::127.0.0.1]/", "https://[fe80::1]/", "https://[fc00::1]/",
        "https://[fd12:3456::1]/", "https://[ff02::1]/", "https://[fec0::1]/", "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/", "https://[2001:0:1::1]/", "https://[2001:db8::1]/", "https://[100::1]/",
    ])
    func `everything else is refused, in any spelling`(address: String) throws {
        // What is no URL at all cannot be called either.
        guard let url = URL(string: address) else { return }
        let error = try #require(throws: IntegrationError.self) { try AddressRules().check(url) }
        #expect(error.code == .addressNotAllowed)
        #expect(error.remedy.texts["fr"] != nil)
        #expect(!error.message.contains("pw"))
    }

    @Test(arguments: ["http://127.0.0.1:8080/", "http://localhost:1/", "https://[::1]/", "http://[::ffff:127.0.0.1]/"])
    func `loopback may be called in plain where the host allows it, and nothing else private`(address: String) throws {
        let rules = AddressRules(allowsLoopback: true)
        try rules.check(#require(URL(string: address)))
        for other in ["http://10.0.0.1/", "https://169.254.169.254/", "http://example.com/", "https://0.0.0.0/"] {
            let url = try #require(URL(string: other))
            #expect(throws: IntegrationError.self) { try rules.check(url) }
        }
    }

    @Test func `a host is allowed by its name alone, encrypted unless plain is allowed too`() throws {
        let rules = AddressRules(allowedHosts: ["Shop.Internal"], plainHTTPHosts: ["old.example.com"])
        try rules.check(#require(URL(string: "https://shop.internal/")))
        try rules.check(#require(URL(string: "http://old.example.com/")))
        for other in ["http://shop.internal/", "https://x.shop.internal/", "http://x.old.example.com/"] {
            let url = try #require(URL(string: other))
            #expect(throws: IntegrationError.self) { try rules.check(url) }
        }
    }
}
