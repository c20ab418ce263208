// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

extension SimulatedHubSpot {
    /// A way in which a call goes wrong.
    public struct Fault: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case noConnection
            case lostAnswer(hadEffect: Bool)
            case timeout(hadEffect: Bool)
            case status(Int, hadEffect: Bool)
            case retryLater(seconds: Int)
            case truncatedBody
            case html
            case hugeBody
            case slow(Duration)
        }

        let kind: Kind

        /// No connection: nothing left, and the error says so.
        public static let noConnection = Fault(kind: .noConnection)
        /// The connection broke before the platform acted; the error cannot know that.
        public static let lostAnswerBefore = Fault(kind: .lostAnswer(hadEffect: false))
        /// The connection broke after the platform acted.
        public static let lostAnswerAfter = Fault(kind: .lostAnswer(hadEffect: true))
        /// No answer in time, and the platform did nothing.
        public static let timeout = Fault(kind: .timeout(hadEffect: false))
        /// No answer in time, although the platform acted.
        public static let timeoutAfterEffect = Fault(kind: .timeout(hadEffect: true))
        /// A body that ends in the middle, after the platform acted.
        public static let truncatedBody = Fault(kind: .truncatedBody)
        /// A page of HTML with status 200 instead of the answer, after the platform acted.
        public static let html = Fault(kind: .html)
        /// A body larger than the caller accepts, after the platform acted.
        public static let hugeBody = Fault(kind: .hugeBody)

        /// An answer with a status and the platform's body for it, without effect.
        public static func status(_ status: Int) -> Fault { Fault(kind: .status(status, hadEffect: false)) }
        /// An answer with an error's status although the platform acted.
        public static func statusAfterEffect(_ status: Int) -> Fault { Fault(kind: .status(status, hadEffect: true)) }
        /// An answer 477: the account moves to another data centre and is back after some seconds.
        public static func moving(retryAfter seconds: Int) -> Fault { Fault(kind: .retryLater(seconds: seconds)) }
        /// An answer that takes a while, by the simulation's clock.
        public static func slow(_ duration: Duration) -> Fault { Fault(kind: .slow(duration)) }

        /// Whether the platform acts before things go wrong.
        var hadEffect: Bool {
            switch kind {
            case .noConnection, .retryLater: false
            case .lostAnswer(let hadEffect), .timeout(let hadEffect), .status(_, let hadEffect): hadEffect
            case .truncatedBody, .html, .hugeBody, .slow: true
            }
        }
    }

    /// Which calls are meant.
    public struct CallPattern: Hashable, Sendable {
        /// The method; nil: any.
        public var method: HTTPMethod?
        /// A part of the path; nil: any path.
        public var path: String?

        /// Every call.
        public static let any = CallPattern()

        /// Creates a pattern.
        ///
        /// - Parameters:
        ///   - method: The method; nil: any.
        ///   - path: A part of the path; nil: any path.
        public init(method: HTTPMethod? = nil, path: String? = nil) {
            self.method = method
            self.path = path
        }

        func matches(_ request: HTTPRequest) -> Bool {
            (method == nil || method == request.method) && path.map { request.url.path.contains($0) } ?? true
        }
    }

    /// Lets the next matching calls go wrong; orders for the same calls are carried out in the order they were given.
    ///
    /// - Parameters:
    ///   - count: How many calls.
    ///   - pattern: Which calls.
    ///   - fault: How.
    public func fail(_ count: Int = 1, _ pattern: CallPattern = .any, with fault: Fault) {
        box.withLock { $0.faults.append(FaultOrder(remaining: count, pattern: pattern, fault: fault)) }
    }

    /// Lets matching calls go wrong at random from now on; a rate of 0 ends it.
    ///
    /// - Parameters:
    ///   - rate: The share of calls, from 0 to 1.
    ///   - faults: The faults to draw from.
    ///   - pattern: Which calls.
    public func failAtRandom(rate: Double, faults: [Fault], _ pattern: CallPattern = .any) {
        box.withLock { $0.randomFaults = rate > 0 ? RandomFaults(rate: rate, pattern: pattern, faults: faults) : nil }
    }

    /// Ends all faults that were ordered.
    public func stopFailing() {
        box.withLock {
            $0.faults = []
            $0.randomFaults = nil
        }
    }

    struct FaultOrder: Sendable {
        var remaining: Int
        var pattern: CallPattern
        var fault: Fault
    }

    struct RandomFaults: Sendable {
        var rate: Double
        var pattern: CallPattern
        var faults: [Fault]
    }
}

extension HubSpotReply {
    /// What the platform or the network before it answers with a status.
    static func fault(_ status: Int) -> HubSpotReply {
        switch status {
        case 429:
            return .limited(
                policy: "TEN_SECONDLY_ROLLING",
                named: "ten_secondly_rolling",
                group: "publicapi:private_app-api-calls-ten-secondly",
                headers: [:]
            )
        case 423: return .plainError(423, "The object is currently locked. Try again later.")
        case 477: return .plainError(477, "This account is being moved to another data hosting location.")
        case 503: return .error(503, "SERVICE_UNAVAILABLE", "Service unavailable")
        case 500: return .error(500, "INTERNAL_ERROR", "internal error")
        default:
            return HubSpotReply(
                status: status,
                body: nil,
                headers: ["Content-Type": "text/html; charset=UTF-8"],
                raw:
                    "<!DOCTYPE html><html><head><title>\(status)</title></head><body>error code: \(status)</body></html>"
            )
        }
    }
}
