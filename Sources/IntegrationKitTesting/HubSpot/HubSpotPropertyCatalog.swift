// SPDX-License-Identifier: Apache-2.0

/// The properties that every account has from the start, one a line: name, type, field type, flags, options.
enum HubSpotPropertyCatalog {
    /// The definitions of a type, by name.
    static func definitions(of type: HubSpotObjectType) -> [String: HubSpotPropertyDefinition] {
        var definitions: [String: HubSpotPropertyDefinition] = [:]
        for text in [common, type.isActivity ? activities : "", own[type.name] ?? ""] {
            for line in text.split(separator: "\n") {
                guard let definition = HubSpotPropertyDefinition(catalogLine: line, group: type.group) else { continue }
                definitions[definition.name] = definition
            }
        }
        return definitions
    }

    private static let common = """
        hs_object_id number number readonly
        hs_lastmodifieddate datetime date readonly
        hs_merged_object_ids enumeration checkbox readonly
        hs_unique_creation_key string text readonly hidden unique
        hs_object_source string text readonly
        hs_object_source_id string text readonly
        hs_object_source_label enumeration select readonly
        hs_created_by_user_id number number readonly
        hs_updated_by_user_id number number readonly
        hs_all_owner_ids enumeration checkbox readonly reference=OWNER
        hs_read_only bool booleancheckbox readonly
        hs_was_imported bool booleancheckbox readonly
        hubspot_owner_id enumeration select reference=OWNER
        hubspot_owner_assigneddate datetime date readonly
        """

    private static let activities = """
        hs_createdate datetime date readonly
        hs_timestamp datetime date
        hs_body_preview string text readonly
        hs_body_preview_html string text readonly
        hs_attachment_ids string text
        hs_activity_type enumeration select
        """

    private static let own = [
        "contact": """
        createdate datetime date readonly
        lastmodifieddate datetime date readonly
        hs_lastmodifieddate datetime date readonly hidden
        email string text
        hs_additional_emails enumeration checkbox
        firstname string text
        lastname string text
        company string text
        jobtitle string text
        website string text
        address string text
        city string text
        state string text
        zip string text
        country string text
        phone string phonenumber
        mobilephone string phonenumber
        salutation string text
        message string textarea
        date_of_birth string text
        numemployees enumeration select options=1-5,5-25,25-50,50-100,100-500,500-1000,1000+
        annualrevenue string text
        industry string text
        lifecyclestage enumeration radio \
        options=subscriber,lead,marketingqualifiedlead,salesqualifiedlead,opportunity,customer,evangelist,other
        hs_lead_status enumeration radio \
        options=NEW,OPEN,IN_PROGRESS,OPEN_DEAL,UNQUALIFIED,ATTEMPTED_TO_CONTACT,CONNECTED,BAD_TIMING
        hs_language enumeration select options=en,en-us,en-gb,fr,fr-fr,de,de-de,es,it,nl,pt,pt-br
        hs_timezone enumeration select options=america_slash_new_york,europe_slash_paris,europe_slash_berlin,utc
        hs_calculated_merged_vids enumeration checkbox readonly calculated
        hs_searchable_calculated_phone_number string text readonly calculated hidden
        hs_email_domain string text readonly calculated
        hs_full_name_or_email string calculation_equation
        hs_time_in_lead number calculation_read_time readonly calculated
        hubspotscore number calculation_score
        associatedcompanyid number number reference=COMPANY
        num_associated_deals number calculation_rollup
        """,
        "company": """
        createdate datetime date readonly
        name string text
        domain string text
        hs_additional_domains enumeration checkbox
        phone string phonenumber
        website string text
        address string text
        address2 string text
        city string text
        state string text
        zip string text
        country string text
        description string textarea
        timezone string text
        industry enumeration select options=ACCOUNTING,APPAREL_FASHION,AUTOMOTIVE,BANKING,COMPUTER_SOFTWARE,\
        CONSTRUCTION,EDUCATION_MANAGEMENT,FINANCIAL_SERVICES,HOSPITAL_HEALTH_CARE,INTERNET,REAL_ESTATE,RETAIL
        numberofemployees number number
        annualrevenue number number
        founded_year string text
        type enumeration radio options=PROSPECT,PARTNER,RESELLER,VENDOR,OTHER
        lifecyclestage enumeration radio \
        options=subscriber,lead,marketingqualifiedlead,salesqualifiedlead,opportunity,customer,evangelist,other
        hs_lead_status enumeration radio \
        options=NEW,OPEN,IN_PROGRESS,OPEN_DEAL,UNQUALIFIED,ATTEMPTED_TO_CONTACT,CONNECTED,BAD_TIMING
        num_associated_contacts number calculation_rollup
        """,
        "deal": """
        createdate datetime date readonly
        hs_createdate datetime date readonly
        dealname string text
        amount number number
        closedate datetime date
        pipeline enumeration select reference=PIPELINE
        dealstage enumeration radio reference=STAGE
        dealtype enumeration radio options=newbusiness,existingbusiness
        description string textarea
        deal_currency_code enumeration select options=USD,EUR,GBP,CHF,CAD,AUD,JPY
        closed_lost_reason string textarea
        closed_won_reason string textarea
        hs_priority enumeration select options=low,medium,high
        hs_next_step string text
        hs_is_closed bool calculation_equation readonly calculated
        hs_is_closed_won bool calculation_equation readonly calculated
        days_to_close number calculation_equation readonly calculated
        """,
        "ticket": """
        createdate datetime date readonly
        subject string text
        content string textarea
        hs_pipeline enumeration select reference=PIPELINE
        hs_pipeline_stage enumeration radio reference=STAGE
        hs_ticket_priority enumeration select options=LOW,MEDIUM,HIGH,URGENT
        hs_ticket_category enumeration checkbox options=PRODUCT_ISSUE,BILLING_ISSUE,FEATURE_REQUEST,GENERAL_INQUIRY
        source_type enumeration select options=CHAT,EMAIL,FORM,PHONE
        hs_is_closed bool booleancheckbox readonly calculated
        hs_ticket_id number number readonly
        closed_date datetime date
        """,
        "product": """
        createdate datetime date readonly
        name string text
        hs_sku string text
        price number number
        description string textarea
        hs_cost_of_goods_sold number number
        recurringbillingfrequency enumeration select options=monthly,quarterly,per_six_months,annually
        hs_recurring_billing_period string text
        hs_url string text
        hs_images string text
        """,
        "line_item": """
        createdate datetime date readonly
        name string text
        quantity number number
        price number number
        amount number calculation_equation readonly calculated
        hs_product_id number number
        hs_sku string text
        """,
        "note": "hs_note_body string html",
        "call": """
        hs_call_title string text
        hs_call_body string html
        hs_call_direction enumeration select options=INBOUND,OUTBOUND
        hs_call_duration number number
        hs_call_from_number string text
        hs_call_to_number string text
        hs_call_status enumeration select options=BUSY,CALLING_CRM_USER,CANCELED,COMPLETED,CONNECTING,FAILED,\
        IN_PROGRESS,NO_ANSWER,QUEUED,RINGING
        hs_call_disposition enumeration select options=9d9162e7-6cf3-4944-bf63-4dff82258764,\
        f240bbac-87c9-4f6e-bf70-924b57d47db7,a4c4c377-d246-4b32-a13b-75a56a4cd0ff,\
        b2cf5968-551e-4856-9783-52b3da59a7d0,73a0d17f-1163-4015-bdd5-ec830791da20,\
        17b47fee-58de-441e-a44c-c6300d46f273
        hs_call_recording_url string text
        hs_call_source enumeration select options=INTEGRATIONS_PLATFORM
        """,
        "task": """
        hs_task_subject string text
        hs_task_body string html
        hs_task_status enumeration select options=NOT_STARTED,IN_PROGRESS,WAITING,COMPLETED
        hs_task_priority enumeration select options=NONE,LOW,MEDIUM,HIGH
        hs_task_type enumeration select options=EMAIL,CALL,TODO
        hs_task_reminders string text
        """,
        "meeting": """
        hs_meeting_title string text
        hs_meeting_body string html
        hs_meeting_start_time datetime date
        hs_meeting_end_time datetime date
        hs_meeting_outcome enumeration select options=SCHEDULED,COMPLETED,RESCHEDULED,NO_SHOW,CANCELED
        """,
        "order": orderProperties,
        "lead": """
        createdate datetime date readonly
        hs_lead_name string text
        hs_lead_type enumeration select options=NEW_BUSINESS,RE_ATTEMPTING,UPSELL
        hs_lead_label enumeration select options=HOT,WARM,COLD
        """,
    ]

    private static let orderProperties: String = {
        var lines = ["createdate datetime date readonly", "hs_order_name string text", "hs_order_note string textarea"]
        lines += ["hs_external_created_date", "hs_external_modified_date"].map { "\($0) datetime date" }
        lines += [
            "hs_subtotal_price", "hs_order_discount", "hs_tax", "hs_shipping_cost", "hs_total_price",
            "hs_refund_amount",
        ]
        .map { "\($0) number number" }
        lines += [
            "hs_external_order_id", "hs_external_order_status", "hs_external_order_url", "hs_source_store",
            "hs_source_id",
            "hs_currency_code", "hs_payment_status", "hs_fulfillment_status", "hs_shipping_tracking_number",
            "hs_shipping_status_url", "hs_tags",
        ].map { "\($0) string text" }
        let address = ["street", "city", "state", "postal_code", "country", "phone"]
        lines += (["name"] + address).map { "hs_shipping_address_\($0) string text" }
        lines += (["firstname", "lastname", "name", "email"] + address).map { "hs_billing_address_\($0) string text" }
        lines += [
            "hs_pipeline enumeration select reference=PIPELINE", "hs_pipeline_stage enumeration radio reference=STAGE",
        ]
        return lines.joined(separator: "\n")
    }()
}
