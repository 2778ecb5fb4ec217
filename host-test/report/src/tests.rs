#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! The SQL on a small site whose answers are known, and the page with all that people may write into a wiki.

use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, date};
use rusqlite::{Connection, params};

use super::calendar::Unit;
use super::database::Database;
use super::model::{Departed, Group, Period, Report};
use super::{html, page, palette, queries};

/// A Sunday, so that the last week is whole.
const AS_OF: Date = date(2026, 7, 12);

/// The columns that the SQL reads, as a warehouse has them.
const SCHEMA: &str = "
    CREATE TABLE confluence_spaces (source_id TEXT, name TEXT, source_url TEXT);
    CREATE TABLE confluence_users (source_id TEXT, name TEXT, email TEXT, account_type TEXT, account_status TEXT);
    CREATE TABLE confluence_pages (source_id TEXT, title TEXT, status TEXT, space_id TEXT, owner_id TEXT,
        source_url TEXT, created_at TEXT, updated_at TEXT, views_count INTEGER, content_state_name TEXT);
    CREATE TABLE confluence_page_labels (page_id TEXT, source_id TEXT, name TEXT);
    CREATE TABLE confluence_page_views (page_id TEXT, views_count INTEGER, read_at TEXT);
    CREATE TABLE confluence_page_versions (page_id TEXT, number INTEGER, author_id TEXT, created_at TEXT);";

fn empty() -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch(SCHEMA).unwrap();
    database
}

/// A page with its versions, each `(author, day)`; the first says when it was made, the last when it was updated.
fn add(
    database: &Connection,
    id: &str,
    title: &str,
    status: &str,
    views: Option<u32>,
    versions: &[(Option<&str>, &str)],
) {
    let at = |day: &str| format!("{day}T10:00:00.000Z");
    let (_, first) = versions[0];
    let (_, last) = versions[versions.len() - 1];
    let page =
        "INSERT INTO confluence_pages VALUES (?1, ?2, ?3, 's1', 'ann', ?4, ?5, ?6, ?7, NULL)";
    let url = format!("https://example.atlassian.net/wiki/pages/{id}");
    let values = params![id, title, status, url, at(first), at(last), views];
    database.execute(page, values).unwrap();
    for (number, (author, day)) in (1..).zip(versions) {
        let version = "INSERT INTO confluence_page_versions VALUES (?1, ?2, ?3, ?4)";
        let number: u32 = number;
        database
            .execute(version, params![id, number, author, at(day)])
            .unwrap();
    }
}

/// Ann and Bob write; Cem has no name, and somebody no account. One page is in the trash, one is not counted.
fn small() -> Connection {
    let database = empty();
    let people = "INSERT INTO confluence_users VALUES
        ('ann', 'Ann', 'Ann@Example.com', 'atlassian', 'active'), ('bob', 'Bob', '', 'atlassian', 'closed'),
        ('cem', NULL, NULL, 'app', 'active');
        INSERT INTO confluence_spaces VALUES ('s1', 'Space', 'https://example.atlassian.net/wiki/spaces/S');";
    database.execute_batch(people).unwrap();
    let (ann, bob, cem) = (Some("ann"), Some("bob"), Some("cem"));
    let old = [(ann, "2024-01-10"), (bob, "2024-02-10")];
    add(&database, "1", "Old, read", "current", Some(50), &old);
    add(&database, "2", "Old, unread", "archived", Some(0), &old);
    let edge = [
        (ann, "2025-07-12"),
        (ann, "2025-07-13"),
        (cem, "2026-07-06"),
    ];
    add(&database, "3", "Edge", "current", Some(70), &edge);
    add(
        &database,
        "4",
        "New",
        "current",
        None,
        &[(ann, "2026-07-12"), (None, "2026-07-12")],
    );
    add(
        &database,
        "5",
        "Tomorrow",
        "current",
        Some(900),
        &[(ann, "2026-07-13")],
    );
    add(&database, "6", "Thrown away", "trashed", Some(900), &old);
    database
}

#[test]
fn a_first_read_that_is_under_way_is_said() {
    const WORDS: &str = "not read to its end yet";
    let table =
        "CREATE TABLE _streams (name TEXT, connector TEXT, snapshot INTEGER, in_snapshot INTEGER)";
    for (streams, said) in [
        ("('pages', 'c', 1, 1), ('users', 'c', 1, 0)", true),
        ("('pages', 'c', 1, 0), ('page_versions', 'c', 1, 1)", true),
        ("('pages', 'c', 1, 0), ('users', 'c', 1, 1)", false),
        ("('pages', 'c', 2, 1)", false),
    ] {
        let database = small();
        let rows = format!("{table}; INSERT INTO _streams VALUES {streams}");
        database.execute_batch(&rows).unwrap();
        let page = super::page::page(&ask(database)).unwrap().into_string();
        assert_eq!(page.contains(WORDS), said, "{streams}");
    }
    let page = super::page::page(&ask(small())).unwrap().into_string();
    assert!(!page.contains(WORDS), "a database of another making");
}

fn ask(database: Connection) -> Report {
    let database = Database::new(database, Duration::from_mins(1)).unwrap();
    queries::run(&database, AS_OF).unwrap()
}

fn period(new_documents: u32, updates: u32, contributors: u32) -> Period {
    Period {
        new_documents,
        updates,
        contributors,
    }
}

#[test]
fn the_summary_leaves_out_the_trash_and_the_future() {
    let summary = ask(small()).summary;
    assert_eq!(
        (summary.documents, summary.counted, summary.views),
        (4, 3, 120)
    );
    assert_eq!((summary.untouched, summary.untouched_yet_read), (2, 1));
    assert_eq!(summary.oldest, Some(date(2024, 1, 10)));
    assert_eq!(summary.newest, Some(date(2026, 7, 12)));
}

#[test]
fn the_past_year_has_each_week_once_and_begins_on_its_day() {
    let report = ask(small());
    let weeks = &report.weeks.periods;
    assert_eq!(weeks.len(), 53);
    assert_eq!(
        weeks[0],
        (date(2025, 7, 7), period(0, 1, 1)),
        "the 13th, not the 12th"
    );
    assert_eq!(
        weeks[52],
        (date(2026, 7, 6), period(1, 2, 2)),
        "who has no account is nobody"
    );
    assert!(
        weeks[1..52]
            .iter()
            .all(|(_, week)| *week == Period::default())
    );
    assert_eq!(report.year(), period(1, 3, 2));
}

#[test]
fn the_history_begins_with_the_oldest_document() {
    let history = ask(small()).history.unwrap();
    assert_eq!(history.unit, Unit::Month);
    assert_eq!(history.periods.len(), 31);
    assert_eq!(history.periods[0], (date(2024, 1, 1), period(2, 0, 1)));
    assert_eq!(history.periods[1], (date(2024, 2, 1), period(0, 2, 1)));
    assert_eq!(history.periods[30], (date(2026, 7, 1), period(1, 2, 2)));
}

#[test]
fn contributors_come_by_this_year_and_then_by_all_time() {
    let report = ask(small());
    let people: Vec<_> = report
        .contributors
        .people
        .rows
        .iter()
        .map(|person| {
            (
                person.id.as_str(),
                person.name.as_deref(),
                person.this_year,
                person.all_time,
            )
        })
        .collect();
    let expected = [
        ("ann", Some("Ann"), 2, 5),
        ("cem", None, 1, 1),
        ("bob", Some("Bob"), 0, 2),
    ];
    assert_eq!(people, expected);
    assert_eq!(
        (
            report.contributors.people.rows[0].new_documents,
            report.contributors.people.rows[0].updates
        ),
        (1, 1)
    );
}

#[test]
fn the_distribution_says_who_made_half_of_it() {
    let group = |at_least, people, versions, makers_of_half| Group {
        at_least,
        people,
        versions,
        makers_of_half,
    };
    let report = ask(small());
    assert_eq!(
        report.distribution_of_year,
        [group(1, 1, 1, 0), group(2, 1, 2, 1)]
    );
    assert_eq!(
        report.distribution_of_all_time,
        [group(1, 1, 1, 0), group(2, 2, 7, 1)]
    );
}

#[test]
fn documents_come_by_their_views() {
    let report = ask(small());
    let titles = |documents: &[super::model::Document]| -> Vec<_> {
        documents
            .iter()
            .map(|document| (document.title.clone().unwrap(), document.views.unwrap()))
            .collect()
    };
    let old = ("Old, read".to_owned(), 50);
    assert_eq!(
        titles(&report.most_read.rows),
        [("Edge".to_owned(), 70), old.clone()]
    );
    assert_eq!(titles(&report.untouched.rows), [old]);
    let found = &report.untouched.rows[0];
    assert_eq!(
        (found.space.as_deref(), found.person.as_deref()),
        (Some("Space"), Some("Ann"))
    );
}

#[test]
fn a_space_counts_its_own_and_one_without_a_row_is_not_lost() {
    let database = small();
    database
        .execute(
            "UPDATE confluence_pages SET space_id = 's2' WHERE source_id = '4'",
            [],
        )
        .unwrap();
    let report = ask(database);
    let [first, second] = report.spaces.rows.as_slice() else {
        unreachable!("there are two spaces with documents");
    };
    assert_eq!(
        (first.name.as_deref(), first.documents, first.untouched),
        (Some("Space"), 3, 2)
    );
    assert_eq!((first.year, first.views), (period(0, 2, 2), Some(120)));
    assert_eq!(
        (second.name.as_deref(), second.documents, second.untouched),
        (None, 1, 0)
    );
    assert_eq!((second.year, second.views), (period(1, 1, 1), None));
}

#[test]
fn a_site_without_anything_has_a_page_that_says_so() {
    let page = page::page(&ask(empty())).unwrap().into_string();
    for words in [
        "there are no documents in the data",
        "No space has a document.",
        "Nobody wrote in this time.",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<svg"));
}

#[test]
fn unknown_views_are_not_none() {
    let database = small();
    database
        .execute("UPDATE confluence_pages SET views_count = NULL", [])
        .unwrap();
    let page = page::page(&ask(database)).unwrap().into_string();
    assert!(page.contains("No views are known"));
    assert!(page.contains("<dt>views of all time</dt><dd>–</dd>"));
    assert!(page.contains("<dt>not touched for a year, yet read</dt><dd>–</dd>"));
    assert!(!page.contains("Read all the same"));
}

#[test]
fn documents_without_their_versions_are_not_taken_for_idle() {
    let database = small();
    let page = |database: Connection| page::page(&ask(database)).unwrap().into_string();
    database
        .execute("DELETE FROM confluence_page_versions", [])
        .unwrap();
    assert!(page(database).contains("No versions are known"));
    assert!(!page(small()).contains("No versions are known"));
    assert!(!page(empty()).contains("No versions are known"));
}

#[test]
fn whatever_people_write_is_text() {
    let database = small();
    let hostile = "</title></style><script>alert('&\")</script><img src=x onerror=alert(1)>\u{1b}[2J\u{9b}\u{202e}";
    for sql in [
        "UPDATE confluence_pages SET title = ?1, source_url = 'javascript:alert(1)//' || source_id",
        "UPDATE confluence_spaces SET name = ?1, source_url = 'JavaScript:alert(1)' || substr(?1, 1, 0)",
        "UPDATE confluence_users SET name = ?1",
    ] {
        database.execute(sql, [hostile]).unwrap();
    }
    let page = page::page(&ask(database)).unwrap().into_string();
    assert_eq!(page.matches("</title>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    for forbidden in [
        "<script",
        "<img",
        "javascript:",
        "JavaScript:",
        "href=",
        "\u{1b}",
        "\u{9b}",
        "\u{202e}",
    ] {
        assert!(!page.contains(forbidden), "{forbidden:?}");
    }
    assert!(page.contains("&lt;script&gt;alert('&amp;&quot;)&lt;/script&gt;"));
}

#[test]
fn every_color_of_a_chart_has_a_rule() {
    let page = page::page(&ask(small())).unwrap().into_string();
    let style = palette::style();
    let charts = page
        .split("<svg")
        .skip(1)
        .flat_map(|chart| chart.split("=\"#").skip(1));
    let colors: Vec<_> = charts.map(|after| format!("#{}", &after[..6])).collect();
    assert!(colors.len() > 100);
    for color in colors {
        assert!(
            style.contains(&format!("[fill=\"{color}\"]")),
            "{color} is for the light only"
        );
    }
}

#[test]
fn a_file_of_another_making_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (missing, text, other) = (file("missing"), file("text"), file("other"));
    std::fs::write(
        &text,
        "not a database at all, but long enough to be taken for one",
    )
    .unwrap();
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let error = |file: &PathBuf| format!("{:#}", html(file, AS_OF).unwrap_err());
    for (path, words) in [
        (&missing, "unable to open database file"),
        (&text, "file is not a database"),
        (&other, "it has no confluence_pages"),
    ] {
        let error = error(path);
        assert!(
            error.contains(words) && error.contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    assert!(!missing.exists());
}

#[test]
fn what_one_person_wrote_alone_is_listed() {
    let report = ask(small());
    let titles = |documents: &[super::model::Document]| -> Vec<_> {
        documents
            .iter()
            .map(|document| (document.title.clone().unwrap(), document.person.clone()))
            .collect()
    };
    let alone = &report.single_contributor_pages;
    let ann = Some("Ann".to_owned());
    assert_eq!(titles(&alone.rows), [("New".to_owned(), ann)]);
    assert_eq!(alone.total, 1);
    assert_eq!(report.single_contributor_spaces.total, 0);
    let database = small();
    let move_away = "UPDATE confluence_pages SET space_id = 's2' WHERE source_id = '4'";
    database.execute(move_away, []).unwrap();
    let spaces = ask(database).single_contributor_spaces;
    assert_eq!((spaces.total, spaces.rows[0].documents), (1, 1));
}

#[test]
fn documents_whose_people_left_say_who_left() {
    let database = small();
    let edits = "UPDATE confluence_pages SET owner_id = 'bob' WHERE source_id = '1';
        DELETE FROM confluence_page_versions WHERE page_id = '2' AND author_id = 'ann';
        UPDATE confluence_page_versions SET author_id = 'gone' WHERE page_id = '3';";
    database.execute_batch(edits).unwrap();
    let found = ask(database).deactivated;
    let found: Vec<_> = found
        .rows
        .iter()
        .map(|orphan| (orphan.document.title.as_deref().unwrap(), orphan.left))
        .collect();
    let expected = [
        ("Old, read", Departed::Owner),
        ("Old, unread", Departed::Contributors),
    ];
    assert_eq!(
        found, expected,
        "an account that is not known is not deactivated"
    );
}

#[test]
fn what_nobody_ever_read_is_a_candidate_for_the_archive() {
    let database = small();
    let never_read = |database: Connection| ask(database).never_read;
    assert_eq!(never_read(small()).total, 0, "it is in the archive");
    database
        .execute("UPDATE confluence_pages SET status = 'current'", [])
        .unwrap();
    let found = never_read(database);
    assert_eq!(found.total, 1);
    assert_eq!(found.rows[0].title.as_deref(), Some("Old, unread"));
}

#[test]
fn labels_and_states_are_counted_by_space() {
    let database = small();
    let edits = "INSERT INTO confluence_page_labels VALUES ('1', 'a', 'a'), ('1', 'b', 'b'), ('6', 'a', 'a');
        UPDATE confluence_pages SET content_state_name = 'Verified' WHERE source_id IN ('1', '3', '6');";
    database.execute_batch(edits).unwrap();
    let report = ask(database);
    let labels = &report.labels.spaces.rows[0];
    assert_eq!((labels.documents, labels.unlabeled), (4, 3));
    let states: Vec<_> = report
        .states
        .rows
        .iter()
        .map(|state| (state.state.as_deref(), state.documents))
        .collect();
    assert_eq!(states, [(None, 2), (Some("Verified"), 2)]);
    let first = &report.states.rows[0];
    assert_eq!((first.documents_of_space, first.with_state), (4, 2));
    assert_eq!(
        ask(small()).states.rows,
        [],
        "a site without states has no table of them"
    );
}

#[test]
fn the_busiest_month_of_a_document_is_told() {
    let churn = ask(small()).churn;
    let found: Vec<_> = churn
        .rows
        .iter()
        .map(|entry| {
            let title = entry.title.as_deref().unwrap();
            (
                title,
                entry.month.unwrap(),
                entry.versions,
                entry.contributors,
            )
        })
        .collect();
    assert_eq!(found, [("New", date(2026, 7, 1), 2, 1)]);
}

#[test]
fn people_and_apps_are_told_apart() {
    let types: Vec<_> = ask(small())
        .account_types
        .rows
        .into_iter()
        .map(|group| {
            (
                group.name,
                group.accounts,
                group.new_documents,
                group.updates,
            )
        })
        .collect();
    let expected = [
        ("atlassian".to_owned(), 1, 1, 1),
        ("app".to_owned(), 1, 0, 1),
    ];
    assert_eq!(types, expected);
}

#[test]
fn accounts_without_an_email_are_counted_and_others_can_be_matched() {
    let database = small();
    let people = "CREATE TABLE people (email TEXT, team TEXT);
        INSERT INTO people VALUES ('ann@example.COM', 'Docs'), ('', 'Nobody')";
    database.execute_batch(people).unwrap();
    let matched: (String, u32) = database
        .query_row(queries::JOIN_BY_EMAIL, [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(matched, ("Docs".to_owned(), 6));
    let page = page::page(&ask(database)).unwrap().into_string();
    assert!(page.contains("In the data: <b>2</b> of 3 accounts."));
}

#[test]
fn the_page_says_how_old_its_views_are() {
    let database = small();
    let ages = "INSERT INTO confluence_page_views VALUES
        ('1', 50, '2026-07-05T00:00:00.000Z'), ('3', 70, '2026-07-11T00:00:00.000Z'), ('4', NULL, '2026-01-01T00:00:00.000Z')";
    database.execute_batch(ages).unwrap();
    let page = page::page(&ask(database)).unwrap().into_string();
    assert!(
        page.contains("The oldest figure was read on 5 July 2026, the newest on 11 July 2026.")
    );
    let older = small();
    older
        .execute_batch("ALTER TABLE confluence_page_views DROP COLUMN read_at")
        .unwrap();
    let page = page::page(&ask(older)).unwrap().into_string();
    assert!(!page.contains("The oldest figure was read"));
}

#[test]
fn views_since_those_that_were_kept_are_shown() {
    let database = small();
    let read = |views: &str| {
        let sql = format!(
            "DELETE FROM confluence_page_views; INSERT INTO confluence_page_views VALUES {views};"
        );
        database.execute_batch(&sql).unwrap();
    };
    let keep = || database.execute_batch(queries::KEEP_VIEWS).unwrap();
    read("('1', 40, '2026-07-01T00:00:00.000Z'), ('3', 70, '2026-07-01T00:00:00.000Z')");
    keep();
    read(
        "('1', 45, '2026-07-05T00:00:00.000Z'), ('2', NULL, '2026-07-05T00:00:00.000Z'),
         ('3', 70, '2026-07-05T00:00:00.000Z')",
    );
    keep();
    // Twice, and without a new reading of the third: the baseline stays.
    keep();
    read(
        "('1', 50, '2026-07-12T00:00:00.000Z'), ('2', 3, '2026-07-12T00:00:00.000Z'),
         ('3', 70, '2026-07-05T00:00:00.000Z'), ('4', 2, '2026-07-12T00:00:00.000Z')",
    );
    let report = ask(database);
    let gained = report.views_gained.as_ref().unwrap();
    let found: Vec<_> = gained
        .documents
        .rows
        .iter()
        .map(|document| (document.title.as_deref().unwrap(), document.views.unwrap()))
        .collect();
    let expected = [("Old, read", 5), ("New", 2)];
    assert_eq!(
        found, expected,
        "what was not known before is not counted, what was made since is"
    );
    assert_eq!((gained.views, gained.since), (7, Some(date(2026, 7, 5))));
    let page = page::page(&report).unwrap().into_string();
    assert!(page.contains("<b>7 views</b> came since 5 July 2026"));
    assert!(
        page::page(&ask(small()))
            .unwrap()
            .into_string()
            .contains("keep the figures of each")
    );
}

/// As many spaces as asked for. Each has a person who wrote its three documents alone: two are in a state of their own,
/// the third is in none and has a label.
fn many(spaces: u32) -> Connection {
    let database = empty();
    let fill = "
        CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT 3 * ?1) SELECT n FROM n";
    database.execute(fill, [spaces]).unwrap();
    let rows = "
        INSERT INTO confluence_spaces SELECT n, 'Space ' || n, '' FROM n WHERE n < (SELECT count(*) / 3 FROM n);
        INSERT INTO confluence_users SELECT n, 'Person ' || n, '', 'atlassian', 'active' FROM n;
        INSERT INTO confluence_pages SELECT n, 'Page ' || n, 'current', n / 3, n, '', '2024-01-01', '2024-01-01', 1,
            CASE n % 3 WHEN 0 THEN NULL ELSE 'State ' || n END FROM n;
        INSERT INTO confluence_page_versions SELECT n, 1, n / 3, '2026-07-01' FROM n;
        INSERT INTO confluence_page_versions SELECT n, 2, n / 3, '2026-07-02' FROM n;
        INSERT INTO confluence_page_labels SELECT n, 'a', 'a' FROM n WHERE n % 3 = 0;";
    database.execute_batch(rows).unwrap();
    database
}

#[test]
fn a_list_that_is_cut_says_so_and_its_totals_are_of_everything() {
    let report = ask(many(300));
    let labels = &report.labels;
    assert_eq!((labels.documents, labels.unlabeled), (900, 600));
    assert_eq!((labels.spaces.rows.len(), labels.spaces.total), (100, 300));
    let states = &report.states;
    assert_eq!((states.rows.len(), states.total), (300, 300));
    for space in states
        .rows
        .chunk_by(|one, next| one.space_id == next.space_id)
    {
        let documents: u64 = space.iter().map(|state| state.documents).sum();
        assert_eq!(documents, space[0].documents_of_space);
    }
    let page = page::page(&report).unwrap().into_string();
    assert!(page.contains("<b>600 documents</b> of 900."));
    let cut = |words: &str| page.matches(words).count();
    assert_eq!(
        cut("Listed: 100 of 300 spaces."),
        3,
        "by space, states, labels"
    );
    assert_eq!(
        cut("Listed: 25 of 300 spaces."),
        1,
        "of a single contributor"
    );
    assert_eq!(cut("Listed: 25 of 300 contributors."), 1);
    assert_eq!(cut("Listed: 25 of 900 documents."), 2, "most read, churn");
    let whole = page::page(&ask(many(25))).unwrap().into_string();
    assert!(!whole.contains(" of 25 "));
}

#[test]
fn a_space_of_many_states_counts_the_others() {
    let database = many(10);
    database
        .execute("UPDATE confluence_pages SET space_id = '0'", [])
        .unwrap();
    let report = ask(database);
    assert_eq!((report.states.rows.len(), report.states.total), (20, 1));
    let page = page::page(&report).unwrap().into_string();
    assert!(page.contains("10 <i>without</i>") && page.contains("1 <i>others</i>"));
}

#[test]
fn accounts_of_more_kinds_than_are_listed_are_counted() {
    let database = many(10);
    database
        .execute("UPDATE confluence_users SET account_status = source_id", [])
        .unwrap();
    let emails = ask(database).emails;
    assert_eq!((emails.accounts, emails.without_email), (30, 30));
    assert_eq!((emails.groups.rows.len(), emails.groups.total), (20, 30));
}

#[test]
fn one_of_a_thing_is_no_plural() {
    let database = empty();
    let versions = [(Some("ann"), "2026-07-11"), (Some("ann"), "2026-07-12")];
    add(&database, "1", "Only", "current", Some(1), &versions);
    let page = page::page(&ask(database)).unwrap().into_string();
    for tile in ["document", "update in the past year", "view of all time"] {
        assert!(
            page.contains(&format!("<dt>{tile}</dt><dd>1</dd>")),
            "{tile}"
        );
    }
    assert!(!page.contains(">1 documents"));
}

/// Without the functions that the report brings along.
#[test]
fn the_sql_of_the_page_runs_as_it_is() {
    let database = small();
    database
        .execute_batch("CREATE TABLE people (email TEXT, team TEXT)")
        .unwrap();
    database.execute_batch(queries::KEEP_VIEWS).unwrap();
    let report = ask(small());
    let page = page::page(&report).unwrap().into_string();
    let shown: Vec<_> = page
        .split("<code>")
        .skip(1)
        .filter_map(|code| code.split_once("</code></pre>"))
        .map(|(sql, _)| {
            sql.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
        })
        .collect();
    assert!(shown.len() >= 19, "{}", shown.len());
    for sql in shown {
        assert!(database.execute_batch(&sql).is_ok(), "{sql}");
    }
}

#[test]
fn the_weeks_and_months_of_the_sql_on_the_page_are_those_of_the_report() {
    let database = small();
    let days = super::calendar::Days::of(AS_OF);
    let read = |sql: &str, column: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(column)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let weeks = read(&queries::shown(queries::ACTIVITY, days), "period");
    assert_eq!(weeks, ["2025-07-07", "2026-07-06"]);
    let months = read(&queries::shown(queries::CHURN, days), "period");
    assert_eq!(months, ["2026-07-01"]);
}
