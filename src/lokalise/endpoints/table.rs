//! The endpoints themselves: 112 of API 2, the one of v1, and for `scopes` the 15 of
//! OTA (below `https://ota.lokalise.com`) and the two of OAuth (below `https://app.lokalise.com`).

use super::{Operation, Paging, Resource, Right, Scope};

/// Every path that is known, sorted; below each its methods, sorted.
pub static RESOURCES: &[Resource] = &[
    at("/api2/payment_cards").has(&[
        get(Scope::Medium("read_payment_cards"), "List all payment cards of the user").by_offset(Some(5000)),
        post(Scope::Medium("write_payment_cards"), "Add a payment card"),
    ]),
    at("/api2/payment_cards/{card_id}").has(&[
        delete(Scope::Medium("write_payment_cards"), "Delete a payment card"),
        get(Scope::Medium("read_payment_cards"), "Retrieve a payment card"),
    ]),
    at("/api2/projects").has(&[
        get(Scope::High("read_projects"), "List all projects available to the token")
            .takes(&["filter_team_id", "filter_names", "include_statistics", "include_settings"])
            .by_offset(Some(5000)),
        post(Scope::High("write_projects"), "Create a project").needs(Right::TeamAdmin),
    ]),
    at("/api2/projects/{project_id}").has(&[
        delete(Scope::High("write_projects"), "Delete a project"),
        get(Scope::High("read_projects"), "Retrieve a project"),
        put(Scope::High("write_projects"), "Update a project").needs(Right::Project("Manage settings")),
    ]),
    at("/api2/projects/{project_id}/branches").has(&[
        get(Scope::Low("read_projects"), "List all branches").by_offset(Some(5000)),
        post(Scope::Low("write_projects"), "Create a branch").needs(Right::ProjectAdmin),
    ]),
    at("/api2/projects/{project_id}/branches/{branch_id}").has(&[
        delete(Scope::Low("write_projects"), "Delete a branch").needs(Right::ProjectAdmin),
        get(Scope::Low("read_projects"), "Retrieve a branch"),
        put(Scope::Low("write_projects"), "Update (rename) a branch").needs(Right::ProjectAdmin),
    ]),
    at("/api2/projects/{project_id}/branches/{branch_id}/merge").has(&[post(
        Scope::Low("write_projects"),
        "Merge a branch",
    )
    .needs(Right::ProjectAdmin)]),
    at("/api2/projects/{project_id}/comments")
        .has(&[get(Scope::High("read_comments"), "List project comments").by_offset(Some(5000))]),
    at("/api2/projects/{project_id}/contributors").has(&[
        get(Scope::High("read_contributors"), "List all contributors").by_offset(Some(5000)),
        post(Scope::Medium("write_contributors"), "Create contributors"),
    ]),
    at("/api2/projects/{project_id}/contributors/me").has(&[get(
        Scope::High("read_contributors"),
        "Retrieve me as a contributor (the token owner in this project)",
    )]),
    at("/api2/projects/{project_id}/contributors/{contributor_id}").has(&[
        delete(Scope::Medium("write_contributors"), "Delete a contributor"),
        get(Scope::High("read_contributors"), "Retrieve a contributor"),
        put(Scope::Medium("write_contributors"), "Update a contributor"),
    ]),
    at("/api2/projects/{project_id}/custom_translation_statuses").has(&[
        get(Scope::Unknown, "List custom translation statuses").by_offset(Some(5000)),
        post(Scope::Unknown, "Create a custom translation status"),
    ]),
    at("/api2/projects/{project_id}/custom_translation_statuses/colors")
        .has(&[get(Scope::Unknown, "List available colours for custom statuses")]),
    at("/api2/projects/{project_id}/custom_translation_statuses/{status_id}").has(&[
        delete(Scope::Unknown, "Delete a custom translation status"),
        get(Scope::Unknown, "Retrieve a custom translation status"),
        put(Scope::Unknown, "Update a custom translation status"),
    ]),
    at("/api2/projects/{project_id}/empty").has(&[put(
        Scope::High("write_projects"),
        "Empty a project (delete all keys and translations)",
    )
    .needs(Right::Project("Manage settings"))]),
    at("/api2/projects/{project_id}/files")
        .has(&[get(Scope::High("read_files"), "List all files").takes(&["filter_filename"]).by_offset(Some(5000))]),
    at("/api2/projects/{project_id}/files/async-download").has(&[post(
        Scope::High("read_files"),
        "Export files asynchronously",
    )
    .needs(Right::Project("Download files"))
    .that_only_reads()]),
    at("/api2/projects/{project_id}/files/download").has(&[post(
        Scope::High("read_files"),
        "Export files as a zip bundle (sync)",
    )
    .needs(Right::Project("Download files"))
    .that_only_reads()]),
    at("/api2/projects/{project_id}/files/upload").has(&[post(
        Scope::High("write_files"),
        "Upload (import) a file; queues a background process",
    )
    .needs(Right::Project("Upload files"))]),
    at("/api2/projects/{project_id}/files/upload-from-fss")
        .has(&[post(Scope::Unknown, "Import a file already stored in Lokalise FSS")]),
    at("/api2/projects/{project_id}/files/{file_id}").has(&[delete(Scope::High("write_files"), "Delete a file")]),
    at("/api2/projects/{project_id}/glossary-terms").has(&[
        delete(Scope::High("write_glossary"), "Delete glossary terms"),
        get(Scope::High("read_glossary"), "List glossary terms").by_cursor(500),
        post(Scope::High("write_glossary"), "Create glossary terms"),
        put(Scope::High("write_glossary"), "Update glossary terms"),
    ]),
    at("/api2/projects/{project_id}/glossary-terms/{term_id}")
        .has(&[get(Scope::High("read_glossary"), "Retrieve a glossary term")]),
    at("/api2/projects/{project_id}/keys").has(&[
        delete(Scope::High("write_keys"), "Delete multiple keys").needs(Right::Project("Manage keys")),
        get(Scope::High("read_keys"), "List all keys")
            .takes(&[
                "disable_references",
                "include_comments",
                "include_screenshots",
                "include_translations",
                "filter_translation_lang_ids",
                "filter_tags",
                "filter_filenames",
                "filter_keys",
                "filter_key_ids",
                "filter_platforms",
                "filter_untranslated",
                "filter_qa_issues",
                "filter_archived",
            ])
            .by_offset_or_cursor(500),
        post(Scope::High("write_keys"), "Create keys").needs(Right::Project("Manage keys")),
        put(Scope::High("write_keys"), "Bulk update keys").needs(Right::Project("Manage keys")),
    ]),
    at("/api2/projects/{project_id}/keys/{key_id}").has(&[
        delete(Scope::High("write_keys"), "Delete a key").needs(Right::Project("Manage keys")),
        get(Scope::High("read_keys"), "Retrieve a key").takes(&["disable_references"]),
        put(Scope::High("write_keys"), "Update a key").needs(Right::Project("Manage keys")),
    ]),
    at("/api2/projects/{project_id}/keys/{key_id}/comments").has(&[
        get(Scope::High("read_comments"), "List key comments").by_offset(Some(5000)),
        post(Scope::High("write_comments"), "Create comments"),
    ]),
    at("/api2/projects/{project_id}/keys/{key_id}/comments/{comment_id}").has(&[
        delete(Scope::High("write_comments"), "Delete a comment"),
        get(Scope::High("read_comments"), "Retrieve a comment"),
    ]),
    at("/api2/projects/{project_id}/keys/{key_id}/segments/{language_iso}").has(&[get(
        Scope::Unknown,
        "List segments of a key language",
    )
    .takes(&[
        "disable_references",
        "filter_is_reviewed",
        "filter_unverified",
        "filter_untranslated",
        "filter_qa_issues",
    ])]),
    at("/api2/projects/{project_id}/keys/{key_id}/segments/{language_iso}/{segment_number}").has(&[
        get(Scope::Unknown, "Retrieve a segment").takes(&["disable_references"]),
        put(Scope::Unknown, "Update a segment"),
    ]),
    at("/api2/projects/{project_id}/languages").has(&[
        get(Scope::Medium("read_languages"), "List project languages").by_offset(Some(5000)),
        post(Scope::Medium("write_languages"), "Create languages").needs(Right::Project("Manage languages")),
    ]),
    at("/api2/projects/{project_id}/languages/{lang_id}").has(&[
        delete(Scope::Medium("write_languages"), "Delete a language").needs(Right::Project("Manage languages")),
        get(Scope::Medium("read_languages"), "Retrieve a language"),
        put(Scope::Medium("write_languages"), "Update a language").needs(Right::Project("Manage languages")),
    ]),
    at("/api2/projects/{project_id}/processes").has(&[get(
        Scope::High("read_background_processes"),
        "List queued processes",
    )
    .by_offset(Some(5000))]),
    at("/api2/projects/{project_id}/processes/{process_id}")
        .has(&[get(Scope::High("read_background_processes"), "Retrieve a queued process")]),
    at("/api2/projects/{project_id}/screenshots").has(&[
        get(Scope::Medium("read_screenshots"), "List screenshots").by_offset(Some(5000)),
        post(Scope::Medium("write_screenshots"), "Create screenshots").needs(Right::Project("Manage screenshots")),
    ]),
    at("/api2/projects/{project_id}/screenshots/{screenshot_id}").has(&[
        delete(Scope::Medium("write_screenshots"), "Delete a screenshot").needs(Right::Project("Manage screenshots")),
        get(Scope::Medium("read_screenshots"), "Retrieve a screenshot"),
        put(Scope::Medium("write_screenshots"), "Update a screenshot").needs(Right::Project("Manage screenshots")),
    ]),
    at("/api2/projects/{project_id}/snapshots").has(&[
        get(Scope::Medium("read_snapshots"), "List snapshots")
            .needs(Right::Project("Manage settings"))
            .by_offset(Some(5000)),
        post(Scope::Medium("write_snapshots"), "Create a snapshot").needs(Right::Project("Manage settings")),
    ]),
    at("/api2/projects/{project_id}/snapshots/{snapshot_id}").has(&[
        delete(Scope::Medium("write_snapshots"), "Delete a snapshot").needs(Right::Project("Manage settings")),
        post(Scope::Medium("write_snapshots"), "Restore a snapshot to a new project copy")
            .needs(Right::Project("Manage settings")),
    ]),
    at("/api2/projects/{project_id}/tasks").has(&[
        get(Scope::High("read_tasks"), "List tasks").takes(&["filter_title", "filter_statuses"]).by_offset(Some(5000)),
        post(Scope::High("write_tasks"), "Create a task").needs(Right::Project("Manage tasks")),
    ]),
    at("/api2/projects/{project_id}/tasks/{task_id}").has(&[
        delete(Scope::High("write_tasks"), "Delete a task").needs(Right::Project("Manage tasks")),
        get(Scope::High("read_tasks"), "Retrieve a task"),
        put(Scope::High("write_tasks"), "Update a task").needs(Right::Project("Manage tasks")),
    ]),
    at("/api2/projects/{project_id}/tokens").has(&[post(Scope::NoneDocumented, "Create a service JWT (OTA)")]),
    at("/api2/projects/{project_id}/translation-memories").has(&[get(
        Scope::Low("read_translation_memory"),
        "List translation memory entries",
    )
    .paged_somehow()]),
    at("/api2/projects/{project_id}/translations").has(&[get(
        Scope::High("read_translations"),
        "List all translations",
    )
    .takes(&[
        "disable_references",
        "filter_lang_id",
        "filter_is_reviewed",
        "filter_unverified",
        "filter_untranslated",
        "filter_qa_issues",
        "filter_active_task_id",
    ])
    .by_offset_or_cursor(5000)]),
    at("/api2/projects/{project_id}/translations/{translation_id}").has(&[
        get(Scope::High("read_translations"), "Retrieve a translation").takes(&["disable_references"]),
        put(Scope::High("write_translations"), "Update a translation"),
    ]),
    at("/api2/projects/{project_id}/webhooks").has(&[
        get(Scope::Medium("read_webhooks"), "List webhooks")
            .needs(Right::Project("Manage settings"))
            .by_offset(Some(5000)),
        post(Scope::Medium("write_webhooks"), "Create a webhook").needs(Right::Project("Manage settings")),
    ]),
    at("/api2/projects/{project_id}/webhooks/{webhook_id}").has(&[
        delete(Scope::Medium("write_webhooks"), "Delete a webhook").needs(Right::Project("Manage settings")),
        get(Scope::Medium("read_webhooks"), "Retrieve a webhook").needs(Right::Project("Manage settings")),
        put(Scope::Medium("write_webhooks"), "Update a webhook").needs(Right::Project("Manage settings")),
    ]),
    at("/api2/projects/{project_id}/webhooks/{webhook_id}/secret/regenerate").has(&[patch(
        Scope::Medium("write_webhooks"),
        "Regenerate a webhook secret",
    )
    .needs(Right::Project("Manage settings"))]),
    at("/api2/system/languages")
        .has(&[get(Scope::Medium("read_languages"), "List system languages").by_offset(Some(5000))]),
    at("/api2/teams")
        .has(&[get(Scope::High("read_team_users"), "List all teams available to the user").by_offset(Some(5000))]),
    at("/api2/teams/{team_id}").has(&[get(Scope::High("read_team_users"), "Retrieve team details")]),
    at("/api2/teams/{team_id}/billing_details").has(&[
        get(Scope::Medium("read_team_user_billing_details"), "Retrieve team user billing details"),
        post(Scope::Medium("write_team_user_billing_details"), "Create billing details"),
        put(Scope::Medium("write_team_user_billing_details"), "Update billing details"),
    ]),
    at("/api2/teams/{team_id}/groups").has(&[
        get(Scope::Medium("read_team_groups"), "List team user groups").by_offset(Some(5000)),
        post(Scope::High("write_team_groups"), "Create a group").needs(Right::TeamAdmin),
    ]),
    at("/api2/teams/{team_id}/groups/{group_id}").has(&[
        delete(Scope::High("write_team_groups"), "Delete a group").needs(Right::TeamAdmin),
        get(Scope::Medium("read_team_groups"), "Retrieve a group"),
        put(Scope::High("write_team_groups"), "Update a group").needs(Right::TeamAdmin),
    ]),
    at("/api2/teams/{team_id}/groups/{group_id}/members/add").has(&[put(
        Scope::High("write_team_groups"),
        "Group: members add",
    )
    .needs(Right::TeamAdmin)]),
    at("/api2/teams/{team_id}/groups/{group_id}/members/remove").has(&[put(
        Scope::High("write_team_groups"),
        "Group: members remove",
    )
    .needs(Right::TeamAdmin)]),
    at("/api2/teams/{team_id}/groups/{group_id}/projects/add").has(&[put(
        Scope::High("write_team_groups"),
        "Group: projects add",
    )
    .needs(Right::TeamAdmin)]),
    at("/api2/teams/{team_id}/groups/{group_id}/projects/remove").has(&[put(
        Scope::High("write_team_groups"),
        "Group: projects remove",
    )
    .needs(Right::TeamAdmin)]),
    at("/api2/teams/{team_id}/orders").has(&[
        get(Scope::Medium("read_team_orders"), "List all translation orders").by_offset(Some(5000)),
        post(Scope::Medium("write_team_orders"), "Create an order").needs(Right::ProjectAdmin),
    ]),
    at("/api2/teams/{team_id}/orders/{order_id}").has(&[get(Scope::Medium("read_team_orders"), "Retrieve an order")]),
    at("/api2/teams/{team_id}/roles")
        .has(&[get(Scope::NoneDocumented, "List all permission templates").by_offset(None)]),
    at("/api2/teams/{team_id}/translation_providers").has(&[get(
        Scope::Medium("read_team_orders"),
        "List translation providers",
    )
    .by_offset(Some(5000))]),
    at("/api2/teams/{team_id}/translation_providers/{provider_id}")
        .has(&[get(Scope::Medium("read_team_orders"), "Retrieve a translation provider")]),
    at("/api2/teams/{team_id}/users")
        .has(&[get(Scope::High("read_team_users"), "List team users").needs(Right::TeamAdmin).by_offset(Some(5000))]),
    at("/api2/teams/{team_id}/users/{user_id}").has(&[
        delete(Scope::Medium("write_team_users"), "Delete a team user").needs(Right::TeamAdmin),
        get(Scope::High("read_team_users"), "Retrieve a team user").needs(Right::TeamAdmin),
        put(Scope::Medium("write_team_users"), "Update a team user role").needs(Right::TeamAdmin),
    ]),
    at("/api2/users/{user_id}").has(&[get(Scope::NoneDocumented, "Retrieve basic user info")]),
    at("/oauth2/auth").has(&[get(Scope::NoneDocumented, "OAuth2 authorization page (browser)")]),
    at("/oauth2/token")
        .has(&[post(Scope::NoneDocumented, "OAuth2 token: authorization_code and refresh_token grants")]),
    at("/v1/audit-logs").has(&[get(Scope::Unknown, "List audit log events (new API version v1)")
        .takes(&["date_from", "date_to", "event_type", "project_id", "user_id"])
        .by_cursor(1000)]),
    at("/v3/lokalise/projects/{project_id}/frameworks/{framework}")
        .has(&[get(Scope::NoneDocumented, "Get the current OTA bundle URL")]),
    at("/v3/teams/{team_id}/projects/{project_id}/bundle-freezes").has(&[
        get(Scope::NoneDocumented, "List freeze periods"),
        post(Scope::NoneDocumented, "Create a freeze period"),
    ]),
    at("/v3/teams/{team_id}/projects/{project_id}/bundle-freezes/{freeze_id}").has(&[
        delete(Scope::NoneDocumented, "Delete a freeze period"),
        put(Scope::NoneDocumented, "Update a freeze period"),
    ]),
    at("/v3/teams/{team_id}/projects/{project_id}/bundles").has(&[get(Scope::NoneDocumented, "List OTA bundles")]),
    at("/v3/teams/{team_id}/projects/{project_id}/bundles/{bundle_id}").has(&[
        delete(Scope::NoneDocumented, "Delete an OTA bundle"),
        get(Scope::NoneDocumented, "Get an OTA bundle"),
        patch(Scope::NoneDocumented, "Update an OTA bundle"),
    ]),
    at("/v3/teams/{team_id}/projects/{project_id}/frameworks/{framework}/publish")
        .has(&[post(Scope::NoneDocumented, "Publish a bundle to production")]),
    at("/v3/teams/{team_id}/projects/{project_id}/frameworks/{framework}/stage")
        .has(&[post(Scope::NoneDocumented, "Publish a bundle to staging")]),
    at("/v3/teams/{team_id}/projects/{project_id}/stats").has(&[get(Scope::NoneDocumented, "OTA usage statistics")]),
    at("/v3/teams/{team_id}/projects/{project_id}/tokens").has(&[
        get(Scope::NoneDocumented, "List OTA SDK tokens"),
        post(Scope::NoneDocumented, "Create an OTA SDK token"),
    ]),
    at("/v3/teams/{team_id}/projects/{project_id}/tokens/{token_id}")
        .has(&[delete(Scope::NoneDocumented, "Delete an OTA SDK token")]),
];

const fn at(path: &'static str) -> Resource {
    Resource { path, operations: &[] }
}

impl Resource {
    const fn has(self, operations: &'static [Operation]) -> Self {
        Self { path: self.path, operations }
    }
}

const fn operation(method: &'static str, scope: Scope, summary: &'static str) -> Operation {
    Operation { method, scope, right: None, paging: Paging::Whole, query: None, only_reads: false, summary }
}

const fn get(scope: Scope, summary: &'static str) -> Operation {
    operation("GET", scope, summary)
}

const fn post(scope: Scope, summary: &'static str) -> Operation {
    operation("POST", scope, summary)
}

const fn put(scope: Scope, summary: &'static str) -> Operation {
    operation("PUT", scope, summary)
}

const fn patch(scope: Scope, summary: &'static str) -> Operation {
    operation("PATCH", scope, summary)
}

const fn delete(scope: Scope, summary: &'static str) -> Operation {
    operation("DELETE", scope, summary)
}

impl Operation {
    const fn paging(self, paging: Paging) -> Self {
        Self { paging, ..self }
    }

    const fn by_offset(self, largest: Option<u32>) -> Self {
        self.paging(Paging::Offset(largest))
    }

    const fn by_offset_or_cursor(self, largest: u32) -> Self {
        self.paging(Paging::OffsetOrCursor(largest))
    }

    const fn by_cursor(self, largest: u32) -> Self {
        self.paging(Paging::Cursor(largest))
    }

    const fn paged_somehow(self) -> Self {
        self.paging(Paging::Unknown)
    }

    /// The names of its query parameters, but for those that ask for a page.
    const fn takes(self, query: &'static [&'static str]) -> Self {
        Self { query: Some(query), ..self }
    }

    const fn needs(self, right: Right) -> Self {
        Self { right: Some(right), ..self }
    }

    const fn that_only_reads(self) -> Self {
        Self { only_reads: true, ..self }
    }
}
