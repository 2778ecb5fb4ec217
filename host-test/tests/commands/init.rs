//! `host-test init`: at a real terminal, and by options alone.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mock_confluence::{BaseUrl, Mock};
use serde_json::Value;

use super::terminal::Terminal;
use super::{HOST_TEST, folder, host_test, mock};

fn text(mock: &Mock, field: &str) -> String {
    mock.config_json()[field].as_str().unwrap().to_owned()
}

fn assert_written(file: &Path, mock: &Mock) {
    let written: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written, mock.config_json());
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "readable by its owner alone");
}

#[test]
fn a_person_at_a_terminal_is_asked_and_the_token_is_not_shown() {
    let (mock, folder) = (mock(10), folder("init-terminal"));
    let token = text(&mock, "api_token");
    let mut command = Command::new(HOST_TEST);
    command.arg("init").current_dir(&folder);
    let mut terminal = Terminal::run(command);
    terminal.expect("The site, such as example.atlassian.net: ");
    terminal.type_line(&mock.base_url(BaseUrl::Site));
    terminal.expect("The cloud id of the site is");
    terminal.expect("The e-mail address of the account: ");
    terminal.type_line(&text(&mock, "username"));
    terminal.expect("The token, which is not shown: ");
    terminal.type_secret(&token);
    let (ended, shown) = terminal.end();
    assert!(ended.success(), "{shown}");
    assert!(shown.contains("Everything can be read"), "{shown}");
    assert!(
        shown.contains("id.atlassian.com"),
        "where a token is made: {shown}"
    );
    assert!(!shown.contains(&token), "{shown}");
    assert_written(&folder.join("config.json"), &mock);
}

/// `init` with every answer as an option, and nobody to ask.
#[test]
fn a_person_who_interrupts_gets_the_terminal_back_as_it_was() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = folder("init-interrupted");
    let mut command = Command::new(HOST_TEST);
    command.args([
        "init",
        "--site",
        "http://127.0.0.1:9",
        "--cloud-id",
        "a-cloud",
    ]);
    command
        .args(["--email", "me@example.com"])
        .current_dir(&folder);
    let mut terminal = Terminal::run(command);
    terminal.expect("The token, which is not shown: ");
    let (ended, echoes) = terminal.interrupt_hidden();
    assert_eq!(ended.signal(), Some(libc::SIGINT));
    assert!(echoes);
    assert!(!folder.join("config.json").exists());
}

fn init(mock: &Mock, folder: &Path, token: &str, more: &[&str]) -> Output {
    std::fs::write(folder.join("token"), format!("{token}\n")).unwrap();
    let site = mock.base_url(BaseUrl::Site);
    let mut command = Command::new(HOST_TEST);
    command.args(["init", "--site", &site, "--token-file", "token"]);
    command
        .args(["--email", &text(mock, "username")])
        .args(more);
    let command = command.current_dir(folder).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn a_script_gives_every_answer_as_an_option() {
    let (mock, folder) = (mock(10), folder("init-options"));
    let token = text(&mock, "api_token");
    let done = init(&mock, &folder, &token, &["--out", "mine.json"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("host-test sync --config mine.json"), "{said}");
    assert_written(&folder.join("mine.json"), &mock);

    let again = init(&mock, &folder, "another", &["--out", "mine.json"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert_written(&folder.join("mine.json"), &mock);
}

#[test]
fn a_cloud_id_that_is_none_is_refused_before_anything_is_written() {
    let (mock, folder) = (mock(1), folder("init-cloud-id"));
    for wrong in ["../x", "a/b", "a?b", " ", "a b"] {
        let refused = init(&mock, &folder, "ATATT3xmock", &["--cloud-id", wrong]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("is not a cloud id"), "{said}");
        assert!(!folder.join("config.json").exists());
    }
}

#[test]
fn what_is_missing_is_said_in_words() {
    let (mock, folder) = (mock(10), folder("init-missing"));
    let wrong = init(&mock, &folder, "ATATT3xwrong", &[]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        said.contains("error: ") && said.contains("id.atlassian.com"),
        "{said}"
    );
    assert!(!said.contains("ATATT3xwrong"), "{said}");

    mock.set_faults(vec![
        "missing-scope:scope=read:user:confluence".parse().unwrap(),
    ]);
    let token = text(&mock, "api_token");
    let scope = init(&mock, &folder, &token, &["--force"]);
    assert_eq!(scope.status.code(), Some(1));
    let said = String::from_utf8(scope.stderr).unwrap();
    assert!(said.contains("read:user:confluence"), "{said}");

    let mut nobody = Command::new(HOST_TEST);
    let nobody = nobody
        .args(["init", "--out", "new.json"])
        .current_dir(&folder);
    let asked = nobody.stdin(Stdio::null()).output().unwrap();
    assert!(!asked.status.success());
    assert!(String::from_utf8_lossy(&asked.stderr).contains("init --help"));
    assert!(!folder.join("new.json").exists());
}

/// A page of somebody else's that has a member of this name.
#[test]
fn an_answer_that_is_no_cloud_id_is_not_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let long = "x".repeat(60_000);
    let bodies = [
        format!(r#"{{"cloudId":"{long}"}}"#),
        format!(r#"["{long}"]"#),
    ];
    let tried = bodies.len();
    std::thread::spawn(move || {
        for (body, stream) in bodies.iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
            let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
        }
    });
    for _ in 0..tried {
        let output = host_test(&["cloud-id", &site]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("address of a Confluence Cloud site"),
            "{said}"
        );
        assert!(said.len() < 200, "{said}");
    }
}
