//! Accounts: people against apps, and who can be matched by e-mail.

use maud::{Markup, html};

use super::model::{AccountType, Emails, Report};
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
    components::section("accounts", "Accounts", &body, &queries)
}

fn account_types(types: &[AccountType]) -> Markup {
    if types.is_empty() {
        return components::empty("Nobody wrote in the past year.");
    }
    let rows = types.iter().map(|account_type| {
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
        (components::table(&["account type", "accounts", "new documents", "updates"], rows))
    }
}

fn emails(groups: &[Emails]) -> Markup {
    if groups.is_empty() {
        return components::empty("No accounts are known.");
    }
    let sum = |number: fn(&Emails) -> u64| groups.iter().map(number).fold(0, u64::saturating_add);
    let (accounts, without) = (
        sum(|group| group.accounts),
        sum(|group| group.without_email),
    );
    let rows = groups.iter().map(|group| {
        let name = html! { (readable_type(&group.account_type)) ", " (group.account_status) };
        let numbers = [group.accounts, group.without_email];
        (name, numbers.map(format::count).to_vec())
    });
    html! {
        p {
            "In the data: " b { (format::count(without)) } " of "
            (format::plural(accounts, "account")) ". Confluence hides addresses by each person's privacy settings. "
            "Accounts without one cannot be matched to people in other systems; the SQL below shows how to match the "
            "others."
        }
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
