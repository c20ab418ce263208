// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a host the way a resolver would, to tell whom it reaches.
enum HostAddress {
    enum Reach {
        case global
        case loopback
        /// Private, link-local, reserved, multicast, or not readable with certainty.
        case other
    }

    /// Returns a host in lower case, without brackets, trailing dot and the look-alikes that resolvers fold.
    static func normalized(_ host: String) -> String {
        var text = host.precomposedStringWithCompatibilityMapping.lowercased().replacing("\u{3002}", with: ".")
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Returns whom a normalized host reaches.
    static func reach(of host: String) -> Reach {
        if host.contains(":") {
            return ipv6(host).map(reach(ofIPv6:)) ?? .other
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, !labels.contains("") else { return .other }
        if number(last) != nil || last.allSatisfy({ $0.isASCII && $0.isNumber }) {
            return ipv4(labels).map(reach(ofIPv4:)) ?? .other
        }
        if last == "localhost" { return .loopback }
        guard labels.count > 1 else { return .other }
        let isLocalName = ["local", "internal", "lan", "home", "corp", "intranet", "private"].contains(String(last))
        return isLocalName || host.hasSuffix(".home.arpa") ? .other : .global
    }

    private static func reach(ofIPv4 address: UInt32) -> Reach {
        if address >> 24 == 127 { return .loopback }
        return reserved.contains { address & (UInt32.max << (32 - $0.bits)) == $0.prefix } ? .other : .global
    }

    /// The blocks of IPv4 that are not globally reachable.
    private static let reserved: [(prefix: UInt32, bits: UInt32)] = [
        (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0xa9fe_0000, 16), (0xac10_0000, 12),
        (0xc000_0000, 24), (0xc000_0200, 24), (0xc058_6300, 24), (0xc0a8_0000, 16), (0xc612_0000, 15),
        (0xc633_6400, 24), (0xcb00_7100, 24), (0xe000_0000, 4), (0xf000_0000, 4),
    ]

    private static func reach(ofIPv6 groups: [UInt16]) -> Reach {
        let low = UInt32(groups[6]) << 16 | UInt32(groups[7])
        let high = groups[0..<6]
        if high.allSatisfy({ $0 == 0 }) {
            return low == 1 ? .loopback : low == 0 ? .other : reach(ofIPv4: low)
        }
        if high.prefix(5).allSatisfy({ $0 == 0 }), groups[5] == 0xffff { return reach(ofIPv4: low) }
        if groups[0] == 0x64, groups[1] == 0xff9b {
            return groups[2..<6].allSatisfy { $0 == 0 } ? reach(ofIPv4: low) : .other
        }
        if groups[0] == 0x2002 { return reach(ofIPv4: UInt32(groups[1]) << 16 | UInt32(groups[2])) }
        // Only 2000::/3 is handed out; within it Teredo, ORCHID and the documentation's blocks are not hosts.
        guard groups[0] & 0xe000 == 0x2000, groups[0] != 0x3fff else { return .other }
        return groups[0] == 0x2001 && (groups[1] < 0x0200 || groups[1] == 0x0db8) ? .other : .global
    }

    /// A number as `inet_aton` reads it: decimal, `0x` hexadecimal, or octal after a zero.
    private static func number(_ text: Substring) -> UInt64? {
        if text.hasPrefix("0x") { return text.count == 2 ? 0 : UInt64(text.dropFirst(2), radix: 16) }
        guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return text.count > 1 && text.hasPrefix("0") ? UInt64(text.dropFirst(), radix: 8) : UInt64(text)
    }

    /// An address of one to four numbers, the last of which fills what is left.
    private static func ipv4(_ labels: [Substring]) -> UInt32? {
        guard labels.count <= 4 else { return nil }
        let numbers = labels.compactMap(number)
        guard numbers.count == labels.count, let last = numbers.last, last < 1 << (8 * (5 - UInt64(labels.count)))
        else {
            return nil
        }
        var address = UInt32(last)
        for (place, number) in numbers.dropLast().enumerated() {
            guard number < 256 else { return nil }
            address |= UInt32(number) << (24 - 8 * UInt32(place))
        }
        return address
    }

    /// The eight groups of an address; nil if it is none or names a zone.
    private static func ipv6(_ text: String) -> [UInt16]? {
        let halves = text.components(separatedBy: "::")
        guard halves.count <= 2 else { return nil }
        var sides: [[UInt16]] = []
        for half in halves {
            var groups: [UInt16] = []
            let parts = half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, part) in parts.enumerated() {
                if part.contains("."), place == parts.count - 1 {
                    let labels = part.split(separator: ".", omittingEmptySubsequences: false)
                    guard labels.count == 4, let address = ipv4(labels) else { return nil }
                    groups += [UInt16(address >> 16), UInt16(address & 0xffff)]
                } else {
                    guard (1...4).contains(part.count), let group = UInt16(part, radix: 16), part.first != "+" else {
                        return nil
                    }
                    groups.append(group)
                }
            }
            sides.append(groups)
        }
        let count = sides.reduce(0) { $0 + $1.count }
        guard sides.count == 2 else { return count == 8 ? sides[0] : nil }
        guard count < 8 else { return nil }
        return sides[0] + [UInt16](repeating: 0, count: 8 - count) + sides[1]
    }
}
