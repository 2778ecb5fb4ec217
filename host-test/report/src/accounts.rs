//! Accounts: people against apps, and who can be matched by e-mail.

use maud::{Markup, html};

use super::model::{AccountType, AllEmails, Listing, Report};
use super::{components, format, queries};

pub(super) fn section(report: &Report) -> Markup {
    let body = html! {
        h3 { "People and apps" }
        (account_types(&report.account_types))
        h3 { "Accounts without an e-mail address" }
        (emails(&report.emails))
    };
    let queries = [
        queries::ACCOUNT_TYPES,
        queries::EMAILS,
        queries::JOIN_BY_EMAIL,
    ];
    components::section("accounts", "Accounts", &body, report.days, &queries)
}

fn account_types(types: &Listing<AccountType>) -> Markup {
    if types.rows.is_empty() {
        return components::empty("Nobody wrote in the past year.");
    }
    let rows = types.rows.iter().map(|account_type| {
        let numbers = [
            account_type.accounts,
            account_type.new_documents,
            account_type.updates,
        ];
        let name = html! { (readable_type(&account_type.name)) };
        (name, numbers.map(format::count).to_vec())
    });
    html! {
        p { "Who worked on documents in the past year. Service accounts and automations are apps." }
        (components::cut(types.rows.len(), types.total, "account type"))
        (components::table(&["account type", "accounts", "new documents", "updates"], rows))
    }
}

fn emails(emails: &AllEmails) -> Markup {
    let groups = &emails.groups;
    if groups.rows.is_empty() {
        return components::empty("No accounts are known.");
    }
    let rows = groups.rows.iter().map(|group| {
        let name = html! { (readable_type(&group.account_type)) ", " (group.account_status) };
        let numbers = [group.accounts, group.without_email];
        (name, numbers.map(format::count).to_vec())
    });
    html! {
        p {
            "In the data: " b { (format::count(emails.without_email)) } " of "
            (format::plural(emails.accounts, "account")) ". Confluence hides addresses by each person's privacy settings. "
            "Accounts without one cannot be matched to people in other systems; the SQL below shows how to match the "
            "others."
        }
        (components::cut(groups.rows.len(), groups.total, "group"))
        (components::table(&["account type, status", "accounts", "without e-mail"], rows))
    }
}

fn readable_type(account_type: &str) -> &str {
    match account_type {
        "atlassian" => "people",
        "app" => "apps",
        "customer" => "customers",
        other => other,
    }
}
