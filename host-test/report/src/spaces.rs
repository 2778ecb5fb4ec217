//! The same, space by space.

use maud::{Markup, html};

use super::model::{Listing, Report, Space, SpaceState};
use super::palette::ColorToken;
use super::{components, format, queries};

const LEGEND: [(ColorToken, &str); 2] = [
    (ColorToken::Update, "updated in the past year"),
    (ColorToken::Stale, "not touched for a year"),
];

/// More of them are in the table only.
const SPACES_WITH_BARS: usize = 15;

pub(super) fn section(report: &Report) -> Markup {
    let spaces = &report.spaces;
    let longest = spaces.rows.iter().map(|space| space.documents).max();
    let longest = longest.unwrap_or_default();
    let bars = spaces.rows.iter().take(SPACES_WITH_BARS).map(|space| {
        let documents = format::count(space.documents);
        (row(space, longest), vec![documents])
    });
    let body = html! {
        @if spaces.rows.is_empty() {
            (components::empty("No space has a document."))
        } @else {
            (components::legend(&LEGEND))
            (components::cut(spaces.rows.len(), spaces.total, "space"))
            (components::ranking(&["space", "documents"], bars.collect()))
            details {
                summary { "The numbers" @if spaces.rows.len() > SPACES_WITH_BARS { ", of more spaces" } }
                (table(&spaces.rows))
            }
        }
        @if !report.states.rows.is_empty() { (states(&report.states)) }
    };
    let queries = [queries::SPACES, queries::STATES];
    components::section("spaces", "By space", &body, report.days, &queries)
}

fn row(space: &Space, longest: u64) -> Markup {
    let fresh = space.documents.saturating_sub(space.untouched);
    let documents = [
        (ColorToken::Update, fresh),
        (ColorToken::Stale, space.untouched),
    ];
    let year = space.year;
    html! {
        (format::link(space.name.as_deref(), space.url.as_deref()))
        p.more {
            @if year.new_documents.saturating_add(year.updates) == 0 {
                "nothing new in the past year"
            } @else {
                "past year: " (format::count(year.new_documents.into())) " new, "
                (format::plural(year.updates.into(), "update")) " by "
                (format::people(year.contributors.into()))
            }
            @if let Some(views) = space.views { " · " (format::plural(views, "view")) }
        }
        (components::bar(&documents, longest))
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
        let views = space.views.map_or_else(|| "–".to_owned(), format::count);
        let numbers = numbers.map(format::count).into_iter().chain([views]);
        let name = format::link(space.name.as_deref(), space.url.as_deref());
        (name, numbers.collect())
    });
    components::table(&columns, rows)
}

fn states(states: &Listing<SpaceState>) -> Markup {
    let spaces = states
        .rows
        .chunk_by(|one, next| one.space_id == next.space_id);
    let rows = spaces.filter_map(|states| {
        let space = states.first()?;
        let named_ones = states.iter().map(|state| state.documents);
        let others = named_ones.fold(space.documents_of_space, u64::saturating_sub);
        let name = html! {
            (format::link(space.space.as_deref(), space.url.as_deref()))
            p.whole {
                @for (place, state) in states.iter().enumerate() { @if place > 0 { " · " } (named(state)) }
                @if others > 0 { " · " (format::count(others)) " " i { "others" } }
            }
        };
        let [with_state, documents] = [space.with_state, space.documents_of_space].map(format::count);
        Some((name, vec![format!("{with_state} of {documents}")]))
    });
    let rows: Vec<_> = rows.collect();
    html! {
        h3 { "Content states" }
        (components::cut(rows.len(), states.total, "space"))
        (components::ranking(&["space", "with a state"], rows))
    }
}

fn named(state: &SpaceState) -> Markup {
    html! {
        (format::count(state.documents)) " "
        @match format::visible(state.state.as_deref()) {
            Some(state) => { bdi { (state) } },
            None => { i { "without" } },
        }
    }
}
