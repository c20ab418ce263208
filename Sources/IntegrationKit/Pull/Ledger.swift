// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Makes the keyed tags of one link's ledger: equal values of one rule give equal tags, and a tag tells nothing else.
struct Ledger: Sendable {
    let keys: TenantKeys
    let link: String

    /// The tag of a value, by the equality of its type.
    func tag(_ rule: UInt32, _ value: FieldValue) -> UInt64 {
        keys.tag("ledger", Data("\(link)|\(rule)|\(value.canonicalText)".utf8))
    }

    /// The tags of what both sides have: mostly the same value, which is tagged once.
    func tags(_ rule: UInt32, host: FieldValue, remote: FieldValue) -> (host: UInt64, remote: UInt64) {
        let tag = tag(rule, host)
        return (tag, host == remote ? tag : self.tag(rule, remote))
    }

    /// The tag of a value as a platform may store it: without regard to case, blanks, scale and the form of numbers.
    func looseTag(_ rule: UInt32, _ value: FieldValue) -> UInt64 {
        keys.tag("ledger", Data("\(link)|\(rule)|~\(value.looselyCanonicalText)".utf8))
    }

    /// The tag of a relation.
    func tag(_ relation: Relation) -> UInt64 {
        let target: String
        switch relation.target {
        case .remote(let id): target = RowKey.join(id.kind.rawValue, id.parent ?? "", id.value)
        case .host(let reference): target = RowKey.join("host", reference.kind, reference.id)
        case .externalKey(let kind, let key): target = RowKey.join("key", kind.rawValue, key)
        }
        return keys.tag("ledger", Data("\(link)|relation|\(relation.role.rawValue)|\(target)".utf8))
    }

    /// The digest of all mapped fields, named in order, as a platform shows them.
    func digest(_ fields: [FieldName: FieldValue], of names: [FieldName]) -> Data {
        let texts = names.compactMap { name in
            fields[name].map { "\(name.rawValue)=\($0.canonicalText)" }
        }
        return keys.digest("digest", Data(([link] + texts).joined(separator: "\u{1F}").utf8))
    }
}
