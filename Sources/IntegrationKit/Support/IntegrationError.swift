// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// The one error that a host catches: what went wrong, whom it concerns, and what to do.
///
/// It holds no secret and no content of a record, so it may be logged and shown.
///
/// ```swift
/// do {
///     try await manager.connect(.hubSpot, for: tenant, name: "HubSpot", form: form)
/// } catch let error as IntegrationError where error.code == .reauthorizationRequired {
///     showSignIn(error.remedy.text(in: "fr"))
/// }
/// ```
public struct IntegrationError: Error, Hashable, Codable, Sendable {
    /// What kind of failure it is.
    public var code: Code
    /// What happened, for a developer or a log.
    ///
    /// The wording may change.
    public var message: String
    /// What a person can do about it.
    public var remedy: LocalizedText
    /// Whether trying again can help, and how.
    public var retry: RetryAdvice
    /// What the failure is about: a record, a kind, an account or the whole application.
    public var concerns: Concern
    /// Whether the platform may have acted although there was no trustworthy answer.
    public var mayHaveHappened: Bool
    /// The budget that refused the call, with code ``Code/limited``; with another code, the one that was too much for the
    /// platform.
    public var budget: String?
    /// Where it happened.
    public var context: Context

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: What kind of failure it is.
    ///   - message: What happened; no secret, no content of a record.
    ///   - remedy: What a person can do about it.
    ///   - retry: Whether trying again can help.
    ///   - concerns: What the failure is about.
    ///   - mayHaveHappened: Whether the platform may have acted.
    ///   - budget: The budget that refused the call.
    ///   - context: Where it happened.
    public init(
        _ code: Code,
        _ message: String,
        remedy: LocalizedText = LocalizedText(),
        retry: RetryAdvice = .never,
        concerns: Concern = .record,
        mayHaveHappened: Bool = false,
        budget: String? = nil,
        context: Context = Context()
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.retry = retry
        self.concerns = concerns
        self.mayHaveHappened = mayHaveHappened
        self.budget = budget
        self.context = context
    }

    /// A kind of failure.
    ///
    /// Codes may be added; compare with the ones you handle.
    public struct Code: RawRepresentable, Hashable, Codable, Sendable {
        /// The code's name as it is stored.
        public var rawValue: String
        /// Creates a code from its stored name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// What the caller passed is not valid: a form field, a setting, an event, a mapping.
        ///
        /// Nothing was done.
        public static let invalidInput = Code(rawValue: "invalid-input")
        /// Nothing is known by that name or id.
        public static let notFound = Code(rawValue: "not-found")
        /// It exists already, or somebody else changed it meanwhile.
        public static let conflict = Code(rawValue: "conflict")
        /// The platform refuses the credential; the customer must sign in again.
        public static let reauthorizationRequired = Code(rawValue: "reauthorization-required")
        /// The host's own application at the platform is misconfigured; no customer can repair it.
        public static let applicationMisconfigured = Code(rawValue: "application-misconfigured")
        /// The credential lacks a scope, role, plan or permission for this.
        public static let forbidden = Code(rawValue: "forbidden")
        /// A limit is used up; `budget` names which.
        public static let limited = Code(rawValue: "limited")
        /// The platform could not serve the call now: overloaded, down, moving.
        public static let unavailable = Code(rawValue: "unavailable")
        /// There was no answer within the deadline.
        public static let timedOut = Code(rawValue: "timed-out")
        /// The connection could not be made or broke.
        public static let network = Code(rawValue: "network")
        /// The answer is not what the platform documents: HTML, cut off, too large, not JSON.
        public static let invalidAnswer = Code(rawValue: "invalid-answer")
        /// The platform refused the record's content.
        public static let refused = Code(rawValue: "refused")
        /// The record is not there any more.
        public static let gone = Code(rawValue: "gone")
        /// More than one record fits, and only a person can choose.
        public static let ambiguous = Code(rawValue: "ambiguous")
        /// The answer of a write was lost and the platform gives no certain way to learn what became of it.
        public static let outcomeUnknown = Code(rawValue: "outcome-unknown")
        /// The moment until which the request might leave has passed; nothing was sent.
        public static let tooLate = Code(rawValue: "too-late")
        /// The platform, account or store cannot do this.
        public static let unsupported = Code(rawValue: "unsupported")
        /// The reconnection reached another account than the one the integration stands for.
        public static let accountMismatch = Code(rawValue: "account-mismatch")
        /// The address is not one that the library may call.
        public static let addressNotAllowed = Code(rawValue: "address-not-allowed")
        /// The webhook delivery is forged, stale or not for us.
        public static let deliveryRejected = Code(rawValue: "delivery-rejected")
        /// A sealed value does not open with the keys at hand.
        public static let unreadableSecret = Code(rawValue: "unreadable-secret")
        /// The host's own records could not be read or changed.
        public static let hostFailed = Code(rawValue: "host-failed")
        /// The store failed; what was not acknowledged was not done.
        public static let storeFailed = Code(rawValue: "store-failed")
        /// The integration is disabled, paused, being deleted or waits for the customer.
        public static let inactive = Code(rawValue: "inactive")
    }

    /// Whether and when trying again can help.
    public enum RetryAdvice: Hashable, Codable, Sendable {
        /// The same call will fail again.
        case never
        /// Try again, at the earliest after this duration; nil leaves it to the engine's backoff.
        case after(Duration?)
        /// Try again with fewer records in one call.
        case smaller
        /// Try again with this record in a call of its own.
        case alone
        /// Read the record again, then decide anew.
        case afterRefetch
        /// Try again once the customer has signed in anew.
        case afterReauthorization
        /// Try again once a setting, mapping, plan or scope was changed.
        case afterSetup
    }

    /// What a failure is about; everything of that scope waits or fails alike.
    public enum Concern: String, Hashable, Codable, Sendable {
        /// This record alone.
        case record
        /// All records of the kind.
        case kind
        /// The whole connected account.
        case account
        /// Every account connected through the host's application.
        case application
    }

    /// Where a failure happened, as far as is known.
    public struct Context: Hashable, Codable, Sendable {
        /// The platform's id.
        public var platform: String?
        /// What was being done, such as `push contact`.
        public var operation: String?
        /// The HTTP status of the answer.
        public var status: Int?
        /// The platform's own id of the request, for its support.
        public var requestID: String?
        /// The platform's own code for the failure.
        public var platformCode: String?
        /// The fields that the platform named.
        public var fields: [String]

        /// Creates a context.
        ///
        /// - Parameters:
        ///   - platform: The platform's id.
        ///   - operation: What was being done.
        ///   - status: The HTTP status.
        ///   - requestID: The platform's id of the request.
        ///   - platformCode: The platform's code for the failure.
        ///   - fields: The fields that the platform named.
        public init(
            platform: String? = nil,
            operation: String? = nil,
            status: Int? = nil,
            requestID: String? = nil,
            platformCode: String? = nil,
            fields: [String] = []
        ) {
            self.platform = platform
            self.operation = operation
            self.status = status
            self.requestID = requestID
            self.platformCode = platformCode
            self.fields = fields
        }
    }
}

extension IntegrationError: LocalizedError, CustomStringConvertible {
    /// The message and the remedy in English.
    public var errorDescription: String? { description }

    /// The code, the message and the remedy in English.
    public var description: String {
        let advice = remedy.text(in: "en")
        return advice.isEmpty ? "\(code.rawValue): \(message)" : "\(code.rawValue): \(message) \(advice)"
    }
}

extension IntegrationError {
    /// Whether the platform, the way there or the sign-in is the matter, whatever the record holds.
    package var isPlatformTrouble: Bool {
        let codes: Set<Code> = [
            .network, .unavailable, .timedOut, .invalidAnswer, .limited, .tooLate, .inactive, .reauthorizationRequired,
            .applicationMisconfigured, .hostFailed, .storeFailed,
        ]
        return codes.contains(code)
    }

    /// Whether the record itself is the matter: it counts against its job.
    package var isRecordsOwn: Bool { concerns == .record && !isPlatformTrouble }
}

extension IntegrationError.Code {
    /// Matches an error by its code in a `catch` clause: `catch IntegrationError.Code.limited`.
    public static func ~= (code: IntegrationError.Code, error: any Error) -> Bool {
        (error as? IntegrationError)?.code == code
    }
}
