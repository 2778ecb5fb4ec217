//! A shop on loopback: it answers with the events that a test asks for, and notes who asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::HOST_TEST;

static COMPONENT: LazyLock<PathBuf> =
    LazyLock::new(|| component_builder::build_guest("shop-connector").unwrap());

pub(crate) struct Shop {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) component: PathBuf,
    events: Arc<Mutex<Option<String>>>,
    authorizations: Arc<Mutex<Vec<String>>>,
}

/// Lines of JSON.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(events: &[Value]) -> String {
    let lines = events.iter();
    lines
        .flat_map(|event| [event.to_string(), "\n".to_owned()])
        .collect()
}

impl Shop {
    pub(crate) fn open(events: &[Value]) -> Self {
        Self::start(Some(text(events)))
    }

    /// A shop that never answers.
    pub(crate) fn stalled() -> Self {
        Self::start(None)
    }

    fn start(events: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
            url: url.clone(),
            component: COMPONENT.clone(),
            events: Arc::new(Mutex::new(events)),
            authorizations: Arc::default(),
        };
        shop.file(
            "config.json",
            &json!({ "shop": url, "api_key": "sk_secret1" }).to_string(),
        );
        let (events, asked) = (Arc::clone(&shop.events), Arc::clone(&shop.authorizations));
        let requests = shop.folder.path().join("requests");
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<_> = head.take_while(|line| !line.is_empty()).collect();
                let authorization = head
                    .iter()
                    .find_map(|line| line.strip_prefix("authorization: "));
                asked
                    .lock()
                    .unwrap()
                    .push(authorization.unwrap_or_default().to_owned());
                let _ = std::fs::write(&requests, "1");
                match &*events.lock().unwrap() {
                    Some(body) => {
                        let head = format!(
                            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let _ = stream.write_all(format!("{head}{body}").as_bytes());
                    }
                    None => open.push(stream),
                }
            }
        });
        shop
    }

    /// What the next run is delivered.
    pub(crate) fn deliver(&self, events: &[Value]) {
        *self.events.lock().unwrap() = Some(text(events));
    }

    pub(crate) fn requests(&self) -> usize {
        self.authorizations.lock().unwrap().len()
    }

    pub(crate) fn last_authorization(&self) -> String {
        self.authorizations.lock().unwrap().last().cloned().unwrap()
    }

    /// Writes a file for its owner alone, and returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let file = self.folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        file.display().to_string()
    }

    pub(crate) fn path(&self, scheme: &str, name: &str) -> String {
        format!("{scheme}{}", self.folder.path().join(name).display())
    }

    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).env("CONNECTOR_ALLOW_LOOPBACK", "1");
        command
            .env_remove("CONFLUENCE_API_TOKEN")
            .current_dir(self.folder.path());
        command
    }

    pub(crate) fn adapter(&self, program: &str, words: &[&str]) -> Output {
        let mut command = self.command(program, words);
        command
            .arg("--component")
            .arg(&self.component)
            .output()
            .unwrap()
    }

    pub(crate) fn sync(&self, words: &[&str]) -> Output {
        let mut command = self.command(HOST_TEST, &["sync", "--config", "config.json"]);
        command.args(words).arg("--component").arg(&self.component);
        command.output().unwrap()
    }

    /// `host-test sync` with what a shell puts behind it.
    pub(crate) fn shell_sync(&self, behind: &str) -> Output {
        self.shell(&format!("{HOST_TEST} -q sync $ARGUMENTS {behind}"))
    }

    pub(crate) fn shell(&self, script: &str) -> Output {
        let arguments = format!(
            "--config config.json --component {}",
            self.component.display()
        );
        let mut command = self.command("bash", &["-c", script]);
        command.env("ARGUMENTS", arguments).output().unwrap()
    }
}
