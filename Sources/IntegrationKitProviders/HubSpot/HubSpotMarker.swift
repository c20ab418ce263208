// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit

/// The line at the end of a note, call or task that carries our key where the account has no property for it.
enum HubSpotMarker {
    private static let lead = "ref: "
    private static let keyLength = 54

    /// Adds the marker to a body.
    static func append(_ key: String, to body: String) -> String {
        body.isEmpty ? lead + key : "\(body)<br>\(lead)\(key)"
    }

    /// Takes the marker from a body.
    ///
    /// HubSpot's editor may put the line into a paragraph of its own, so the breaks and the tags around it go too.
    ///
    /// - Returns: The body without the marker, and the key; nil if there is none.
    static func split(_ body: String) -> (content: String, key: String?) {
        guard let mark = body.range(of: lead + "ik", options: .backwards) else { return (body, nil) }
        let key = body[mark.lowerBound...].dropFirst(lead.count).prefix(keyLength)
        let alphabet = Set("abcdefghijklmnopqrstuvwxyz234567")
        guard key.count == keyLength, key.allSatisfy(alphabet.contains) else { return (body, nil) }
        var before = body[..<mark.lowerBound]
        var after = body[key.endIndex...]
        for (opening, closing) in [("<p>", "</p>"), ("<div>", "</div>")]
        where before.hasSuffix(opening) && after.hasPrefix(closing) {
            before = before.dropLast(opening.count)
            after = after.dropFirst(closing.count)
        }
        while let gap = ["<br>", "<br/>", "<br />", "&nbsp;", "\n", "\r\n", " "].first(where: { before.hasSuffix($0) })
        {
            before = before.dropLast(gap.count)
        }
        return (String(before) + String(after), String(key))
    }
}
