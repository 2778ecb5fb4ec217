//! Proxies, certificates and odd addresses, as a person meets them: the command in an environment of its own.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::{HOST_TEST, folder};

const UNAUTHORIZED: &str =
    "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// A server on loopback; lives as long as the test's process.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection on a thread of its own.
    fn start(serve: impl Fn(TcpStream) -> Option<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { port, connections }
    }

    /// Answers every request with 401, with a certificate for `name` that nobody vouches for. Its file stands in
    /// `folder`.
    fn with_certificate(name: &str, folder: &Path) -> (Self, PathBuf) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let file = folder.join(format!("{name}.pem"));
        let encoded = STANDARD.encode(made.cert.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        std::fs::write(&file, pem).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        let tls = Arc::new(tls.unwrap());
        let server = Self::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&tls)).ok()?;
            let mut stream = StreamOwned::new(connection, stream);
            loop {
                read_head(&mut stream)?;
                stream.write_all(UNAUTHORIZED.as_bytes()).ok()?;
            }
        });
        (server, file)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// The lines of a request without a body.
fn read_head(stream: &mut impl Read) -> Option<Vec<String>> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        read.extend(byte);
    }
    let lines = String::from_utf8(read).ok()?;
    Some(lines.lines().map(str::to_owned).collect())
}

/// A proxy that leads every tunnel to one port, if its status is good, and tells what it was asked.
fn proxy(to: u16, status: &'static str) -> (Server, Arc<Mutex<Vec<Vec<String>>>>) {
    let asked: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let told = Arc::clone(&asked);
    let server = Server::start(move |mut stream| {
        let head = read_head(&mut stream)?;
        told.lock().unwrap().push(head);
        stream
            .write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
            .ok()?;
        if !status.starts_with("200") {
            return None;
        }
        let mut service = TcpStream::connect(("127.0.0.1", to)).ok()?;
        let (mut from, mut back) = (stream.try_clone().ok()?, service.try_clone().ok()?);
        std::thread::spawn(move || std::io::copy(&mut back, &mut stream));
        std::io::copy(&mut from, &mut service).ok()?;
        service.shutdown(std::net::Shutdown::Write).ok()
    });
    (server, asked)
}

/// What was said.
struct Report {
    kind: Value,
    words: String,
}

const VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A command with these variables and no others of a proxy or of certificates.
fn command(program: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for name in VARIABLES {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(variables.to_vec());
    command
}

/// What a person has to mend is said within this time: after one more try at most.
const AT_ONCE: Duration = Duration::from_secs(10);

/// `host-test validate` for a base URL, with these variables and no others of a proxy or of certificates.
fn validate(folder: &Path, base_url: &str, variables: &[(&str, &str)]) -> Report {
    let config = folder.join("config.json");
    let fields = json!({
        "base_url": base_url,
        "username": "a@b.example",
        "api_token": "ATATT3xsecret",
    });
    std::fs::write(&config, fields.to_string()).unwrap();
    let mut command = command(HOST_TEST, variables);
    command.args(["validate", "-v", "--config"]).arg(&config);
    let begun = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let taken = begun.elapsed();
    assert!(taken < AT_ONCE, "{base_url} took {taken:?}");
    assert_eq!(status.code(), Some(1));
    let found: Value = serde_json::from_slice(&stdout).unwrap();
    let words = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(!words.contains("ATATT3xsecret"), "{words}");
    Report {
        kind: found["error"]["kind"].clone(),
        words,
    }
}

const GATEWAY: &str =
    "https://api.atlassian.com/ex/confluence/11111111-2222-3333-4444-555555555555";

#[test]
fn a_certificate_that_is_not_accepted_is_named_and_asked_for_once() {
    let folder = folder("certificates");
    let (unknown, _) = Server::with_certificate("localhost", &folder);
    let (other, other_file) = Server::with_certificate("other.example", &folder);
    let other_file = other_file.display().to_string();
    let trusting_other = [("SSL_CERT_FILE", other_file.as_str())];
    for (server, variables, named) in [
        (&unknown, &[][..], "SSL_CERT_FILE"),
        (&unknown, &trusting_other, "SSL_CERT_FILE"),
        (&other, &trusting_other, "another name"),
    ] {
        let before = server.connections();
        let url = format!("https://localhost:{}", server.port);
        let Report { kind, words } = validate(&folder, &url, variables);
        assert_eq!(kind, "invalid_config", "{words}");
        assert!(words.contains(named), "{words}");
        assert_eq!(server.connections(), before + 1, "{words}");
    }
}

/// The server's certificate is not at fault there. The final message says so, and the log even with `-q`.
#[test]
fn a_file_of_root_certificates_that_holds_none_is_named() {
    let folder = folder("no-roots");
    let (server, good) = Server::with_certificate("localhost", &folder);
    let url = format!("https://localhost:{}", server.port);
    let with_mark = folder.join("mark.pem");
    let good = std::fs::read_to_string(good).unwrap();
    std::fs::write(&with_mark, format!("\u{feff}{good}")).unwrap();
    std::fs::write(folder.join("empty.pem"), "").unwrap();
    let pipe = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(pipe.unwrap().success());
    let oversized = std::fs::File::create(folder.join("long.pem")).unwrap();
    oversized.set_len((16 << 20) + 1).unwrap();
    for (name, cause) in [
        ("none.pem", "No such file"),
        ("empty.pem", "it holds none"),
        ("mark.pem", "byte order mark"),
        ("long.pem", "more than 16 MiB"),
        // Nobody writes to it.
        ("pipe", "not a regular file"),
        // It has no end; joined to a folder an absolute path is itself.
        ("/dev/zero", "not a regular file"),
    ] {
        let file = folder.join(name).display().to_string();
        let named = format!("no root certificate can be read from SSL_CERT_FILE ({file}): ");
        let variables = [("SSL_CERT_FILE", file.as_str())];
        let Report { kind, words } = validate(&folder, &url, &variables);
        assert_eq!(kind, "invalid_config", "{words}");
        assert!(words.contains(&named) && words.contains(cause), "{words}");
        let mut quiet = command(HOST_TEST, &variables);
        quiet.args(["validate", "-q", "--config"]);
        let quiet = quiet.arg(folder.join("config.json")).output().unwrap();
        let log = String::from_utf8(quiet.stderr).unwrap();
        assert!(log.contains("WARN") && log.contains(&named), "{log}");
    }
}

#[test]
fn a_certificate_of_an_authority_of_ones_own_is_accepted_with_its_file() {
    let folder = folder("own-authority");
    let (server, file) = Server::with_certificate("localhost", &folder);
    let url = format!("https://localhost:{}", server.port);
    let variables = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let Report { kind, words } = validate(&folder, &url, &variables);
    assert_eq!(kind, "invalid_credentials", "{words}");
    // With -v each request is a line.
    assert!(words.contains("GET /wiki/api/v2/spaces: 401, "), "{words}");
    assert!(words.contains(" ms, 1 try"), "{words}");
}

#[test]
fn a_proxy_of_the_environment_is_asked_for_the_name() {
    let folder = folder("proxies");
    let (service, file) = Server::with_certificate("api.atlassian.com", &folder);
    let roots = ("SSL_CERT_FILE", file.to_str().unwrap());
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (server, asked) = proxy(service.port, "200 OK");
        let url = format!("http://user:pass%20word@127.0.0.1:{}", server.port);
        let Report { kind, words } = validate(&folder, GATEWAY, &[roots, (name, &url)]);
        assert_eq!(kind, "invalid_credentials", "{words}");
        assert!(!words.contains("pass%20word"), "{words}");
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0][0], "CONNECT api.atlassian.com:443 HTTP/1.1");
        let credentials = "Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=".to_lowercase();
        let sent = asked[0]
            .iter()
            .any(|line| line.to_lowercase() == credentials);
        assert!(sent, "{asked:?}");
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_said_in_words() {
    let folder = folder("bad-proxies");
    let (asking, asked) = proxy(0, "407 Proxy Authentication Required");
    let url = format!("http://127.0.0.1:{}", asking.port);
    for (url, kind, said) in [
        (
            "socks5://127.0.0.1:1",
            "invalid_config",
            "name an HTTP proxy",
        ),
        (
            "https://127.0.0.1:1",
            "invalid_config",
            "the proxy https://127.0.0.1:1 is not one that this program can use",
        ),
        (&url, "invalid_config", "asks for credentials"),
    ] {
        let found = validate(&folder, GATEWAY, &[("ALL_PROXY", url)]);
        assert_eq!(found.kind, kind, "{}", found.words);
        assert!(found.words.contains(said), "{}", found.words);
    }
    assert_eq!(asked.lock().unwrap().len(), 1, "nobody asks again");
}

#[test]
fn what_is_in_the_way_is_said_with_the_host_and_the_cause() {
    let folder = folder("in-the-way");
    let plain = Server::start(|mut stream| {
        let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).ok()
    });
    let brotli = Server::start(|mut stream| {
        read_head(&mut stream)?;
        let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx";
        stream.write_all(answer.as_bytes()).ok()
    });
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().port();
    drop(free);
    for (url, kind, said) in [
        (
            format!("https://localhost:{}", plain.port),
            "invalid_config",
            format!("localhost:{} does not speak TLS on this port", plain.port),
        ),
        (
            format!("http://127.0.0.1:{}", brotli.port),
            "unexpected_response",
            "answers in a coding that was not asked for: br".to_owned(),
        ),
        (
            format!("http://127.0.0.1:{nobody}"),
            "unavailable",
            format!("127.0.0.1:{nobody} refuses connections"),
        ),
        (
            "https://100.64.0.1".to_owned(),
            "invalid_config",
            "the address 100.64.0.1 belongs to 100.64.0.0/10 (shared by carriers and overlays), not to the public \
             internet; if that is intended, allow it with --allow-network 100.64.0.0/10"
                .to_owned(),
        ),
        (
            "https://[64:ff9b::a00:1]".to_owned(),
            "invalid_config",
            "--allow-network 10.0.0.0/8".to_owned(),
        ),
    ] {
        let found = validate(&folder, &url, &[]);
        assert_eq!(found.kind, kind, "{}", found.words);
        assert!(found.words.contains(&said), "{}", found.words);
    }
}

/// All commands go by the same networks and proxies. Who connects to 0.0.0.0 reaches this machine and no other.
#[test]
fn every_command_has_the_operators_networks_and_proxies() {
    let folder = folder("every-command");
    let (service, roots) = Server::with_certificate("0.0.0.0", &folder);
    let (through, asked) = proxy(service.port, "200 OK");
    let proxy = format!("http://127.0.0.1:{}", through.port);
    let config = folder.join("config.json");
    let fields = json!({
        "base_url": format!("https://0.0.0.0:{}", service.port),
        "username": "a@b.example",
        "api_token": "ATATT3xsecret",
    });
    std::fs::write(&config, fields.to_string()).unwrap();
    let allowed = ["--allow-network", "0.0.0.0/8"];
    for (program, words) in [
        (HOST_TEST, &["validate"][..]),
        (env!("CARGO_BIN_EXE_source-confluence-cloud"), &["check"]),
        (env!("CARGO_BIN_EXE_tap-confluence-cloud"), &[]),
    ] {
        for (network, excluded, tunnels, said) in [
            (&[][..], "", 0, "--allow-network 0.0.0.0/8"),
            (&allowed, "", 1, "refuses the token"),
            (&allowed, "0.0.0.0", 0, "refuses the token"),
        ] {
            asked.lock().unwrap().clear();
            let roots = ("SSL_CERT_FILE", roots.to_str().unwrap());
            let variables = [roots, ("HTTPS_PROXY", &proxy), ("NO_PROXY", excluded)];
            let mut command = command(program, &variables);
            command
                .args(words)
                .arg("--config")
                .arg(&config)
                .args(network);
            let Output { stdout, stderr, .. } = command.output().unwrap();
            let words = String::from_utf8([stdout, stderr].concat()).unwrap();
            assert!(
                words.contains(said),
                "{program} {network:?} {excluded}: {words}"
            );
            assert_eq!(asked.lock().unwrap().len(), tunnels, "{program} {excluded}");
        }
    }
}
