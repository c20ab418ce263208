// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Which addresses the library may call: by default public hosts over https, and nothing else.
///
/// Addresses come from people and from platforms' answers, so each request is checked before it leaves: no user name or
/// password in the address; no loopback, private, link-local, shared, reserved or multicast target, in any spelling of
/// IPv4 or IPv6; no name that only a local network knows.
///
/// What this does not cover: a public name whose DNS entry points to a private address. The library resolves no names
/// itself; a server whose own network must not be reached that way filters outgoing connections there, or passes a
/// transport that checks the address it connects to.
public struct AddressRules: Hashable, Sendable {
    /// Whether this machine may be called, over plain http too; for development and tests.
    public var allowsLoopback: Bool
    /// Hosts that may be called although they are private, such as `shop.internal`.
    public var allowedHosts: Set<String>
    /// Hosts that may be called over plain http, such as a shop without a certificate.
    public var plainHTTPHosts: Set<String>

    /// Creates rules.
    ///
    /// - Parameters:
    ///   - allowsLoopback: Whether this machine may be called.
    ///   - allowedHosts: Hosts that may be called although they are private.
    ///   - plainHTTPHosts: Hosts that may be called over plain http.
    public init(allowsLoopback: Bool = false, allowedHosts: Set<String> = [], plainHTTPHosts: Set<String> = []) {
        self.allowsLoopback = allowsLoopback
        self.allowedHosts = Set(allowedHosts.map(HostAddress.normalized))
        self.plainHTTPHosts = Set(plainHTTPHosts.map(HostAddress.normalized))
    }

    /// Checks an address.
    ///
    /// - Parameter url: The address.
    /// - Throws: ``IntegrationError`` with code `addressNotAllowed` that says why.
    public func check(_ url: URL) throws {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http" else {
            throw Self.refusal("The address is not a web address.", fr: "L'adresse n'est pas une adresse web.")
        }
        guard url.user() == nil, url.password() == nil else {
            throw Self.refusal(
                "The address holds a user name or password.",
                fr: "L'adresse contient un nom d'utilisateur ou un mot de passe."
            )
        }
        guard let text = url.host(percentEncoded: false), !text.isEmpty else {
            throw Self.refusal("The address names no host.", fr: "L'adresse n'indique aucun hôte.")
        }
        let host = HostAddress.normalized(text)
        let reach = HostAddress.reach(of: host)
        let isLoopbackAllowed = allowsLoopback && reach == .loopback
        guard reach == .global || isLoopbackAllowed || allowedHosts.contains(host) else {
            throw Self.refusal(
                "\(host) is not a public host.",
                fr: "\(host) n'est pas un hôte public."
            )
        }
        guard scheme == "https" || isLoopbackAllowed || plainHTTPHosts.contains(host) else {
            throw Self.refusal(
                "\(host) would be called without encryption.",
                fr: "\(host) serait appelé sans chiffrement."
            )
        }
    }

    private static func refusal(_ reason: String, fr: String) -> IntegrationError {
        IntegrationError(
            .addressNotAllowed,
            reason,
            remedy: LocalizedText(
                "\(reason) Enter the public https address, without user name or password.",
                fr: "\(fr) Indiquez l'adresse publique en https, sans nom d'utilisateur ni mot de passe."
            ),
            retry: .afterSetup,
            concerns: .account
        )
    }
}
