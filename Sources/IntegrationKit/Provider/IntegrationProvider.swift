// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// What the library knows about one platform.
///
/// A provider knows the platform; the engine decides. A provider holds no state, starts no task, never sleeps and
/// decides no policy: it plans, sends, looks, reads, and says exactly what happened. Requests to the platform go through
/// ``ProviderSession/send``, which waits for budgets, signs and enforces deadlines.
///
/// `IntegrationKitTesting` checks a conformance with its `ProviderRule` suite.
public protocol IntegrationProvider: Sendable {
    /// The platform as the catalogue shows it: kinds, directions, sign-in methods, default routes, side effects that
    /// cannot be avoided.
    var descriptor: PlatformDescriptor { get }

    /// Signs a request with a credential. Called once per attempt, after the request waited for its budgets.
    ///
    /// - Parameters:
    ///   - request: The request to sign.
    ///   - credential: The account's credential.
    ///   - context: The account, the platform's clock and a nonce.
    /// - Throws: ``IntegrationError`` if the credential has not the form that the platform needs.
    func authorize(_ request: inout HTTPRequest, with credential: Credential, in context: SigningContext) throws

    /// Judges an answer. Asked for every answer, a 200 too.
    ///
    /// - Parameters:
    ///   - response: The answer.
    ///   - request: What was asked.
    /// - Returns: Nil for a trustworthy success; else what went wrong, whom it concerns, whether an effect is possible.
    func failure(in response: HTTPResponse, to request: HTTPRequest) -> IntegrationError?

    /// Returns the limits that the platform sets for an account. Requests name what they spend of these.
    ///
    /// - Parameter account: The account.
    /// - Returns: The limits, each by a name that is unique within the platform.
    func budgets(of account: ConnectedAccount) -> [Budget]

    /// Reads what an answer tells about budgets.
    ///
    /// - Parameters:
    ///   - response: The answer.
    ///   - request: What was asked.
    /// - Returns: The readings; empty if the answer tells nothing.
    func readings(in response: HTTPResponse, to request: HTTPRequest) -> [BudgetReading]

    /// Finds out which account a credential reaches and what it may do there.
    ///
    /// - Parameter session: A session whose account is not known yet.
    /// - Returns: The account's stable key, its profile and the access per kind.
    /// - Throws: ``IntegrationError``.
    func verifyConnection(in session: ProviderSession) async throws -> ConnectionReport

    /// Arranges writes into batches, each one outward call. Pure: equal writes give equal batches and equal bytes.
    ///
    /// - Parameters:
    ///   - writes: The writes; no two of one record.
    ///   - account: The account.
    /// - Returns: Batches that together hold every write once.
    func plan(_ writes: [RecordWrite], for account: ConnectedAccount) -> [WriteBatch]

    /// Sends one batch, in one outward call, and reports what became of each write.
    ///
    /// Looks nothing up and repeats nothing: whether to is the engine's decision.
    ///
    /// - Parameters:
    ///   - batch: A batch that ``plan(_:for:)`` made.
    ///   - session: The account to act for.
    /// - Returns: One outcome per write, in the order of the writes.
    /// - Throws: ``IntegrationError``, only if surely nothing left the machine.
    func push(_ batch: WriteBatch, in session: ProviderSession) async throws -> [WriteOutcome]

    /// Looks records up by every key of their writes: external key or marker first, then natural keys.
    ///
    /// Reads from the platform's primary store where there is a way; where reads lag, ``LookupResult/tooEarly(_:)``
    /// counts from ``RecordWrite/firstSentAt``.
    ///
    /// - Parameters:
    ///   - writes: The writes whose records are wanted.
    ///   - session: The account to act for.
    /// - Returns: One result per write, in the order of the writes.
    /// - Throws: ``IntegrationError`` if the platform could not be asked.
    func lookUp(_ writes: [RecordWrite], in session: ProviderSession) async throws -> [LookupResult]

    /// Returns the lists by which changes of a kind are read, each with a cursor of its own; none: push only.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - account: The account.
    /// - Returns: The streams, always the same for the same account.
    func streams(for kind: RecordKind, of account: ConnectedAccount) -> [ChangeStream]

    /// Reads one page of a stream.
    ///
    /// - Parameters:
    ///   - stream: The stream.
    ///   - query: What is wanted.
    ///   - session: The account to act for.
    /// - Returns: The page.
    /// - Throws: ``IntegrationError``; with ``IntegrationError/RetryAdvice/smaller`` the engine asks for less.
    func changes(in stream: ChangeStream, matching query: ChangeQuery, in session: ProviderSession) async throws
        -> ChangePage

    /// Fetches records by id, from the platform's primary store.
    ///
    /// - Parameters:
    ///   - ids: The records, of any kinds.
    ///   - fields: The fields that are wanted, by the platform's names.
    ///   - session: The account to act for.
    /// - Returns: One result per id, in the order of the ids.
    /// - Throws: ``IntegrationError`` if the platform could not be asked.
    func fetchRecords(_ ids: [RemoteID], fields: [FieldName], in session: ProviderSession) async throws -> [FetchResult]
}

/// A provider whose platform describes its fields.
public protocol FieldDescribing: IntegrationProvider {
    /// Fetches the fields of a kind, custom ones included.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - session: The account to act for.
    /// - Returns: The fields.
    /// - Throws: ``IntegrationError``.
    func fetchFields(of kind: RecordKind, in session: ProviderSession) async throws -> [FieldDescription]
}

/// A provider with settings that only the account can offer.
public protocol SettingsDescribing: IntegrationProvider {
    /// Fetches the settings with the account's choices.
    ///
    /// - Parameter session: The account to act for.
    /// - Returns: The settings, each with the choices of now.
    /// - Throws: ``IntegrationError``.
    func fetchSettings(in session: ProviderSession) async throws -> [SettingDescription]
}

/// A provider that can make the fields that the promises stand on.
public protocol AccountProvisioning: IntegrationProvider {
    /// Finds out what is missing. Changes nothing.
    ///
    /// - Parameter session: The account to act for.
    /// - Returns: What is missing; an empty plan if nothing is.
    /// - Throws: ``IntegrationError``.
    func fetchMissing(in session: ProviderSession) async throws -> ProvisioningPlan

    /// Makes what is missing; safe to repeat. What the platform refuses weakens the kind's ``KeySlot``.
    ///
    /// - Parameters:
    ///   - plan: What to make; an empty plan reads the slots anew.
    ///   - session: The account to act for.
    /// - Returns: The profile with its key slots as they stand now.
    /// - Throws: ``IntegrationError``.
    func provision(_ plan: ProvisioningPlan, in session: ProviderSession) async throws -> AccountProfile
}

/// A provider whose platform signs customers in by OAuth.
public protocol OAuthAuthorizing: IntegrationProvider {
    /// How its tokens are renewed.
    var renewal: RenewalRules { get }

    /// Returns the address to open in the customer's browser.
    ///
    /// - Parameters:
    ///   - request: State, scopes and PKCE challenge.
    ///   - app: The application's credentials.
    /// - Returns: The address, complete with its query.
    /// - Throws: ``IntegrationError`` if the platform needs something that is missing.
    func authorizationURL(for request: AuthorizationRequest, of app: ApplicationCredentials) throws -> URL

    /// Returns the request that exchanges a code, refreshes a token or revokes it.
    ///
    /// - Parameters:
    ///   - request: What is wanted.
    ///   - app: The application's credentials.
    /// - Returns: The request, signed as the platform wants it.
    /// - Throws: ``IntegrationError`` if the platform cannot do this.
    func tokenRequest(for request: TokenRequest, of app: ApplicationCredentials) throws -> HTTPRequest

    /// Reads the tokens from an answer.
    ///
    /// - Parameters:
    ///   - response: The answer.
    ///   - request: What was wanted.
    /// - Returns: The tokens.
    /// - Throws: ``IntegrationError`` with code `reauthorizationRequired`, `applicationMisconfigured`, or a temporary one.
    func grant(in response: HTTPResponse, to request: TokenRequest) throws -> TokenGrant
}

/// A provider whose platform's server posts keys to the host.
public protocol GrantReceiving: IntegrationProvider {
    /// Reads the posted keys.
    ///
    /// - Parameters:
    ///   - request: What the platform posted.
    ///   - state: The state that the host handed out.
    /// - Returns: The keys.
    /// - Throws: ``IntegrationError`` if the request is not the expected one.
    func grant(in request: HTTPRequest, expecting state: Secret) throws -> TokenGrant
}

/// A provider whose platform sends webhooks.
public protocol WebhookReceiving: IntegrationProvider {
    /// Reads, unverified, whom a delivery is for; this only chooses which secrets are tried.
    ///
    /// - Parameter delivery: The raw delivery, its URL the public one that the platform called.
    /// - Returns: Whom the delivery says it is for.
    /// - Throws: ``IntegrationError`` if it is no delivery of this platform.
    func address(of delivery: HTTPRequest) throws -> WebhookAddress

    /// Verifies a delivery over its raw bytes, then reads its events.
    ///
    /// - Parameters:
    ///   - delivery: The raw delivery.
    ///   - secrets: The secrets to try, newest first.
    ///   - now: The date, for the age limit.
    /// - Returns: The events, in order.
    /// - Throws: ``IntegrationError`` with code `deliveryRejected` if no secret verifies it or it is too old.
    func events(in delivery: HTTPRequest, verifiedWith secrets: [Secret], now: Date) throws -> [WebhookEvent]

    /// Makes the answer that the platform expects.
    ///
    /// - Parameter accepted: Whether the delivery was taken.
    /// - Returns: The answer.
    func reply(accepted: Bool) -> HTTPResponse
}

/// A provider whose platform lets an account subscribe to webhooks by API.
public protocol WebhookSubscribing: WebhookReceiving {
    /// Returns the subscriptions that tell of kinds, none of them made yet. Pure.
    ///
    /// - Parameters:
    ///   - kinds: The kinds whose changes are wanted.
    ///   - endpoint: Where deliveries go.
    ///   - secret: What deliveries are to be signed with, 40 letters and digits.
    /// - Returns: The subscriptions, as the platform cuts them.
    func subscriptions(for kinds: Set<RecordKind>, at endpoint: URL, secret: Secret) -> [WebhookSubscription]

    /// Fetches the subscriptions that exist.
    ///
    /// - Parameter session: The account to act for.
    /// - Returns: The subscriptions.
    /// - Throws: ``IntegrationError``.
    func fetchSubscriptions(in session: ProviderSession) async throws -> [WebhookSubscription]

    /// Makes a subscription.
    ///
    /// - Parameters:
    ///   - wanted: The subscription, without an id.
    ///   - session: The account to act for.
    /// - Returns: The subscription with its id and secret.
    /// - Throws: ``IntegrationError``.
    func subscribe(_ wanted: WebhookSubscription, in session: ProviderSession) async throws -> WebhookSubscription

    /// Ends a subscription.
    ///
    /// - Parameters:
    ///   - subscription: The subscription.
    ///   - session: The account to act for.
    /// - Throws: ``IntegrationError``.
    func unsubscribe(_ subscription: WebhookSubscription, in session: ProviderSession) async throws
}
