//! An OAuth client that the host exchanges for access tokens: through the commands, against a mock and worse servers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mock_confluence::{Endpoint, Mock, TokenKind};
use serde_json::{Value, json};

use super::{HOST_TEST, folder, lines, mock, write_config};

const SECRET: &str = "ATOAmock-client-secret";
/// What every access token of the mock begins with.
const ACCESS_TOKEN: &str = "mock-access-token";

/// A command that nobody else's token or secret reaches.
fn command(program: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder);
    command.env("CONNECTOR_ALLOW_LOOPBACK", "1");
    for name in ["CONFLUENCE_API_TOKEN", "CONFLUENCE_CLIENT_SECRET"] {
        command.env_remove(name);
    }
    command
}

fn host_test(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(HOST_TEST, folder, words);
    command.args(["--config", "config.json"]).output().unwrap()
}

/// All that was printed, in which no secret is.
fn said(output: &Output) -> String {
    let said = String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap();
    for secret in [SECRET, ACCESS_TOKEN] {
        assert!(!said.contains(secret), "{said}");
    }
    said
}

fn exchanges(mock: &Mock) -> u64 {
    let requests = mock.requests_by_endpoint();
    requests.get(&Endpoint::Token).copied().unwrap_or(0)
}

/// A mock whose tokens live so long and are said to live so long.
fn mock_with_tokens(lifetime: Duration, expires_in: Duration) -> Mock {
    let mock = mock(40);
    mock.with_site_mut(|site| {
        site.access.kind = TokenKind::current_scopes();
        site.access.oauth.lifetime = lifetime;
        site.access.oauth.expires_in = expires_in;
    });
    mock
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn every_command_reads_with_one_exchange_and_shows_no_token() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-commands");
    write_config(&folder, &mock.oauth_config());
    let stream = json!({ "stream": { "name": "pages" }, "sync_mode": "full_refresh" });
    let catalog = json!({ "streams": [stream] });
    std::fs::write(folder.join("catalog.json"), catalog.to_string()).unwrap();
    let source = env!("CARGO_BIN_EXE_source-confluence-cloud");
    let tap = env!("CARGO_BIN_EXE_tap-confluence-cloud");
    for (program, words) in [
        (HOST_TEST, &["validate", "-vv"][..]),
        (HOST_TEST, &["sync", "-vv"]),
        (HOST_TEST, &["sync", "--sign-in-host"]),
        (HOST_TEST, &["plan", "--estimate"]),
        (source, &["check"]),
        (source, &["read", "--catalog", "catalog.json"]),
        (tap, &[]),
    ] {
        for level in [None, Some("trace")] {
            mock.clear_requests();
            let mut command = command(program, &folder, words);
            command.args(["--config", "config.json"]);
            command
                .env_remove("RUST_LOG")
                .envs(level.map(|level| ("RUST_LOG", level)));
            // A token of the environment does not come before the client.
            let output = command
                .env("CONFLUENCE_API_TOKEN", "other")
                .output()
                .unwrap();
            let said = said(&output);
            assert!(output.status.success(), "{words:?}: {said}");
            assert_eq!(exchanges(&mock), 1, "{words:?}");
            assert!(mock.request_count() > 1, "{words:?}");
        }
    }
}

/// The member is optional, and a token without it is good.
#[test]
fn a_token_whose_lifetime_makes_no_sense_is_used() {
    let mock = mock_with_tokens(HOUR, Duration::ZERO);
    let folder = folder("oauth-no-lifetime");
    write_config(&folder, &mock.oauth_config());
    let output = host_test(&folder, &["sync"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(exchanges(&mock), 1);
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let mock = mock_with_tokens(Duration::from_secs(2), Duration::from_secs(2));
    mock.set_latency(Duration::from_millis(200));
    let folder = folder("oauth-renewal");
    write_config(&folder, &mock.oauth_config());
    let output = host_test(&folder, &["sync", "-vv"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(exchanges(&mock) >= 2, "{}", exchanges(&mock));
    let refused = mock
        .requests()
        .iter()
        .filter(|request| request.status == 401)
        .count();
    assert_eq!(refused, 0, "{said}");
}

/// The service ends a token earlier than it said: many requests in flight learn that, and one renews.
#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let mock = mock_with_tokens(Duration::from_secs(2), HOUR);
    mock.set_latency(Duration::from_millis(250));
    let folder = folder("oauth-early-end");
    let mut config = mock.oauth_config();
    config["max_concurrency"] = json!(8);
    write_config(&folder, &config);
    let begun = Instant::now();
    let output = host_test(&folder, &["sync", "-vv"]);
    let most = begun.elapsed().as_secs() / 2 + 1;
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let exchanges = exchanges(&mock);
    assert!((2..=most).contains(&exchanges), "{exchanges} of {most}");
}

/// Another token does not have another scope.
#[test]
fn a_scope_that_is_missing_leads_to_no_storm_of_renewals() {
    let mock = mock_with_tokens(HOUR, HOUR);
    mock.set_faults(vec![
        "missing-scope:scope=read:user:confluence".parse().unwrap(),
    ]);
    let folder = folder("oauth-scope");
    write_config(&folder, &mock.oauth_config());
    let output = host_test(&folder, &["validate"]);
    assert!(said(&output).contains("read:user:confluence"));
    assert_eq!(exchanges(&mock), 2);
}

#[test]
fn the_secret_comes_from_a_file_or_from_the_environment() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-secret");
    std::fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
    let mut config = mock.oauth_config();
    for (secret, variable) in [
        (json!({ "file": "secret" }), "wrong"),
        (Value::Null, SECRET),
    ] {
        config["oauth"]["client_secret"] = secret;
        write_config(&folder, &config);
        let mut command = command(HOST_TEST, &folder, &["validate", "--config", "config.json"]);
        let output = command
            .env("CONFLUENCE_CLIENT_SECRET", variable)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn a_client_that_cannot_be_used_is_named_before_any_request() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-config");
    for (member, value, named) in [
        (
            "client_secret",
            json!(null),
            "oauth.client_secret is missing",
        ),
        (
            "client_secret",
            json!("AT\u{200b}OA"),
            "oauth.client_secret holds the character U+200B at place 3",
        ),
        (
            "token_url",
            json!("http://auth.example.com/token"),
            "without TLS",
        ),
        (
            "token_url",
            json!("https://10.0.0.1/token"),
            "--allow-network 10.0.0.0/8",
        ),
        ("audience", json!("x"), "oauth.audience is not a field"),
    ] {
        let mut config = mock.oauth_config();
        config["oauth"][member] = value;
        write_config(&folder, &config);
        for command in ["validate", "sync"] {
            let output = host_test(&folder, &[command]);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(
                said.contains("invalid_config") && said.contains(named),
                "{said}"
            );
        }
    }
    let mut both = mock.oauth_config();
    both["api_token"] = json!("ATATT3xmock");
    write_config(&folder, &both);
    let said = said(&host_test(&folder, &["validate"]));
    assert!(
        said.contains("api_token and oauth are both configured"),
        "{said}"
    );
    assert_eq!(mock.request_count(), 0);
}

/// A token endpoint that answers every request with the same bytes, or with nothing.
struct TokenServer {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl TokenServer {
    fn start(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                std::thread::spawn(move || serve(stream, answer.as_deref()));
            }
        });
        Self { url, requests }
    }

    fn json(status: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        Self::start(Some(format!("{head}connection: close\r\n\r\n{body}")))
    }
}

fn serve(mut stream: TcpStream, answer: Option<&str>) -> Option<()> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&read).contains("client_secret=") {
        stream.read_exact(&mut byte).ok()?;
        read.extend(byte);
    }
    match answer {
        Some(answer) => stream.write_all(answer.as_bytes()).ok(),
        None => std::io::copy(&mut stream, &mut std::io::sink())
            .ok()
            .map(drop),
    }
}

fn validate_with(mock: &Mock, folder: &Path, token_url: &str) -> (Value, String) {
    let mut config = mock.oauth_config();
    config["oauth"]["token_url"] = token_url.into();
    config["retry"] = json!({ "attempts": 1 });
    config["timeout_s"] = json!(2);
    write_config(folder, &config);
    let output = host_test(folder, &["validate", "-vv"]);
    let found = lines(&output.stdout).pop().unwrap();
    (found["error"]["kind"].clone(), said(&output))
}

#[test]
fn what_a_token_endpoint_does_wrong_is_said_in_words() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-odd");
    let echo = format!(r#"{{"error":"access_denied","error_description":"{SECRET} is wrong"}}"#);
    let long = "x".repeat(200_000);
    for (server, kind, named, requests) in [
        (
            TokenServer::json("401 X", r#"{"error":"invalid_client"}"#),
            "invalid_credentials",
            "check client_id and client_secret",
            1,
        ),
        (
            TokenServer::json("400 X", r#"{"error":"invalid_client"}"#),
            "invalid_credentials",
            "invalid_client",
            1,
        ),
        (
            TokenServer::json("403 X", &echo),
            "invalid_credentials",
            "… is wrong",
            1,
        ),
        (
            TokenServer::json("404 X", "<html>"),
            "invalid_config",
            "check token_url",
            1,
        ),
        (
            TokenServer::json("200 X", "<html>"),
            "invalid_config",
            "check token_url",
            1,
        ),
        (
            TokenServer::json("200 X", "{}"),
            "unexpected_response",
            "no access_token",
            1,
        ),
        (
            TokenServer::json("200 X", r#"{"access_token":"a\u0000b"}"#),
            "unexpected_response",
            "a character that no token has",
            1,
        ),
        (
            TokenServer::json("200 X", &long),
            "invalid_config",
            "more than a token takes",
            1,
        ),
        (
            TokenServer::json("503 X", "<html>"),
            "unavailable",
            "HTTP 503",
            2,
        ),
        (
            TokenServer::start(None),
            "unavailable",
            "it does not answer in time",
            2,
        ),
        (
            TokenServer::start(Some(String::new())),
            "unavailable",
            "broke off",
            2,
        ),
    ] {
        let (found, words) = validate_with(&mock, &folder, &server.url);
        assert_eq!(found, kind, "{words}");
        assert!(
            words.contains(named) && words.contains("127.0.0.1 (oauth.token_url)"),
            "{words}"
        );
        assert_eq!(server.requests.load(Ordering::Relaxed), requests, "{words}");
    }
    assert_eq!(mock.request_count(), 0, "nothing is sent unsigned");
}

/// The page of a refusal may be long, or compressed in a way that nobody asked for.
#[test]
fn a_refusal_of_a_token_endpoint_is_known_by_its_status() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-pages");
    let long = "x".repeat(200_000);
    let compressed = "HTTP/1.1 503 X\r\ncontent-encoding: br\r\ncontent-length: 3\r\nconnection: close\r\n\r\nxyz";
    for (server, kind, named) in [
        (TokenServer::json("502 X", &long), "unavailable", "HTTP 502"),
        (
            TokenServer::start(Some(compressed.to_owned())),
            "unavailable",
            "HTTP 503",
        ),
        (
            TokenServer::json("429 X", &long),
            "rate_limited",
            "HTTP 429",
        ),
        (
            TokenServer::json("401 X", &long),
            "invalid_credentials",
            "HTTP 401",
        ),
    ] {
        let (found, words) = validate_with(&mock, &folder, &server.url);
        assert_eq!(found, kind, "{words}");
        assert!(words.contains(named), "{words}");
    }
}

/// Nothing broke off, and the service itself was not asked.
#[test]
fn the_wait_that_a_token_endpoint_asks_for_is_kept_and_handed_on() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-wait");
    let mut config = mock.oauth_config();
    config["retry"] = json!({ "attempts": 2, "patience_s": 5 });
    for (head, kind, waits) in [
        ("429 X\r\nretry-after: 1800", "rate_limited", true),
        ("503 X\r\nretry-after: 1800", "unavailable", true),
        ("429 X", "rate_limited", false),
        ("500 X", "unavailable", false),
    ] {
        let server = TokenServer::json(head, "");
        config["oauth"]["token_url"] = server.url.clone().into();
        write_config(&folder, &config);
        let output = host_test(&folder, &["sync"]);
        let words = said(&output);
        assert!(!words.contains("broke off"), "{words}");
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(last["kind"], kind, "{last}");
        let message = last["message"].as_str().unwrap();
        assert!(message.starts_with("no access token"), "{message}");
        let asked = server.requests.load(Ordering::Relaxed);
        assert_eq!(asked == 1, waits, "{asked}");
        let wait = last["retry_after_ms"].as_u64();
        assert_eq!(wait.is_some_and(|wait| wait > 1_700_000), waits, "{last}");
    }
    assert_eq!(mock.request_count(), 0);
}

#[test]
fn a_wait_that_a_token_endpoint_asks_for_is_waited_for() {
    let mock = mock_with_tokens(HOUR, HOUR);
    let token_url = mock.oauth_config()["oauth"]["token_url"].clone();
    let token_url = token_url.as_str().unwrap();
    let address = token_url.split('/').nth(2).unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = token_url.replace(&address, &listener.local_addr().unwrap().to_string());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let first = times.lock().unwrap().is_empty();
            times.lock().unwrap().push(Instant::now());
            if first {
                let head = "HTTP/1.1 429 X\r\nretry-after: 6\r\ncontent-length: 0\r\n";
                let answer = format!("{head}connection: close\r\n\r\n");
                serve(stream, Some(&answer));
                continue;
            }
            let mut upstream = TcpStream::connect(&address).unwrap();
            let (mut from, mut to) = (stream.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut upstream, &mut stream);
        }
    });
    let folder = folder("oauth-waited");
    let mut config = mock.oauth_config();
    config["oauth"]["token_url"] = url.into();
    write_config(&folder, &config);
    let output = host_test(&folder, &["sync", "--streams", "spaces"]);
    assert!(output.status.success(), "{}", said(&output));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked[1] - asked[0] >= Duration::from_millis(5900));
}

#[test]
fn a_token_endpoint_that_fails_for_a_moment_ends_no_run() {
    let mock = mock_with_tokens(HOUR, HOUR);
    mock.set_faults(vec!["503:endpoint=token,count=1".parse().unwrap()]);
    let folder = folder("oauth-blip");
    write_config(&folder, &mock.oauth_config());
    let output = host_test(&folder, &["sync", "--streams", "spaces"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(exchanges(&mock), 2);
}

/// Where a client was exchanged before, its configuration is right, whatever stands at the token URL for a moment.
#[test]
fn a_page_of_maintenance_at_the_token_endpoint_ends_no_run() {
    for fault in ["html-200", "html-404"] {
        let mock = mock_with_tokens(Duration::from_secs(2), HOUR);
        mock.set_latency(Duration::from_millis(250));
        mock.set_faults(vec![
            format!("{fault}:endpoint=token,after=1,count=1")
                .parse()
                .unwrap(),
        ]);
        let folder = folder(&format!("oauth-maintenance-{fault}"));
        write_config(&folder, &mock.oauth_config());
        let output = host_test(&folder, &["sync"]);
        assert!(output.status.success(), "{fault}: {}", said(&output));
        assert!(exchanges(&mock) >= 3, "{fault}: {}", exchanges(&mock));
    }
}

/// The host knows its own access token again where a service sends it back.
#[test]
fn an_access_token_that_comes_back_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut read = vec![0; 8192];
            let length = stream.read(&mut read).unwrap_or(0);
            let head = String::from_utf8_lossy(&read[..length]).into_owned();
            let signed = head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: "));
            let body = format!(
                "{{\"results\":[],\"echo\":\"{}\"}}",
                signed.unwrap_or_default()
            );
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    let mock = mock_with_tokens(HOUR, HOUR);
    let folder = folder("oauth-echo");
    let mut config = mock.oauth_config();
    config["base_url"] = json!(format!(
        "http://{address}/ex/confluence/11111111-2222-3333-4444-555555555555"
    ));
    config["retry"] = json!({ "attempts": 0 });
    write_config(&folder, &config);
    let output = host_test(&folder, &["validate", "-vv"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the answer holds the secret"), "{said}");
}
