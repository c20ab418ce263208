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

let package = Package(
    name: "IntegrationKitExamples",
    platforms: [.macOS(.v13)],
    dependencies: [
        .package(name: "IntegrationKit", path: "..")
    ],
    targets: [
        .executableTarget(
            name: "CustomPlatform",
            dependencies: [
                .product(name: "IntegrationKit", package: "IntegrationKit"),
                .product(name: "IntegrationKitTesting", package: "IntegrationKit"),
            ],
            swiftSettings: strict
        )
    ]
)
