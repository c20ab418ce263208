// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// An address of a tenant's own that is told what happens.
///
/// Holds no secret.
public struct WebhookEndpoint: Hashable, Sendable, Identifiable {
    /// Why nothing is sent to an endpoint.
    public enum Disablement: String, Hashable, Codable, Sendable {
        /// A person switched it off.
        case person
        /// It answered 410: it does not want to hear any more.
        case gone
        /// A message was refused at every attempt over days, and nothing else was taken meanwhile.
        case unreachable
    }

    /// The id.
    public var id: String
    /// The tenant.
    public var tenant: String
    /// The address.
    public var url: URL
    /// The types of message it wants; nil: all.
    public var types: Set<WebhookMessage.Kind>?
    /// Why nothing is sent; nil: it is.
    public var disabled: Disablement?
    /// When it last took a message.
    public var lastSuccess: Date?
    /// What went wrong last, until it takes a message.
    public var lastFailure: String?

    /// Creates an endpoint.
    ///
    /// Hosts receive endpoints; this is for previews and tests.
    ///
    /// - Parameters:
    ///   - id: The id.
    ///   - tenant: The tenant.
    ///   - url: The address.
    ///   - types: The types of message it wants.
    ///   - disabled: Why nothing is sent.
    ///   - lastSuccess: When it last took a message.
    ///   - lastFailure: What went wrong last.
    public init(
        id: String,
        tenant: String,
        url: URL,
        types: Set<WebhookMessage.Kind>? = nil,
        disabled: Disablement? = nil,
        lastSuccess: Date? = nil,
        lastFailure: String? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.url = url
        self.types = types
        self.disabled = disabled
        self.lastSuccess = lastSuccess
        self.lastFailure = lastFailure
    }
}
