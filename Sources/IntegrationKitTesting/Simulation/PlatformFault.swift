// SPDX-License-Identifier: Apache-2.0
import Foundation
public import IntegrationKit

/// A way in which a call of a simulated platform goes wrong.
public struct PlatformFault: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case noConnection
        case lostAnswer(hadEffect: Bool)
        case timeout(hadEffect: Bool)
        case status(Int, headers: [String: String], hadEffect: Bool)
        case lateEffect(status: Int, after: Duration)
        case truncatedBody
        case html
        case hugeBody
        case noise(String)
        case slow(Duration)
    }

    let kind: Kind

    /// No connection: nothing left, and the error says so.
    public static let noConnection = PlatformFault(kind: .noConnection)
    /// The connection broke before the platform acted; the error cannot know that.
    public static let lostAnswerBefore = PlatformFault(kind: .lostAnswer(hadEffect: false))
    /// The connection broke after the platform acted.
    public static let lostAnswerAfter = PlatformFault(kind: .lostAnswer(hadEffect: true))
    /// No answer in time, and the platform did nothing.
    public static let timeout = PlatformFault(kind: .timeout(hadEffect: false))
    /// No answer in time, although the platform acted.
    public static let timeoutAfterEffect = PlatformFault(kind: .timeout(hadEffect: true))
    /// A body that ends in the middle, after the platform acted.
    public static let truncatedBody = PlatformFault(kind: .truncatedBody)
    /// A page of HTML with status 200 instead of the answer, after the platform acted.
    public static let html = PlatformFault(kind: .html)
    /// A body larger than the caller accepts, after the platform acted.
    public static let hugeBody = PlatformFault(kind: .hugeBody)

    /// An answer with a status and the platform's body for it, without effect.
    public static func status(_ status: Int) -> PlatformFault {
        PlatformFault(kind: .status(status, headers: [:], hadEffect: false))
    }
    /// An answer with an error's status although the platform acted.
    public static func statusAfterEffect(_ status: Int) -> PlatformFault {
        PlatformFault(kind: .status(status, headers: [:], hadEffect: true))
    }
    /// An answer with an error's status now, while the platform works on and acts later, by the simulation's clock.
    ///
    /// A platform that never works on behind an answer acts at once.
    public static func statusBeforeEffect(_ status: Int, after duration: Duration) -> PlatformFault {
        PlatformFault(kind: .lateEffect(status: status, after: duration))
    }
    /// A refusal that says when to come back, without effect.
    public static func refusal(_ status: Int, retryAfter seconds: Int) -> PlatformFault {
        PlatformFault(kind: .status(status, headers: ["Retry-After": String(seconds)], hadEffect: false))
    }
    /// A text before the answer, such as a byte order mark or a script's warning, after the platform acted.
    public static func noise(_ text: String) -> PlatformFault { PlatformFault(kind: .noise(text)) }
    /// An answer that takes a while, by the simulation's clock.
    public static func slow(_ duration: Duration) -> PlatformFault { PlatformFault(kind: .slow(duration)) }

    /// Whether the platform acts before things go wrong.
    var hadEffect: Bool {
        switch kind {
        case .noConnection, .lateEffect: false
        case .lostAnswer(let hadEffect), .timeout(let hadEffect), .status(_, _, let hadEffect): hadEffect
        case .truncatedBody, .html, .hugeBody, .noise, .slow: true
        }
    }
}

/// Which calls of a simulated platform are meant.
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
