// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// Sends one request and returns its answer.
///
/// The library's ``URLSessionTransport`` serves every platform; a host plugs another HTTP client by conforming to this,
/// and a test plugs a simulated platform.
public protocol HTTPTransport: Sendable {
    /// Sends a request once.
    ///
    /// An implementation repeats nothing, follows no redirect to another host with the credential attached, and reads
    /// no more than ``OperationContext/maximumAnswerSize`` bytes.
    ///
    /// - Parameters:
    ///   - request: The request, signed and complete.
    ///   - context: For whom and under which limits.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``IntegrationError`` if there is no whole answer, its `mayHaveHappened` false only if surely no byte of
    ///   the request reached the platform; `CancellationError` if the task was cancelled.
    func send(_ request: HTTPRequest, context: OperationContext) async throws -> HTTPResponse
}

/// The rest of the pipeline, as a middleware sees it.
public typealias HTTPNext = @Sendable (HTTPRequest, OperationContext) async throws -> HTTPResponse

/// A step around every request: measuring, recording, adding a header.
///
/// The host's middlewares stand outermost, the first in the array first; they see requests before the credential is
/// attached.
public protocol HTTPMiddleware: Sendable {
    /// Handles a request, usually by calling `next` once.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - context: For whom and under which limits.
    ///   - next: The rest of the pipeline.
    /// - Returns: The answer.
    /// - Throws: What `next` throws, or an error of its own; a middleware that throws after `next` returned hides an
    ///   effect and must set `mayHaveHappened`.
    func intercept(_ request: HTTPRequest, context: OperationContext, next: HTTPNext) async throws -> HTTPResponse
}

/// For whom a request is sent and under which limits.
public struct OperationContext: Sendable {
    /// The platform's id.
    public var platform: PlatformID
    /// The integration's id; nil while it is being connected.
    public var integration: String?
    /// What is being done, such as `push contact`.
    public var operation: String
    /// The total time from the first byte out to the last byte in.
    public var timeout: Duration
    /// The largest answer that is accepted, in bytes after decoding.
    public var maximumAnswerSize: Int
    /// The last moment at which bytes may leave, by the clocks of ``TimeSource``; nil: no such moment.
    public var sendWindow: SendWindow?
    /// What was taken of the budgets before; the pipeline then takes nothing more, and ends it with the first answer.
    var reservation: BudgetReservation?
    /// Whether a read whose answer is lost is sent again at once; a probe of a platform that is down is not.
    var repeatsReads = true
    /// Whether the request's budgets were reserved before.
    var hasReservedBudget: Bool { reservation != nil }

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - platform: The platform's id.
    ///   - integration: The integration's id.
    ///   - operation: What is being done.
    ///   - timeout: The total time for the request.
    ///   - maximumAnswerSize: The largest answer in bytes.
    ///   - sendWindow: The last moment at which bytes may leave.
    public init(
        platform: PlatformID,
        integration: String? = nil,
        operation: String,
        timeout: Duration = .seconds(30),
        maximumAnswerSize: Int = 16 << 20,
        sendWindow: SendWindow? = nil
    ) {
        self.platform = platform
        self.integration = integration
        self.operation = operation
        self.timeout = timeout
        self.maximumAnswerSize = maximumAnswerSize
        self.sendWindow = sendWindow
    }
}

/// The last moment at which a write may leave, by both clocks: the later reading of the two decides.
public struct SendWindow: Hashable, Sendable {
    /// The last moment by the wall clock.
    public var wall: Date
    /// The last moment by ``TimeSource/elapsed``.
    public var elapsed: Duration

    /// Creates a window that closes after a duration.
    ///
    /// - Parameters:
    ///   - duration: How long the window stays open.
    ///   - time: The clocks.
    public init(closingIn duration: Duration, by time: TimeSource) {
        wall = time.now().advanced(by: duration)
        elapsed = time.elapsed() + duration
    }

    /// Whether bytes may still leave.
    public func isOpen(by time: TimeSource) -> Bool {
        time.now() <= wall && time.elapsed() <= elapsed
    }
}
