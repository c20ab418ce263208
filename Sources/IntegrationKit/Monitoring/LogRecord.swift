// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LogRecord {
    /// The log row of an event.
    static func row(_ event: IntegrationEvent, integration: LoadedIntegration, core: EngineCore) throws -> RowContent {
        try row(event, integration: integration.id, tenant: integration.tenant, keys: integration.keys, core: core)
    }

    /// The log row of an event, its words sealed.
    static func row(
        _ event: IntegrationEvent,
        integration: String,
        tenant: String,
        keys: TenantKeys,
        core: EngineCore
    ) throws -> RowContent {
        let time = RowKey.time(event.date)
        let key = RowKey.join(time, core.random.uuid().uuidString)
        let detail = try RecordCoding.encode(LogDetail(message: event.message, error: event.error))
        let record = LogRecord(
            at: event.date,
            kind: event.kind.rawValue,
            recordKind: event.recordKind,
            record: event.record,
            remote: event.remote,
            event: event.event,
            errorCode: event.error?.code.rawValue,
            detail: try keys.seal(detail, in: context(key, tenant: tenant, integration: integration))
        )
        var indexes = [
            IndexEntry("log.integration", RowKey.join(integration, time)),
            IndexEntry(
                "log.outcome",
                RowKey.join(integration, event.recordKind?.rawValue ?? "", event.kind.rawValue)
            ),
        ]
        if let name = event.event { indexes.append(IndexEntry("log.event", RowKey.join(tenant, name))) }
        if let record = event.record {
            indexes.append(IndexEntry("log.record", RowKey.join(tenant, record.kind, record.id)))
            indexes.append(IndexEntry("record", RowKey.join(tenant, record.kind, record.id)))
        }
        return try record.content(
            key: key,
            tenant: tenant,
            integration: integration,
            indexes: indexes,
            keep: core.options.logRetention
        )
    }

    static func context(_ key: String, tenant: String, integration: String) -> SealContext {
        SealContext(tenant: tenant, integration: integration, recordType: type, recordKey: key, purpose: "row")
    }
}
