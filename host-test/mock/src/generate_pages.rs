//! The pages of a made-up site, with their versions, labels, views and states.

use fastrand::Rng;
use jiff::Timestamp;

use super::corpus::{ContentState, Label, Page, PageLinks, Space, StateResponse, User};
use super::generate_versions::{TimestampAllocator, version_count, versions, written};

/// The first page's id: the ids of a site cross 2^32 after some 30 pages.
const FIRST_PAGE: u64 = 4_294_000_000;
/// How long the first version of some pages came after their draft, in milliseconds (measured: 4.654 s).
const DRAFT_TIME: i64 = 4_654;
/// How many words there are for labels.
const WORDS: usize = 400;

/// Makes pages whose ids and times of creation both increase.
pub(super) fn pages(rng: &mut Rng, count: usize, spaces: &[Space], users: &[User]) -> Vec<Page> {
    let lengths: Vec<usize> = (0..count)
        .map(|index| version_count(rng, index, count))
        .collect();
    let mut clock = TimestampAllocator::new(lengths.iter().sum());
    let labels = words();
    let slots = clock.slots() * 9 / 10;
    let born = (0_i64..).map(|index| index * slots / i64::try_from(count.max(1)).unwrap_or(1));
    let born: Vec<(i64, String)> = born
        .take(count)
        .map(|slot| (slot, clock.at(slot)))
        .collect();
    let mut pages: Vec<Page> = Vec::with_capacity(count);
    for ((index, length), (slot, created_at)) in lengths.into_iter().enumerate().zip(born) {
        let mut page = bare(rng, index, created_at, &pages, spaces, users);
        page.versions = versions(rng, &mut clock, users, slot, &page, length);
        page.created_at = drafted_at(index, page.created_at);
        decorate(rng, &mut page, index, count, &labels);
        pages.push(page);
    }
    pages
}

/// When a page was made: for some a moment before their first version, at times without milliseconds.
fn drafted_at(index: usize, first_version: String) -> String {
    match (index % 6, first_version.parse::<Timestamp>()) {
        (1, Ok(published)) => {
            let drafted = Timestamp::from_millisecond(published.as_millisecond() - DRAFT_TIME);
            drafted.map_or(first_version, |time| {
                written(time, !index.is_multiple_of(4))
            })
        }
        _ => first_version,
    }
}

/// A page without its details.
fn bare(
    rng: &mut Rng,
    index: usize,
    created_at: String,
    before: &[Page],
    spaces: &[Space],
    users: &[User],
) -> Page {
    let id = (FIRST_PAGE + index as u64 * 32_768 + rng.u64(..32_768)).to_string();
    let space = rng
        .choice(spaces)
        .map(|space| (space.id.clone(), space.key.clone()))
        .unwrap_or_default();
    let (parent_id, parent_type) = parent(rng, index, before, &space.0);
    let slug: String = title(index)
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char
            } else {
                '+'
            }
        })
        .collect();
    let path = format!("/spaces/{}/pages", space.1);
    let author = rng.choice(users).map(|user| user.account_id.clone());
    Page {
        status: status(index).to_owned(),
        title: title(index),
        space_id: space.0,
        position: parent_id.is_some().then(|| rng.i32(..10_000)),
        parent_id,
        parent_type,
        owner_id: if index % 13 == 5 {
            None
        } else {
            author.clone()
        },
        last_owner_id: (index % 17 == 4).then(|| author.clone()).flatten(),
        author_id: author,
        subtype: [None, Some("live"), Some("page")]
            .get(index % 23)
            .copied()
            .flatten()
            .map(str::to_owned),
        created_at,
        links: (index % 29 != 11).then(|| PageLinks {
            webui: format!("{path}/{id}/{slug}"),
            editui: format!("/pages/resumedraft.action?draftId={id}"),
            tinyui: format!("/x/{index:x}"),
        }),
        omitted: omitted(index),
        id,
        ..Page::default()
    }
}

fn status(index: usize) -> &'static str {
    match index % 20 {
        9 => "archived",
        14 => "trashed",
        _ => "current",
    }
}

fn omitted(index: usize) -> Vec<String> {
    let names: &[&str] = match index % 29 {
        3 => &["ownerId", "lastOwnerId", "subtype"],
        8 => &["parentId", "parentType", "position"],
        11 => &["_links"],
        _ => &[],
    };
    names.iter().map(|&name| name.to_owned()).collect()
}

/// An earlier page of the space, a folder, something that is gone, or nothing.
fn parent(
    rng: &mut Rng,
    index: usize,
    before: &[Page],
    space: &str,
) -> (Option<String>, Option<String>) {
    let (id, kind) = match index % 10 {
        0 => return (None, None),
        4 => ((FIRST_PAGE - 1 - index as u64).to_string(), "folder"),
        7 => ((FIRST_PAGE - 1 - index as u64).to_string(), "page"),
        _ => match (0..20)
            .filter_map(|_| rng.choice(before))
            .find(|page| page.space_id == space)
        {
            Some(page) => (page.id.clone(), "page"),
            None => return (None, None),
        },
    };
    (Some(id), Some(kind.to_owned()))
}

fn title(index: usize) -> String {
    match index % 8 {
        0 => format!("Release notes {index}"),
        1 => format!("Grüße aus Köln {index}"),
        2 => format!("The \"quoted\" page {index}"),
        3 => format!("日本語の手引き {index}"),
        4 => format!("Line one\nline two {index}"),
        5 => format!("Back\\slash, tab\t& <tags> {index}"),
        6 => format!("Launch 🚀 {index}"),
        _ => format!("How we work {index}"),
    }
}

/// Adds labels, views and state.
fn decorate(rng: &mut Rng, page: &mut Page, index: usize, count: usize, words: &[Label]) {
    page.views = Some(0);
    if index == count / 3 {
        page.labels = words.iter().take(300).cloned().collect();
    } else if index % 10 != 3 {
        let wanted = if index % 97 == 5 {
            rng.usize(26..60)
        } else {
            rng.usize(..5)
        };
        let first = rng.usize(..WORDS);
        page.labels = words
            .iter()
            .cycle()
            .skip(first)
            .step_by(3)
            .take(wanted)
            .cloned()
            .collect();
    }
    if index % 10 != 3 {
        page.views = (index % 37 != 6).then(|| rng.u64(..5_000));
        page.state = state(rng, page.modified_at());
    }
}

fn state(rng: &mut Rng, at: &str) -> Option<StateResponse> {
    const STATES: [(i64, &str, &str); 5] = [
        (0, "Rough draft", "#ffc400"),
        (1, "In progress", "#2684ff"),
        (2, "Ready for review", "#57d9a3"),
        (3, "Verified", "#57d9a3"),
        (4_294_967_297, "Geprüft ✓", "#8777d9"),
    ];
    let set = match rng.u8(..10) {
        0..4 => rng.choice(STATES),
        4 => None,
        _ => return None,
    };
    let content_state = set.map(|(id, name, color)| ContentState {
        id,
        name: name.to_owned(),
        color: color.to_owned(),
    });
    Some(StateResponse {
        content_state,
        last_updated: Some(match at.parse::<Timestamp>() {
            Ok(time) if rng.u8(..4) == 0 => written(time, false),
            _ => at.to_owned(),
        }),
    })
}

/// The labels that pages may have.
fn words() -> Vec<Label> {
    let label = |index: usize| Label {
        id: (800_000_000 + index * 7_919).to_string(),
        name: if index % 11 == 2 {
            format!("größe-{index}")
        } else {
            format!("label-{index}")
        },
        prefix: match index % 40 {
            1 => "my",
            2 => "team",
            _ => "global",
        }
        .to_owned(),
    };
    (0..WORDS).map(label).collect()
}
