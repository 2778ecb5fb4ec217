//! The same, space by space.

use maud::{Markup, html};

use super::facts::{Facts, Space};
use super::palette::Paint;
use super::{parts, questions, words};

const LEGEND: [(Paint, &str); 2] = [
    (Paint::Update, "updated in the past year"),
    (Paint::Stale, "not touched for a year"),
];

/// More of them are in the table only.
const SPACES_WITH_BARS: usize = 15;

pub(super) fn section(facts: &Facts) -> Markup {
    let spaces = &facts.spaces;
    let longest = spaces.iter().map(|space| space.documents).max();
    let longest = longest.unwrap_or_default();
    let bars = spaces.iter().take(SPACES_WITH_BARS).map(|space| {
        let documents = words::count(space.documents);
        (row(space, longest), vec![documents])
    });
    let body = html! {
        @if spaces.is_empty() {
            (parts::nothing("No space has a document."))
        } @else {
            (parts::key(&LEGEND))
            (parts::ranking(&["space", "documents"], bars.collect()))
            details {
                summary { "The numbers" @if spaces.len() > SPACES_WITH_BARS { ", of more spaces" } }
                (table(spaces))
            }
        }
    };
    parts::section("spaces", "By space", &body, &[questions::SPACES])
}

fn row(space: &Space, longest: u64) -> Markup {
    let fresh = space.documents.saturating_sub(space.untouched);
    let documents = [(Paint::Update, fresh), (Paint::Stale, space.untouched)];
    let year = space.year;
    html! {
        (words::named(space.name.as_deref(), space.address.as_deref()))
        p.more {
            @if year.new_documents + year.updates == 0 {
                "nothing new in the past year"
            } @else {
                "past year: " (words::count(year.new_documents.into())) " new, "
                (words::things(year.updates.into(), "update")) " by "
                (words::people(year.contributors.into()))
            }
            @if let Some(views) = space.views { " · " (words::things(views, "view")) }
        }
        (parts::bar(&documents, longest))
    }
}

fn table(spaces: &[Space]) -> Markup {
    let columns = [
        "space",
        "documents",
        "not touched for a year",
        "new in the past year",
        "updates in the past year",
        "contributors in the past year",
        "views",
    ];
    let rows = spaces.iter().map(|space| {
        let year = space.year;
        let numbers = [
            space.documents,
            space.untouched,
            year.new_documents.into(),
            year.updates.into(),
            year.contributors.into(),
        ];
        let views = space.views.map_or_else(|| "–".to_owned(), words::count);
        let numbers = numbers.map(words::count).into_iter().chain([views]);
        let name = words::named(space.name.as_deref(), space.address.as_deref());
        (name, numbers.collect())
    });
    parts::table(&columns, rows)
}
