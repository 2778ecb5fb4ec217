//! The report of a site that the component has read, as a browser sees it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use connector_destinations::sqlite::Sqlite;
use connector_runtime::connection::Connection;
use connector_runtime::engine::Mode;
use connector_runtime::limits::Limits;
use documentation_report;
use jiff::civil::date;
use mock_confluence::Corpus;
use serde_json::Value;

use crate::support::{STREAMS, corpus, mock, runtime, select};

/// What people can do to a title.
const TITLES: [&str; 5] = [
    "<script>document.title = 'gone'</script><img src=\"http://127.0.0.1:1/a\" onerror=\"alert(1)\">",
    "</title></style></main>&lt;",
    "Überblick für 日本語 و العربية 👩‍💻",
    "\u{202e}reversed, and never turned back",
    " ",
];

/// A site with titles of all kinds on its documents, spaces and people; one title is endless.
fn hostile() -> Corpus {
    let mut corpus = corpus(300);
    let endless = "Donaudampfschifffahrtsgesellschaft".repeat(30);
    let titles = TITLES.into_iter().chain([endless.as_str()]).cycle();
    for (page, title) in corpus.pages.iter_mut().zip(titles.clone()) {
        title.clone_into(&mut page.title);
    }
    for (space, title) in corpus.spaces.iter_mut().zip(titles.clone()) {
        title.clone_into(&mut space.name);
    }
    for (user, title) in corpus.users.iter_mut().zip(titles) {
        title.clone_into(&mut user.display_name);
    }
    corpus
}

/// A folder of its own for a test's files, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn read_into(file: &Path, corpus: Corpus) {
    let mock = mock(corpus, &[]);
    let connection = Connection::new(&mock.config_json().to_string());
    let streams = runtime().list_streams().await.unwrap();
    let sqlite = Box::new(Sqlite::open(file, &streams).unwrap());
    let selection = select(&STREAMS, Mode::Full);
    let outcome = runtime()
        .sync(&connection, Limits::default(), &selection, None, sqlite)
        .await;
    assert!(outcome.unwrap().result.is_ok());
}

/// Shows a page in frames as wide as a phone and as a desktop, everything unfolded, and tells what came of it.
const FRAMES: &str = r#"<!doctype html><pre id="found"></pre>
<iframe src="page.html" width="400" height="800"></iframe>
<iframe src="page.html" width="1400" height="800"></iframe>
<script>
onload = () => {
    const look = (frame) => {
        const page = frame.contentDocument;
        page.querySelectorAll("details").forEach((details) => { details.open = true; });
        const root = page.documentElement;
        return {
            title: page.title,
            over: root.scrollWidth - root.clientWidth,
            requests: frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
            charts: [...page.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length > 0).length,
            rows: page.querySelectorAll("tr").length,
        };
    };
    const found = [...document.querySelectorAll("iframe")].map(look);
    const escape = (character) => "\\u00" + character.charCodeAt(0).toString(16);
    document.getElementById("found").textContent = JSON.stringify(found).replace(/[<>&]/g, escape);
};
</script>"#;

/// What a browser made of a page: what its frames found, and the lines that it wrote to its console.
struct Seen {
    frames: Vec<Value>,
    console: Vec<String>,
}

/// None where there is no browser.
fn look_at(folder: &Path, page: &str) -> Option<Seen> {
    std::fs::write(folder.join("page.html"), page).unwrap();
    std::fs::write(folder.join("frames.html"), FRAMES).unwrap();
    let output = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(|browser| match chromium(browser, folder).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            output => Some(output.unwrap()),
        })?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.split("<pre id=\"found\">").nth(1);
    let found = found.and_then(|found| found.split("</pre>").next());
    let frames = found.and_then(|found| serde_json::from_str(found).ok());
    Some(Seen {
        frames: frames.unwrap_or_else(|| panic!("the browser showed nothing:\n{dom}\n{log}")),
        console: log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect(),
    })
}

fn chromium(browser: &str, folder: &Path) -> Command {
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        // It shall ask nobody on its own account.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        // The frames are files, and each file is a stranger to the next.
        .args([
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("file://{}", folder.join("frames.html").display()));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_it_at_every_width_and_asks_nobody_for_anything() {
    let folder = Folder::new("report");
    let file = folder.0.join("site.sqlite");
    read_into(&file, hostile()).await;
    let page = report::html(&file, date(2026, 10, 1)).unwrap();
    let Some(seen) = look_at(&folder.0, &page) else {
        println!("skipped: there is no chromium");
        return;
    };
    assert_eq!(seen.console, [""; 0]);
    for frame in &seen.frames {
        assert_eq!(
            frame["title"],
            "Documentation report: example.atlassian.net"
        );
        assert_eq!(frame["over"], 0, "it is wider than its window");
        assert_eq!(frame["requests"], Value::Array(vec![]));
        assert_eq!(frame["charts"], 7, "one of two sizes is seen");
        assert!(frame["rows"].as_u64() > Some(100));
    }
}

/// The test above would not see what these checks don't find.
#[test]
fn a_page_with_faults_is_found_out() {
    let folder = Folder::new("report-faults");
    let page =
        "<title>x</title><div style='width:1500px'>x</div><img src='http://127.0.0.1:1/image'>
        <script>console.error('hear me')</script>";
    let Some(seen) = look_at(&folder.0, page) else {
        println!("skipped: there is no chromium");
        return;
    };
    assert!(seen.console.iter().any(|line| line.contains("hear me")));
    for frame in &seen.frames {
        assert!(frame["over"].as_u64() > Some(0));
        assert!(frame["requests"][0].as_str().unwrap().ends_with("/image"));
    }
}
