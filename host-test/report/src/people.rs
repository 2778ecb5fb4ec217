//! Who contributes, and how the work is distributed.

use anyhow::Result;
use maud::{Markup, html};

use super::chart::{Bar, Chart};
use super::model::{Contributor, Contributors, Group, Report, total};
use super::palette::ColorToken;
use super::timeline::CONTRIBUTORS;
use super::{components, format, queries};

const LEGEND: [(ColorToken, &str); 2] = [
    (ColorToken::People, "share of the people"),
    (ColorToken::Update, "share of the work"),
];

const WORK: [(ColorToken, &str); 2] = [
    (ColorToken::New, "new documents"),
    (ColorToken::Update, "updates"),
];

/// The groups of `distribution.sql`: what each member made at least, and the group's name.
const GROUPS: [(u32, &str); 5] = [
    (1, "1"),
    (2, "2–5"),
    (6, "6–20"),
    (21, "21–100"),
    (101, "101+"),
];

pub(super) fn section(report: &Report) -> Result<Markup> {
    let timeline = report.history.as_ref().unwrap_or(&report.weeks);
    let title = format!("Contributors, by {}", timeline.unit.name());
    let people = timeline.block(&title, &[CONTRIBUTORS])?;
    let body = html! {
        (people)
        (distribution("How the work of the past year is spread", &report.distribution_of_year)?)
        (distribution("How the work of all time is spread", &report.distribution_of_all_time)?)
        (most_active(&report.contributors))
    };
    let queries = [queries::DISTRIBUTION, queries::CONTRIBUTORS];
    Ok(components::section(
        "people",
        "Contributors",
        &body,
        report.days,
        &queries,
    ))
}

fn distribution(title: &str, groups: &[Group]) -> Result<Markup> {
    let people = total(groups.iter().map(|group| group.people));
    let versions = total(groups.iter().map(|group| group.versions));
    if people == 0 {
        return Ok(html! { h3 { (title) } (components::empty("Nobody wrote in this time.")) });
    }
    let half = total(groups.iter().map(|group| group.makers_of_half));
    let chart = Chart {
        description: format!("{title}, as bars; the numbers are in the table below"),
        bars: (0_u32..)
            .zip(GROUPS)
            .filter_map(|(place, (at_least, _))| {
                let group = groups.iter().find(|group| group.at_least == at_least);
                group.map(|group| pair(place, group, people, versions))
            })
            .flatten()
            .collect(),
        places: 5,
        labels: &|_| group_labels(),
        suffix: "%",
    };
    let table = group_table(groups);
    Ok(html! {
        (components::block(title, &html! {
            (components::legend(&LEGEND))
            p {
                b { (format::people(people.into())) } " made "
                (format::plural(versions.into(), "version")) "; half of them were made by "
                b { (format::people(half.into())) } "."
            }
            (chart.figure()?)
            p.axis { "versions that each of them made" }
        }, &table))
    })
}

/// A group's share of the people beside its share of the work.
fn pair(place: u32, group: &Group, people: u32, versions: u32) -> [Bar; 2] {
    let left = 100 * place;
    let bar = |along, part: u32, whole: u32, color| Bar {
        along,
        height: part.saturating_mul(100).div_ceil(whole.max(1)),
        color,
    };
    [
        bar(
            (left + 18, left + 48),
            group.people,
            people,
            ColorToken::People,
        ),
        bar(
            (left + 52, left + 82),
            group.versions,
            versions,
            ColorToken::Update,
        ),
    ]
}

fn group_labels() -> Vec<(u32, String)> {
    (0_u32..)
        .zip(GROUPS)
        .map(|(place, (_, name))| (place, name.to_owned()))
        .collect()
}

fn group_table(groups: &[Group]) -> Markup {
    let rows = groups.iter().map(|group| {
        let name = GROUPS
            .iter()
            .find(|(at_least, _)| *at_least == group.at_least);
        let numbers = [group.people, group.versions].map(|number| format::count(number.into()));
        let name = name.map_or("", |(_, name)| *name);
        (html! { (name) }, numbers.to_vec())
    });
    components::table(&["versions made by each", "people", "versions"], rows)
}

/// Those who wrote in the past year, and then those who did not.
fn most_active(contributors: &Contributors) -> Markup {
    let people = &contributors.people;
    let (now, before): (Vec<_>, Vec<_>) =
        people.rows.iter().partition(|person| person.this_year > 0);
    let of_earlier = people.total.saturating_sub(contributors.this_year);
    html! {
        h3 { "The most active of the past year" }
        @if now.is_empty() {
            (components::empty("Nobody wrote in this time."))
        } @else {
            (components::legend(&WORK))
            (components::cut(now.len(), contributors.this_year, "contributor"))
            (components::ranking(&["contributor", "past year", "all time"], of_this_year(&now)))
        }
        @if !before.is_empty() {
            h3 { "The most active of earlier years" }
            (components::cut(before.len(), of_earlier, "contributor"))
            (components::ranking(&["contributor", "all time"], of_earlier_years(&before)))
        }
    }
}

fn of_this_year(people: &[&Contributor]) -> Vec<(Markup, Vec<String>)> {
    let longest = people.iter().map(|person| person.this_year).max();
    let row = |person: &&Contributor| {
        let work = [
            (ColorToken::New, person.new_documents),
            (ColorToken::Update, person.updates),
        ];
        let numbers = [person.this_year, person.all_time].map(format::count);
        (row(person, &work, longest.unwrap_or(1)), numbers.to_vec())
    };
    people.iter().map(row).collect()
}

fn of_earlier_years(people: &[&Contributor]) -> Vec<(Markup, Vec<String>)> {
    let longest = people.iter().map(|person| person.all_time).max();
    let row = |person: &&Contributor| {
        let work = [(ColorToken::Stale, person.all_time)];
        let numbers = vec![format::count(person.all_time)];
        (row(person, &work, longest.unwrap_or(1)), numbers)
    };
    people.iter().map(row).collect()
}

fn row(person: &Contributor, work: &[(ColorToken, u64)], longest: u64) -> Markup {
    html! {
        @match format::visible(person.name.as_deref()) {
            Some(name) => { bdi title=(name) { (name) } },
            None => { i { "no name" } " " small { (person.id) } },
        }
        p.more {
            (format::plural(person.documents, "document")) " in all, last on " (format::day(person.latest))
        }
        (components::bar(work, longest))
    }
}
