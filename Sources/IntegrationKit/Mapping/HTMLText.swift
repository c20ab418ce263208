// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Plain text to HTML and back, as far as bodies of notes need it.
enum HTMLText {
    /// Escapes a plain text; its lines end with `<br>`, and space around it is dropped.
    static func escaped(_ text: String) -> String {
        var html = ""
        for scalar in normalized(text).unicodeScalars {
            switch scalar {
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            case "\n": html += "<br>"
            default: html.unicodeScalars.append(scalar)
            }
        }
        return html
    }

    /// Reads the text of some HTML: breaks and blocks end lines, other tags go, entities become characters.
    static func plain(_ html: String) -> String {
        var output = String.UnicodeScalarView()
        var rest = normalized(html).unicodeScalars[...]
        var run = Substring.UnicodeScalarView()
        var isAfterTag = false
        var hidden: String?
        var isMarkupOver = false
        while let scalar = rest.first {
            guard scalar == "<", !isMarkupOver, beginsTag(rest) else {
                run.append(rest.removeFirst())
                continue
            }
            guard let tag = takeTag(&rest) else {
                isMarkupOver = true
                continue
            }
            if hidden == nil { output.append(contentsOf: text(of: run, after: isAfterTag, before: true)) }
            run = Substring.UnicodeScalarView()
            isAfterTag = true
            if let name = hidden {
                if tag == "/" + name { hidden = nil }
            } else if tag == "script" || tag == "style" {
                hidden = tag
            } else if tag == "br" {
                output.append("\n")
            } else if isBlock(tag), let last = output.last, last != "\n" {
                output.append("\n")
            }
        }
        if hidden == nil { output.append(contentsOf: text(of: run, after: isAfterTag, before: false)) }
        return normalized(String(output))
    }

    private static func normalized(_ text: String) -> String {
        text.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func isBlock(_ tag: String) -> Bool {
        let name = tag.hasPrefix("/") ? String(tag.dropFirst()) : tag
        return ["p", "div", "li", "ul", "ol", "tr", "table", "blockquote", "pre", "hr", "section", "article"]
            .contains(name) || name.count == 2 && name.hasPrefix("h") && name.last?.isNumber == true
    }

    private static func beginsTag(_ rest: Substring.UnicodeScalarView) -> Bool {
        guard let next = rest.dropFirst().first else { return false }
        return next == "/" || next == "!" || next == "?" || isLetter(next)
    }

    /// Takes a tag or comment and returns its name in small letters; nil, taking nothing, if it never ends.
    private static func takeTag(_ rest: inout Substring.UnicodeScalarView) -> String? {
        let body = rest.dropFirst()
        let isComment = body.starts(with: "!--".unicodeScalars)
        var name = String.UnicodeScalarView()
        var isNameOver = false
        var quote: Unicode.Scalar?
        var dashes = 0
        for index in body.indices {
            let scalar = body[index]
            if isComment {
                if scalar == ">", dashes >= 2 {
                    rest = body[body.index(after: index)...]
                    return "!"
                }
                dashes = scalar == "-" ? dashes + 1 : 0
                continue
            }
            if let open = quote {
                if scalar == open { quote = nil }
            } else if scalar == ">" {
                rest = body[body.index(after: index)...]
                return String(name).lowercased()
            } else if scalar == "\"" || scalar == "'" {
                quote = scalar
                isNameOver = true
            } else if isLetter(scalar) || "0"..."9" ~= scalar || scalar == "/" && name.isEmpty {
                if !isNameOver { name.append(scalar) }
            } else {
                isNameOver = true
            }
        }
        return nil
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        "a"..."z" ~= scalar || "A"..."Z" ~= scalar
    }

    /// Decodes the text between two tags; a line end right beside a tag lays the source out and is no part of it.
    private static func text(
        of run: Substring.UnicodeScalarView,
        after isAfterTag: Bool,
        before isBeforeTag: Bool
    ) -> String.UnicodeScalarView {
        var rest = run
        let isSpace = { (scalar: Unicode.Scalar) in scalar == " " || scalar == "\t" || scalar == "\n" }
        let leading = rest.prefix(while: isSpace)
        if isAfterTag, leading.contains("\n") { rest = rest.dropFirst(leading.count) }
        let trailing = rest.reversed().prefix(while: isSpace)
        if isBeforeTag, trailing.contains("\n") { rest = rest.dropLast(trailing.count) }
        var text = String.UnicodeScalarView()
        while let scalar = rest.first {
            text.append(scalar == "&" ? takeEntity(&rest) : scalar)
            if scalar != "&" { rest.removeFirst() }
        }
        return text
    }

    /// Takes an entity and returns its character; what is no entity is an ordinary `&`.
    private static func takeEntity(_ rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar {
        let body = rest.dropFirst()
        let name = String(String.UnicodeScalarView(body.prefix(12).prefix { $0 != ";" }))
        let after = body.dropFirst(name.unicodeScalars.count)
        guard after.first == ";", let scalar = entity(name) else { return rest.removeFirst() }
        rest = after.dropFirst()
        return scalar
    }

    private static func entity(_ name: String) -> Unicode.Scalar? {
        guard name.hasPrefix("#") else { return named[name] }
        let digits = name.dropFirst()
        let isHex = digits.hasPrefix("x") || digits.hasPrefix("X")
        guard let code = isHex ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits) else { return nil }
        return code == 0 ? "\u{FFFD}" : Unicode.Scalar(code) ?? "\u{FFFD}"
    }

    private static let named: [String: Unicode.Scalar] = {
        var table: [String: Unicode.Scalar] = [
            "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "euro": "€", "hellip": "…",
            "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "ndash": "–", "mdash": "—", "bull": "•",
            "oelig": "œ", "OElig": "Œ", "Yuml": "Ÿ", "trade": "™",
        ]
        let latin = """
            iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute \
            micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
            AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml \
            times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig \
            ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml \
            divide oslash ugrave uacute ucirc uuml yacute thorn yuml
            """
        for (offset, name) in latin.split(separator: " ").enumerated() {
            table[String(name)] = Unicode.Scalar(UInt32(0xA1 + offset))
        }
        return table
    }()
}
