// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let core: Target.Dependency = .product(name: "IntegrationKit", package: "IntegrationKit")
let providers: Target.Dependency = .product(name: "IntegrationKitProviders", package: "IntegrationKit")
let testing: Target.Dependency = .product(name: "IntegrationKitTesting", package: "IntegrationKit")

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v13), .iOS(.v16)],
    dependencies: [.package(name: "IntegrationKit", path: "..")],
    targets: [
        .executableTarget(
            name: "CustomPlatform",
            dependencies: [core, testing],
            path: "CustomPlatform",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "GuideCode",
            dependencies: [core, providers, testing],
            path: "GuideCode",
            swiftSettings: strict
        ),
        .target(
            name: "IntegrateCommands",
            dependencies: [core],
            path: "Integrate/Commands",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "integrate",
            dependencies: ["IntegrateCommands", core, providers],
            path: "Integrate/Tool",
            swiftSettings: strict
        ),
        .testTarget(
            name: "IntegrateTests",
            dependencies: ["IntegrateCommands", "integrate", core, providers, testing],
            path: "IntegrateTests",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "QuickStart",
            dependencies: [core, providers, testing],
            path: "QuickStart",
            resources: [.copy("events.jsonl")],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "SimulatedPlatforms",
            dependencies: [core, testing],
            path: "SimulatedPlatforms",
            swiftSettings: strict
        ),
    ]
)
