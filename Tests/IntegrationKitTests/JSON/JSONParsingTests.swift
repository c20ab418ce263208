// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKit
import IntegrationKitTesting
import Testing

@Suite struct JSONParsingTests {
    @Test func acceptsAndRefusesWhatThePublishedFilesDemand() throws {
        let names = try TestVectors.names(in: "json_parsing")
        #expect(names.count == 318)
        for name in names {
            let data = try TestVectors.data("json_parsing/" + name)
            switch name.prefix(2) {
            case "y_":
                #expect(throws: Never.self, "\(name)") { try JSONValue(parsing: data) }
            case "n_":
                #expect(refuses(data), "\(name)")
            default:
                do {
                    _ = try JSONValue(parsing: data)
                } catch {
                    #expect((error as? IntegrationError)?.code == .invalidAnswer, "\(name)")
                }
            }
        }
    }

    @Test func keepsNumbersVerbatimAndKeysInOrder() throws {
        let text = #"{"z":9007199254740993,"a":1.10,"m":-0,"e":1E+400,"b":[12345678901234567890.000]}"#
        let value = try JSONValue(text: text)
        #expect(value.text == text)
        #expect(value["z"]?.int64 == 9_007_199_254_740_993)
        #expect(value["a"]?.number?.decimal == Decimal(string: "1.1"))
        #expect(value.object?.keys == ["z", "a", "m", "e", "b"])
    }

    @Test func keepsTheLastValueOfARepeatedKeyAtItsFirstPlace() throws {
        #expect(try JSONValue(text: #"{"a":1,"b":2,"a":3}"#).text == #"{"a":3,"b":2}"#)
        #expect(try JSONValue(text: #"{"a":1,"\u0061":2}"#).text == #"{"a":2}"#)
        #expect(try JSONValue(text: "{\"é\":1,\"e\u{301}\":2}").object?.count == 1)
        let many = (0..<100).map { "\"k\($0 % 60)\":\($0)" }.joined(separator: ",")
        let object = try #require(try JSONValue(text: "{\(many)}").object)
        #expect(object.keys == (0..<60).map { "k\($0)" })
        #expect(object["k7"]?.int64 == 67)
        #expect(object["k47"]?.int64 == 47)
    }

    @Test func decodesEveryEscape() throws {
        let value = try JSONValue(text: #""\"\\\/\b\f\n\r\t\u00e9\ud834\udd1e\u0000""#)
        #expect(value.string == "\"\\/\u{08}\u{0C}\n\r\té\u{1D11E}\u{0}")
        #expect(value.text == #""\"\\/\b\f\n\r\té"# + "\u{1D11E}" + #"\u0000""#)
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\udc00\ud800""#,
    ])
    func refusesHalfASurrogatePair(text: String) {
        #expect(refuses(Data(text.utf8)))
    }

    @Test(arguments: [
        ("[1,\n 2,\n  x]", 3, 3), ("", 1, 1), ("[\"é\",,]", 1, 6), ("{\"a\":1", 1, 7), ("[1]\r\n]", 2, 1),
        ("{\"key-4711\" 1}", 1, 13),
    ])
    func tellsLineAndColumnAndNothingOfTheText(text: String, line: Int, column: Int) throws {
        let error = try #require(throws: IntegrationError.self) { try JSONValue(text: text) }
        #expect(error.message.contains("at line \(line), column \(column):"), "\(error.message)")
        #expect(!error.message.contains("4711"))
        #expect(!error.remedy.text(in: "fr").isEmpty)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC3], [0xC3, 0x41], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xE2, 0x82], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]]
    )
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(refuses(Data([0x22] + bytes + [0x22])))
        #expect(refuses(Data([0x22] + bytes)))
    }

    @Test func boundsDepthAndBytes() throws {
        func nested(_ depth: Int) -> Data {
            Data((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONValue(parsing: nested(128)) }
        #expect(refuses(nested(129)))
        #expect(throws: Never.self) { try JSONValue(parsing: nested(512), limits: .init(depth: 1_000_000)) }
        #expect(throws: IntegrationError.self) { try JSONValue(parsing: nested(513), limits: .init(depth: 1_000_000)) }
        #expect(throws: Never.self) { try JSONValue(parsing: nested(5), limits: .init(bytes: 10)) }
        let error = try #require(throws: IntegrationError.self) {
            try JSONValue(parsing: nested(6), limits: .init(bytes: 10))
        }
        #expect(error.code == .invalidAnswer)
        #expect(error.message.contains("at most 10"))
    }

    @Test func skipsNoiseBeforeTheFirstBracketOnlyWhenAsked() throws {
        for noise in ["\u{FEFF}", "<br />\nNotice: Undefined index in /var/www\n", " "] {
            #expect(try JSONValue(parsingAfterNoise: Data("\(noise){\"a\":1}".utf8)) == ["a": 1])
        }
        #expect(refuses(Data("\u{FEFF}{}".utf8)))
        #expect(throws: IntegrationError.self) { try JSONValue(parsingAfterNoise: Data("<html>".utf8)) }
        #expect(throws: IntegrationError.self) { try JSONValue(parsingAfterNoise: Data("{} <b>".utf8)) }
    }

    @Test func readsASliceOfData() throws {
        #expect(try JSONValue(parsing: Data("xx[1]xx".utf8)[2..<5]) == [1])
    }

    @Test func writesForPeople() {
        let value: JSONValue = ["a": [1, []], "b": [:], "c": ["d": nil]]
        #expect(
            value.prettyText == """
                {
                  "a": [
                    1,
                    []
                  ],
                  "b": {},
                  "c": {
                    "d": null
                  }
                }
                """
        )
    }

    @Test(arguments: ["0", "-0", "10", "1.5", "-1e9", "1E-7", "0.0e+00"])
    func takesNumbersInTheGrammar(text: String) {
        #expect(JSONNumber(text: text)?.text == text)
    }

    @Test(arguments: ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "NaN", "0x1", " 1", "1 ", "1\u{0}", "１", "--1"])
    func refusesNumbersOutsideTheGrammar(text: String) {
        #expect(JSONNumber(text: text) == nil)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func readsBackExactlyWhatItWrites(seed: UInt64) throws {
        var bits = SeededGenerator(seed: seed)
        let value = randomValue(depth: 5, &bits)
        let text = value.text
        #expect(try JSONValue(text: text) == value)
        #expect(try JSONValue(text: text).text == text)
        #expect(try JSONValue(text: value.prettyText) == value)
        #expect(try JSONValue(parsing: value.data) == value)
        // Foundation agrees that it is JSON.
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: value.data, options: .fragmentsAllowed) }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func survivesMutatedTexts(seed: UInt64) throws {
        var bits = SeededGenerator(seed: seed)
        let original = [UInt8](randomValue(depth: 4, &bits).data)
        let alphabet = [UInt8]("{}[]\",:\\ud8c0eE+-.0123456789tfn \n".utf8) + [0, 0x1F, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
        for _ in 0..<50 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &bits) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &bits)
                switch Int.random(in: 0..<4, using: &bits) {
                case 0: bytes[place] = alphabet.randomElement(using: &bits) ?? 0
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(alphabet.randomElement(using: &bits) ?? 0, at: place)
                default: bytes.removeSubrange(place...)
                }
            }
            do {
                let value = try JSONValue(parsing: Data(bytes))
                #expect(try JSONValue(parsing: value.data) == value)
            } catch {
                #expect((error as? IntegrationError)?.code == .invalidAnswer)
            }
        }
    }

    private func refuses(_ data: Data) -> Bool {
        do {
            _ = try JSONValue(parsing: data)
            return false
        } catch {
            return (error as? IntegrationError)?.code == .invalidAnswer
        }
    }

    private func randomValue(depth: Int, _ bits: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &bits) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &bits))
        case 2: return .number(JSONNumber(Int64.random(in: .min ... .max, using: &bits)))
        case 3:
            let texts = ["0", "-0", "1.50", "1e5", "-12.25E-3", "123456789012345678901234567890"]
            return JSONNumber(text: texts.randomElement(using: &bits) ?? "0").map(JSONValue.number) ?? .null
        case 4: return .string(randomString(&bits))
        case 5:
            return .array((0..<Int.random(in: 0..<6, using: &bits)).map { _ in randomValue(depth: depth - 1, &bits) })
        default:
            let count = Int.random(in: 0..<40, using: &bits) / (6 - depth)
            return .object(
                JSONObject((0..<count).map { _ in .init(randomString(&bits), randomValue(depth: depth - 1, &bits)) })
            )
        }
    }

    private func randomString(_ bits: inout SeededGenerator) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "K", "é", "\u{301}", "\u{1F468}", "\u{200D}", "\"", "\\", "/", "\n", "\u{0}", "\u{7F}",
        ]
        var string = ""
        for _ in 0..<Int.random(in: 0..<24, using: &bits) {
            if Bool.random(using: &bits) {
                string.unicodeScalars.append(scalars.randomElement(using: &bits) ?? "a")
            } else {
                string.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &bits)) ?? "z")
            }
        }
        return string
    }
}
