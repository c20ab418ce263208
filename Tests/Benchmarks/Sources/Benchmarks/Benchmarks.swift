// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Measures the library beside what others use for the same work, in one run on one machine.
///
/// ```sh
/// swift run -c release --package-path Tests/Benchmarks Benchmarks [--quick] [--large] [--only NAME]... [--disk FOLDER]
/// ```
@main
struct Benchmarks {
    static func main() async throws {
        var meter = Meter()
        var only: Set<Section> = []
        var disk = FileManager.default.temporaryDirectory
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case OpeningChild.flag: return try await OpeningChild.main(arguments.joined(separator: " "))
            case WritingChild.flag:
                guard let first = arguments.popLast().flatMap({ Int($0) }) else { exit(2) }
                return try await WritingChild.main(arguments.joined(separator: " "), first)
            case "--quick": meter.isQuick = true
            case "--large": meter.isLarge = true
            case "--only": if let section = arguments.popFirst().flatMap(Section.init) { only.insert(section) }
            case "--disk": if let path = arguments.popFirst() { disk = URL(fileURLWithPath: path) }
            default:
                print("usage: Benchmarks [--quick] [--large] [--only NAME]... [--disk FOLDER]")
                print("names: \(Section.allCases.map(\.rawValue).joined(separator: ", "))")
                exit(2)
            }
        }
        meter.disk = disk
        print("\(ISO8601DateFormatter().string(from: Date())), \(Meter.machine)")
        for section in Section.allCases where only.isEmpty || only.contains(section) {
            meter.title(section.rawValue)
            try await section.run(meter)
        }
    }
}

/// A part that can be run by itself.
enum Section: String, CaseIterable {
    case cryptography, json, memory, durable, file, engine, calls, pull

    func run(_ meter: Meter) async throws {
        switch self {
        case .cryptography: try CryptographyBenchmark.run(meter)
        case .json: try JSONBenchmark.run(meter)
        case .memory: try await MemoryStoreBenchmark.run(meter)
        case .durable: try await DurableBenchmark.run(meter)
        case .file: try await FileStoreBenchmark.run(meter)
        case .engine: try await EngineBenchmark.run(meter)
        case .calls: try await CallsBenchmark.run(meter)
        case .pull: try await PullBenchmark.run(meter)
        }
    }
}
