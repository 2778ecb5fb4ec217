//! A PostgreSQL server for tests: Debian's package, on loopback, with a data folder and a password of its own.
//!
//! `initdb` refuses root, so the server of a test that runs as root runs as the user `postgres` or `nobody`. It ends
//! with the test's process, however that ends: a shell waits for the end of its standard input, stops the server and
//! removes the folder.

mod durability;
mod installation;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

pub use crate::durability::Durability;
use crate::installation::{Account, account, binaries};

/// How long a start may take.
const START: Duration = Duration::from_mins(1);

/// Runs the server until standard input ends; then stops it, and removes the folder unless the input said `keep`.
/// The arguments: the server, the folder, the port, the settings.
const RUN: &str = r#""$1" -D "$2/data" -k "" -h 127.0.0.1 -p "$3" $4 >"$2/log" 2>&1 </dev/null & server=$!
trap "" INT TERM HUP
word=$(cat); kill -INT $server; wait $server
[ "$word" = keep ] || rm -rf "$2""#;

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    binaries: PathBuf,
    account: Option<Account>,
    password: String,
    port: u16,
    durability: Durability,
    running: Mutex<Option<Running>>,
}

/// The shell that holds a server, and the pipe whose end stops it.
#[derive(Debug)]
struct Running {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Server {
    /// The server that the tests of one process share, or none where PostgreSQL is not installed; standard error then
    /// says so.
    ///
    /// # Panics
    ///
    /// It is installed and does not start.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot start its server fails"
    )]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().expect("PostgreSQL starts"))
            .as_ref()
    }

    /// Starts a server, or returns none where PostgreSQL is not installed; standard error then says so.
    ///
    /// # Errors
    ///
    /// It is installed and does not start.
    pub fn start() -> Result<Option<Self>> {
        Self::start_with(Durability::Off)
    }

    /// Starts a server that is as durable as this, or returns none where PostgreSQL is not installed.
    ///
    /// # Errors
    ///
    /// It is installed and does not start.
    pub fn start_with(durability: Durability) -> Result<Option<Self>> {
        let Some(binaries) = binaries() else {
            eprintln!(
                "skipped: PostgreSQL is not installed (no /usr/lib/postgresql/*/bin; apt-get install postgresql)"
            );
            return Ok(None);
        };
        let folder = tempfile::Builder::new()
            .prefix("postgres-for-tests-")
            .tempdir()?
            .keep();
        let account = account(&folder)?;
        if let Some(Account { user, group }) = account {
            std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
        }
        let server = Self {
            folder,
            binaries,
            account,
            password: std::iter::repeat_with(fastrand::alphanumeric)
                .take(24)
                .collect(),
            port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port(),
            durability,
            running: Mutex::default(),
        };
        server.initialise()?;
        server.resume()?;
        Ok(Some(server))
    }

    /// The address of a database, with the superuser's password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Stops the server; its data stay. Connections are closed at once.
    ///
    /// # Errors
    ///
    /// It does not stop.
    pub fn stop(&self) -> Result<()> {
        let Some(mut running) = self.running().take() else {
            return Ok(());
        };
        if let Some(mut input) = running.input.take() {
            input.write_all(b"keep")?;
        }
        running.shell.wait()?;
        Ok(())
    }

    /// Starts it again at the same address.
    ///
    /// # Errors
    ///
    /// It does not start within a minute.
    pub fn resume(&self) -> Result<()> {
        let mut command = self.as_account("sh");
        command
            .args(["-c", RUN, "sh"])
            .arg(self.binaries.join("postgres"));
        command
            .arg(&self.folder)
            .arg(self.port.to_string())
            .arg(self.durability.settings());
        let mut shell = command.stdin(Stdio::piped()).spawn()?;
        let input = shell.stdin.take();
        *self.running() = Some(Running { shell, input });
        let begun = Instant::now();
        while !self.accepts() {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            ensure!(begun.elapsed() < START, "PostgreSQL did not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Lets the server offer TLS with this certificate and key, in PEM. It is started anew for that.
    ///
    /// # Errors
    ///
    /// The files cannot be written, or the server does not start.
    pub fn enable_tls(&self, certificate: &str, key: &str) -> Result<()> {
        self.stop()?;
        self.write_private("data/server.crt", certificate)?;
        self.write_private("data/server.key", key)?;
        self.write_private("data/postgresql.auto.conf", "ssl = on\n")?;
        self.resume()
    }

    /// Writes a file that only the server's account may read.
    fn write_private(&self, name: &str, text: &str) -> Result<()> {
        let file = self.folder.join(name);
        std::fs::write(&file, text)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        if let Some(Account { user, group }) = self.account {
            std::os::unix::fs::chown(&file, Some(user), Some(group))?;
        }
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn accepts(&self) -> bool {
        let mut ready = self.as_account(self.binaries.join("pg_isready"));
        ready
            .args(["-q", "-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string());
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && ready.status().is_ok_and(|status| status.success())
    }

    fn initialise(&self) -> Result<()> {
        let password = self.folder.join("password");
        self.write_private("password", &self.password)?;
        let mut command = self.as_account(self.binaries.join("initdb"));
        command.args([
            "--no-sync",
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
        ]);
        command
            .args(["--locale=C.UTF-8", "--pwfile"])
            .arg(&password);
        let output = command.arg("-D").arg(self.data()).output()?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// A command that runs as the server's account.
    fn as_account(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command;
        if let Some(Account { user, group }) = self.account {
            command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            command.arg("--clear-groups").arg("--").arg(program);
        } else {
            command = Command::new(program);
        }
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
