// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import IntegrationKit

@Suite struct SecrecyTests {
    private let credential = Credential(
        method: "oauth",
        values: ["access_token": "hunter2-access", "refresh_token": Secret("hunter2-refresh\u{0}é")],
        expiresAt: Date(milliseconds: 1_700_000_000_123),
        refreshExpiresAt: nil,
        application: "app"
    )

    @Test func noWayOfShowingASecretShowsIt() throws {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        dump(credential, to: &dumped)
        dump([secret: credential], to: &dumped)
        let texts = [
            dumped, "\(secret)", "\(credential)", String(describing: credential), String(reflecting: credential),
            String(reflecting: secret), "\([secret])", "\(["k": secret])", "\(Optional(secret) as Any)",
            secret.debugDescription, String(describing: Mirror(reflecting: secret).children.map { "\($0)" }),
            String(describing: try? credential.require("missing")),
        ]
        for text in texts { #expect(!text.contains("hunter2"), "\(text)") }
        #expect("\(secret)" == "<secret>")
    }

    @Test func noEncoderTakesASecretOrACredential() {
        #expect(!(Secret("x") as Any is any Encodable))
        #expect(!(credential as Any is any Encodable))
        #expect(!JSONSerialization.isValidJSONObject([Secret("x")]))
    }

    @Test func secretsCompareByTheirText() {
        #expect(Secret("a") == "a")
        #expect(Secret("a") != "b")
        #expect(Secret("a") != "aa")
        #expect(Secret("").isEmpty)
    }

    @Test func aCredentialComesBackFromItsSealableBytes() throws {
        #expect(try Credential(sealable: credential.sealable) == credential)
        let bare = Credential(method: "key", values: [:])
        #expect(try Credential(sealable: bare.sealable) == bare)
        // The same bytes whatever the dictionary's order.
        #expect(credential.sealable == credential.sealable)
    }

    @Test(arguments: ["", "{}", "[]", #"{"method":1,"values":{}}"#, #"{"method":"4711","values":{"a":1}}"#])
    func refusesBytesThatAreNoCredential(text: String) throws {
        let error = try #require(throws: IntegrationError.self) { try Credential(sealable: Data(text.utf8)) }
        #expect(error.code == .unreadableSecret)
        #expect(!error.description.contains("4711"))
    }
}
