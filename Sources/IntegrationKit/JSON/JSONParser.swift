// SPDX-License-Identifier: Apache-2.0
public import Foundation

extension JSONValue {
    public struct Limits: Hashable, Sendable {
        public var depth: Int
        public var bytes: Int
        public init(depth: Int = 128, bytes: Int = 16 << 20) {
            self.depth = depth
            self.bytes = bytes
        }
    }
    public init(parsing data: Data, limits: Limits = Limits()) throws { self = .null }
    public init(text: String) throws { try self.init(parsing: Data(text.utf8)) }
    public var data: Data { Data() }
    public var text: String { "" }
}
