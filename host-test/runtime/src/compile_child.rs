//! Compiles components of other authors in a child process, which has limits of its own.
//!
//! A component of a megabyte can take a compiler gigabytes and minutes. Wasmtime has no bound for that; the
//! operating system has. The child is this same program: it calls [`run_if_requested`] first thing in `main`.

use std::io::{Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::component_source::precompile;
use crate::printable::printable_within;

/// Set for the child: its limits, as `bytes,seconds`.
const REQUEST: &str = "CONNECTOR_COMPILE_CHILD";

/// This program can be its own child.
static AVAILABLE: AtomicBool = AtomicBool::new(false);

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of the component.
    pub size: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Of the processor, all threads together; twice as long by the clock.
    pub cpu: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            size: 64 << 20,
            memory: 2 << 30,
            cpu: Duration::from_mins(2),
        }
    }
}

/// Compiles and returns an exit code, if this process was started for that. Otherwise components of other
/// authors are compiled in children from now on.
///
/// A program calls it first thing in `main`, before it has threads.
#[must_use]
pub fn run_if_requested() -> Option<ExitCode> {
    let Some(request) = std::env::var_os(REQUEST) else {
        AVAILABLE.store(true, Ordering::Relaxed);
        return None;
    };
    let code = match serve(&request.to_string_lossy()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = write!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    };
    Some(code)
}

/// Whether this program can be its own child.
pub(crate) fn is_available() -> bool {
    AVAILABLE.load(Ordering::Relaxed)
}

/// In the child: reads a component, writes machine code.
fn serve(request: &str) -> Result<()> {
    let (memory, cpu) = request.split_once(',').context("no limits")?;
    limit_this_process(memory.parse()?, cpu.parse()?)?;
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component)?;
    std::io::stdout().write_all(&precompile(&component)?)?;
    Ok(())
}

#[cfg(unix)]
fn limit_this_process(memory: u64, seconds: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let exactly = |limit| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    setrlimit(Resource::As, exactly(memory))?;
    setrlimit(Resource::Cpu, exactly(seconds))?;
    setrlimit(Resource::Core, exactly(0))?;
    Ok(())
}

#[cfg(not(unix))]
fn limit_this_process(_: u64, _: u64) -> Result<()> {
    Ok(())
}

/// In the parent: compiles a component in a child.
///
/// # Errors
///
/// It is no component, or takes more than the limits.
pub(crate) fn compile(component: &[u8], limits: CompileLimits) -> Result<Vec<u8>> {
    let request = format!("{},{}", limits.memory, limits.cpu.as_secs().max(1));
    let mut child = Command::new(std::env::current_exe()?)
        .env_clear()
        .env(REQUEST, request)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("no process to compile the component in")?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let deadline = Instant::now() + limits.cpu * 2;
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(component)));
        let output = scope.spawn(move || read_all(stdout));
        let words = scope.spawn(move || read_all(stderr));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (output, words) = (
            output.join().unwrap_or_default(),
            words.join().unwrap_or_default(),
        );
        if status.success() {
            return Ok(output);
        }
        if status.code() == Some(1) {
            let words = printable_within(&String::from_utf8_lossy(&words), 500);
            bail!("the component cannot be compiled: {words}");
        }
        bail!(
            "compiling the component takes more than {} MiB of memory or {} s of the processor",
            limits.memory >> 20,
            limits.cpu.as_secs()
        )
    })
}

fn read_all(from: Option<impl std::io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = from.read_to_end(&mut bytes);
    }
    bytes
}
