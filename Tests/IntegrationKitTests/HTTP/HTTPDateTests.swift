// SPDX-License-Identifier: Apache-2.0
import Foundation
import IntegrationKitTesting
import Testing

@testable import IntegrationKit

struct HTTPDateTests {
    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func `all three forms are read`(text: String) {
        #expect(HTTPDate.date(text) == Date(timeIntervalSince1970: 784_111_777))
    }

    @Test(arguments: [
        "", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 nov. 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT", "Sun, 06 Nov 199 08:49:37 GMT", "Sun, 06 Nov 1994 08:-1:37 GMT",
    ])
    func `anything else is no date`(text: String) {
        #expect(HTTPDate.date(text) == nil)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `a date that was written is read again`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let date = Date(
            timeIntervalSince1970: Double(Int.random(in: -60_000_000_000...250_000_000_000, using: &generator))
        )
        #expect(HTTPDate.date(HTTPDate.text(date)) == date)
    }

    @Test func `a date is written with its weekday and zeros`() {
        #expect(HTTPDate.text(Date(timeIntervalSince1970: 784_111_777)) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(Date(timeIntervalSince1970: 951_782_400)) == "Tue, 29 Feb 2000 00:00:00 GMT")
    }

    @Test(
        arguments: [
            ("120", Duration.seconds(120)), ("0", .zero), ("1.5", .milliseconds(1500)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", .seconds(60)), ("Sun, 06 Nov 1994 08:00:00 GMT", .zero),
            ("-1", nil), ("soon", nil), ("nan", nil), ("1e300", nil),
        ] as [(String, Duration?)]
    )
    func `Retry-After is read in both forms, a date by the platform's own clock`(text: String, wait: Duration?) {
        let response = HTTPResponse(
            status: 429,
            headers: ["Retry-After": text, "Date": "Sun, 06 Nov 1994 08:49:37 GMT"]
        )
        #expect(response.retryAfter == wait)
    }
}

struct ServerClockTests {
    func answer(_ date: Date, age: String? = nil) -> HTTPResponse {
        var response = HTTPResponse(status: 200, headers: ["Date": HTTPDate.text(date)])
        response.headers["Age"] = age
        return response
    }

    @Test func `without an answer it shows the machine's clock`() {
        let time = ManualTime()
        let clock = ServerClock(time: time.source)
        #expect(clock.now() == time.source.now())
        clock.learn(from: HTTPResponse(status: 200, headers: ["Date": "?"]), sent: .zero, received: .zero)
        clock.learn(from: answer(.distantPast, age: "60"), sent: .zero, received: .zero)
        #expect(clock.now() == time.source.now())
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `it is never off by more than a second and the fastest round trip`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let time = ManualTime()
        let clock = ServerClock(time: time.source)
        let offset = Double.random(in: -100_000...100_000, using: &generator)
        let epoch = time.source.now()
        func platform() -> Date { epoch.addingTimeInterval(time.elapsed / .seconds(1) + offset) }
        var fastest = Double.infinity
        for _ in 0..<20 {
            time.advance(by: .milliseconds(Int.random(in: 0...60_000, using: &generator)))
            let sent = time.elapsed
            let there = Int.random(in: 0...4000, using: &generator)
            time.advance(by: .milliseconds(there))
            let date = platform()
            let back = Int.random(in: 0...4000, using: &generator)
            time.advance(by: .milliseconds(back))
            clock.learn(from: answer(date), sent: sent, received: time.elapsed)
            fastest = min(fastest, Double(there + back) / 1000)
            #expect(abs(clock.now().timeIntervalSince(platform())) <= 1 + fastest + 0.001)
        }
    }

    @Test func `a clock that is right within an answer's bounds is left alone`() {
        let time = ManualTime()
        let clock = ServerClock(time: time.source)
        time.advance(by: .seconds(30))
        clock.learn(from: answer(time.source.now().addingTimeInterval(-15)), sent: .zero, received: .seconds(30))
        #expect(clock.now() == time.source.now())
    }

    @Test func `a jump of the machine's clock does not reach it`() {
        let time = ManualTime()
        let clock = ServerClock(time: time.source)
        clock.learn(from: answer(time.source.now()), sent: .zero, received: .zero)
        let before = clock.now()
        time.jumpWall(by: 86_400)
        #expect(clock.now() == before)
        #expect(abs(clock.wallDate(before).timeIntervalSince(time.source.now())) < 0.001)
    }
}
