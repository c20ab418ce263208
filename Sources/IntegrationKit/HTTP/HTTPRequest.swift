// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A method of HTTP.
public struct HTTPMethod: RawRepresentable, Hashable, Codable, Sendable {
    /// The method's name, in upper case.
    public var rawValue: String
    /// Creates a method from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// `GET`.
    public static let get = HTTPMethod(rawValue: "GET")
    /// `POST`.
    public static let post = HTTPMethod(rawValue: "POST")
    /// `PUT`.
    public static let put = HTTPMethod(rawValue: "PUT")
    /// `PATCH`.
    public static let patch = HTTPMethod(rawValue: "PATCH")
    /// `DELETE`.
    public static let delete = HTTPMethod(rawValue: "DELETE")
    /// `HEAD`.
    public static let head = HTTPMethod(rawValue: "HEAD")
    /// `OPTIONS`.
    public static let options = HTTPMethod(rawValue: "OPTIONS")
}

/// Header fields in order; names are compared without case.
public struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// One header field.
    public struct Field: Hashable, Sendable {
        /// The name as it was given.
        public var name: String
        /// The value.
        public var value: String

        /// Creates a field.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The fields in order; a name may occur more than once.
    public var fields: [Field]

    /// Creates headers from fields in order.
    public init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Creates headers from a literal.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field($0.0, $0.1) }
    }

    /// Reads the first value of a name, replaces all values of it, or (with nil) removes them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name.caseInsensitiveEquals(name) }?.value }
        set {
            let place = fields.firstIndex { $0.name.caseInsensitiveEquals(name) }
            fields.removeAll { $0.name.caseInsensitiveEquals(name) }
            if let newValue {
                fields.insert(Field(name, newValue), at: min(place ?? fields.count, fields.count))
            }
        }
    }

    /// Returns all values of a name, in order.
    public func values(for name: String) -> [String] {
        fields.filter { $0.name.caseInsensitiveEquals(name) }.map(\.value)
    }
}

extension String {
    /// Whether two ASCII names are equal without regard to case.
    func caseInsensitiveEquals(_ other: String) -> Bool {
        utf8.count == other.utf8.count
            && zip(utf8, other.utf8).allSatisfy { a, b in
                a == b || ((a | 0x20) == (b | 0x20) && (0x61...0x7a).contains(a | 0x20))
            }
    }
}

/// A request, outward to a platform or inward as a webhook delivery.
public struct HTTPRequest: Hashable, Sendable {
    /// Whether a request may be sent again by the pipeline.
    public enum Effect: String, Hashable, Sendable {
        /// Changes nothing on the platform; the pipeline may repeat it.
        case read
        /// Changes something; sent once, repeated only by the lane that owns the write.
        case write
    }

    /// The method.
    public var method: HTTPMethod
    /// The absolute address.
    public var url: URL
    /// The header fields.
    public var headers: HTTPHeaders
    /// The body's bytes.
    public var body: Data?
    /// Whether the request reads or writes.
    public var effect: Effect
    /// What the request spends of the platform's budgets, by ``Budget/id``.
    public var spend: [Spend]
    /// Whether the account's credential is attached; false for addresses taken from answers.
    public var carriesCredential: Bool
    /// How the credential is attached, in the provider's own words, for platforms that know several ways.
    ///
    /// Nil: the platform knows one. Such a request is judged by the provider alone: a refused sign-in comes back as it is,
    /// since another form, or a corrected clock, may pass where this one did not.
    public var signInForm: String?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - url: The absolute address.
    ///   - headers: The header fields.
    ///   - body: The body's bytes.
    ///   - effect: Whether it reads or writes; nil reads the method: `GET`, `HEAD` and `OPTIONS` read.
    ///   - spend: What it spends of the platform's budgets.
    ///   - carriesCredential: Whether the account's credential is attached.
    ///   - signInForm: How it is attached, for platforms that know several ways.
    public init(
        _ method: HTTPMethod,
        _ url: URL,
        headers: HTTPHeaders = HTTPHeaders(),
        body: Data? = nil,
        effect: Effect? = nil,
        spend: [Spend] = [],
        carriesCredential: Bool = true,
        signInForm: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.effect = effect ?? ([.get, .head, .options].contains(method) ? .read : .write)
        self.spend = spend
        self.carriesCredential = carriesCredential
        self.signInForm = signInForm
    }
}

/// An answer to a request.
public struct HTTPResponse: Hashable, Sendable {
    /// The status code.
    public var status: Int
    /// The header fields.
    public var headers: HTTPHeaders
    /// The body's bytes, decoded of any transfer or content encoding.
    public var body: Data

    /// Creates an answer.
    ///
    /// - Parameters:
    ///   - status: The status code.
    ///   - headers: The header fields.
    ///   - body: The body's bytes.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Whether the status is in 200...299.
    public var isSuccess: Bool { (200..<300).contains(status) }
}
