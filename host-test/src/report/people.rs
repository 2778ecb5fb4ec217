//! Who contributes, and how the work is spread.

use anyhow::Result;
use maud::{Markup, html};

use super::chart::{Bar, Chart};
use super::facts::{Contributor, Facts, Group};
use super::palette::Paint;
use super::{parts, questions, words};

const LEGEND: [(Paint, &str); 2] = [
    (Paint::People, "share of the people"),
    (Paint::Update, "share of the work"),
];

/// The groups of `spread.sql`: what each member made at least, and the group's name.
const GROUPS: [(u32, &str); 5] = [
    (1, "1"),
    (2, "2–5"),
    (6, "6–20"),
    (21, "21–100"),
    (101, "over 100"),
];

pub(super) fn section(facts: &Facts) -> Result<Markup> {
    let timeline = facts.history.as_ref().unwrap_or(&facts.weeks);
    let title = format!("People who wrote, by {}", timeline.unit.name());
    let people = timeline.block(&title, &[(Paint::People, "people")], |period| {
        vec![period.contributors]
    })?;
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
            .flat_map(|(place, (at_least, _))| {
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
        (parts::block(title, &LEGEND, &html! {
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
        up: (0, part.saturating_mul(100).div_ceil(whole.max(1))),
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

fn most_active(contributors: &[Contributor]) -> Markup {
    let longest = contributors.iter().map(|person| person.this_year).max();
    let longest = longest.unwrap_or_default();
    let legend = [(Paint::New, "new documents"), (Paint::Update, "updates")];
    html! {
        h3 { "The most active of the past year" }
        @if longest == 0 {
            (parts::nothing("Nobody wrote in this time; those of all time:"))
        } @else {
            (parts::key(&legend))
        }
        @if !contributors.is_empty() {
            (parts::ranking("contributor", &["past year", "all time"], contributors.iter().map(|person| {
                let numbers = [person.this_year, person.all_time].map(words::count);
                (row(person, longest), numbers.to_vec())
            })))
        }
    }
}

fn row(person: &Contributor, longest: u64) -> Markup {
    let work = [
        (Paint::New, person.new_documents),
        (Paint::Update, person.updates),
    ];
    html! {
        @match person.name.as_deref().filter(|name| !name.trim().is_empty()) {
            Some(name) => { bdi { (name) } },
            None => { i { "no name" } " " small { (person.id) } },
        }
        p.more {
            (words::things(person.documents, "document")) " in all, last on " (words::day(person.latest))
        }
        (parts::bar(&work, longest))
    }
}
