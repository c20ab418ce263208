// SPDX-License-Identifier: Apache-2.0

/// A JSON object that keeps the order of its keys.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// The members in order.
    ///
    /// A key that occurs twice keeps its last value at its first place.
    public private(set) var members: [Member]

    /// One key with its value.
    public struct Member: Hashable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Creates a member.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Creates an object from members in order.
    public init(_ members: [Member] = []) {
        self.members = []
        self.members.reserveCapacity(members.count)
        if members.count < 16 {
            for member in members { self[member.key] = member.value }
        } else {
            var places: [String: Int] = [:]
            for member in members {
                if let place = places[member.key] {
                    self.members[place].value = member.value
                } else {
                    places[member.key] = self.members.count
                    self.members.append(member)
                }
            }
        }
    }

    /// Wraps members whose keys are known to differ.
    init(distinct members: [Member]) {
        self.members = members
    }

    /// Creates an object from a literal.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member($0.0, $0.1) })
    }

    /// Creates an object from a dictionary, its keys sorted.
    public init(_ values: [String: JSONValue]) {
        members = values.sorted { $0.key < $1.key }.map { Member($0.key, $0.value) }
    }

    /// Reads, sets or (with nil) removes the value of a key.
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            if let place = members.firstIndex(where: { $0.key == key }) {
                if let newValue { members[place].value = newValue } else { members.remove(at: place) }
            } else if let newValue {
                members.append(Member(key, newValue))
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { members.map(\.key) }

    /// The number of members.
    public var count: Int { members.count }
}
