//! Who contributes, and how the work is spread.

use anyhow::Result;
use maud::{Markup, html};

use super::chart::{Bar, Chart};
use super::facts::{Contributor, Facts, Group};
use super::palette::Paint;
use super::timeline::CONTRIBUTORS;
use super::{parts, questions, words};

const LEGEND: [(Paint, &str); 2] = [
    (Paint::People, "share of the people"),
    (Paint::Update, "share of the work"),
];

const WORK: [(Paint, &str); 2] = [(Paint::New, "new documents"), (Paint::Update, "updates")];

/// The groups of `spread.sql`: what each member made at least, and the group's name.
const GROUPS: [(u32, &str); 5] = [
    (1, "1"),
    (2, "2–5"),
    (6, "6–20"),
    (21, "21–100"),
    (101, "101+"),
];

pub(super) fn section(facts: &Facts) -> Result<Markup> {
    let timeline = facts.history.as_ref().unwrap_or(&facts.weeks);
    let title = format!("Contributors, by {}", timeline.unit.name());
    let people = timeline.block(&title, &[CONTRIBUTORS])?;
    let body = html! {
        (people)
        (spread("How the work of the past year is spread", &facts.spread_of_year)?)
        (spread("How the work of all time is spread", &facts.spread_of_all_time)?)
        (most_active(&facts.contributors))
    };
    let queries = [questions::SPREAD, questions::CONTRIBUTORS];
    Ok(parts::section("people", "Contributors", &body, &queries))
}

fn spread(title: &str, groups: &[Group]) -> Result<Markup> {
    let people = groups.iter().map(|group| group.people).sum::<u32>();
    let versions = groups.iter().map(|group| group.versions).sum::<u32>();
    if people == 0 {
        return Ok(html! { h3 { (title) } (parts::nothing("Nobody wrote in this time.")) });
    }
    let half = groups.iter().map(|group| group.makers_of_half).sum::<u32>();
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
        (parts::block(title, &html! {
            (parts::key(&LEGEND))
            p {
                b { (words::people(people.into())) } " made "
                (words::things(versions.into(), "version")) "; half of them were made by "
                b { (words::people(half.into())) } "."
            }
            (chart.figure()?)
            p.axis { "versions that each of them made" }
        }, &table))
    })
}

/// A group's share of the people beside its share of the work.
fn pair(place: u32, group: &Group, people: u32, versions: u32) -> [Bar; 2] {
    let left = 100 * place;
    let bar = |along, part: u32, whole: u32, paint| Bar {
        along,
        height: part.saturating_mul(100).div_ceil(whole.max(1)),
        paint,
    };
    [
        bar((left + 18, left + 48), group.people, people, Paint::People),
        bar(
            (left + 52, left + 82),
            group.versions,
            versions,
            Paint::Update,
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
        let numbers = [group.people, group.versions].map(|number| words::count(number.into()));
        let name = name.map_or("", |(_, name)| *name);
        (html! { (name) }, numbers.to_vec())
    });
    parts::table(&["versions made by each", "people", "versions"], rows)
}

/// Those who wrote in the past year, and then those who did not.
fn most_active(contributors: &[Contributor]) -> Markup {
    let (now, before): (Vec<_>, Vec<_>) =
        contributors.iter().partition(|person| person.this_year > 0);
    html! {
        h3 { "The most active of the past year" }
        @if now.is_empty() {
            (parts::nothing("Nobody wrote in this time."))
        } @else {
            (parts::key(&WORK))
            (parts::ranking(&["contributor", "past year", "all time"], of_this_year(&now)))
        }
        @if !before.is_empty() {
            h3 { "The most active of earlier years" }
            (parts::ranking(&["contributor", "all time"], of_earlier_years(&before)))
        }
    }
}

fn of_this_year(people: &[&Contributor]) -> Vec<(Markup, Vec<String>)> {
    let longest = people.iter().map(|person| person.this_year).max();
    let row = |person: &&Contributor| {
        let work = [
            (Paint::New, person.new_documents),
            (Paint::Update, person.updates),
        ];
        let numbers = [person.this_year, person.all_time].map(words::count);
        (row(person, &work, longest.unwrap_or(1)), numbers.to_vec())
    };
    people.iter().map(row).collect()
}

fn of_earlier_years(people: &[&Contributor]) -> Vec<(Markup, Vec<String>)> {
    let longest = people.iter().map(|person| person.all_time).max();
    let row = |person: &&Contributor| {
        let work = [(Paint::Stale, person.all_time)];
        let numbers = vec![words::count(person.all_time)];
        (row(person, &work, longest.unwrap_or(1)), numbers)
    };
    people.iter().map(row).collect()
}

fn row(person: &Contributor, work: &[(Paint, u64)], longest: u64) -> Markup {
    html! {
        @match words::known(person.name.as_deref()) {
            Some(name) => { bdi title=(name) { (name) } },
            None => { i { "no name" } " " small { (person.id) } },
        }
        p.more {
            (words::things(person.documents, "document")) " in all, last on " (words::day(person.latest))
        }
        (parts::bar(work, longest))
    }
}
