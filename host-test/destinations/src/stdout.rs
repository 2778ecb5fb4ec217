//! Standard output.
//!
//! A reader that went away ends the process as SIGPIPE ends any program of a pipeline, without a word. Standard output
//! that was closed before the process began is an error: the rows would go nowhere.
//!
//! Several threads write. Each write is whole under one lock, so whoever writes whole lines at once never has a line of
//! another thread within its own. After the last line of a command nothing more is written.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use connector_runtime::printable::printable_json;
use serde_json::Value;

const UNWRITABLE: &str = "standard output cannot be written";

/// Whether there may be more to write. It is locked while something is written.
static GATE: Mutex<Gate> = Mutex::new(Gate::Open);

#[derive(Debug)]
enum Gate {
    Open,
    /// The last line was written.
    Closed,
}

/// Writes to standard output, and ends the process once nobody reads it. What is written after the last line is
/// refused.
#[derive(Debug)]
pub struct StandardOutput(());

impl StandardOutput {
    /// Standard output of this process.
    ///
    /// # Errors
    ///
    /// It was closed before the process began.
    pub fn open() -> Result<Self> {
        ensure!(
            !was_closed::at_start(),
            "standard output is closed; send it to a file or a pipe"
        );
        Ok(Self(()))
    }
}

impl Write for StandardOutput {
    /// Takes all of it or nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all(&open_gate()?, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The gate, locked, unless the last line was written.
fn open_gate() -> io::Result<MutexGuard<'static, Gate>> {
    let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    match *gate {
        Gate::Open => Ok(gate),
        Gate::Closed => Err(io::Error::other("the last line was written before")),
    }
}

/// Writes and flushes, while the gate is locked.
fn write_all(_: &MutexGuard<'_, Gate>, bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    end_without_reader(out.write_all(bytes).and_then(|()| out.flush()))
}

fn end_without_reader<T>(written: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &written
        && error.kind() == ErrorKind::BrokenPipe
    {
        #[cfg(unix)]
        let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
        std::process::exit(1);
    }
    written
}

/// Writes a value as one line of standard output.
///
/// # Errors
///
/// It was closed, or its disk is full.
pub fn print(value: &Value) -> Result<()> {
    let mut out = StandardOutput::open()?;
    write_line(&mut out, &value.to_string()).context(UNWRITABLE)
}

/// The same for the last line: what another thread has not written yet is refused from then on.
///
/// # Errors
///
/// It was closed, or its disk is full, or the last line was written before.
pub fn print_last(value: &Value) -> Result<()> {
    StandardOutput::open()?;
    let mut gate = open_gate()?;
    let mut line = Vec::new();
    let written = write_line(&mut line, &value.to_string());
    let written = written.and_then(|()| write_all(&gate, &line));
    *gate = Gate::Closed;
    written.context(UNWRITABLE)
}

/// Refuses what another thread has not begun to write. A line that is being written is waited for: a reader that has
/// stalled may never take it.
pub fn close_within(limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        match GATE.try_lock() {
            Ok(mut gate) => return *gate = Gate::Closed,
            Err(_) if Instant::now() >= deadline => return,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Writes JSON as one line, at once.
///
/// # Errors
///
/// It cannot be written.
pub fn write_line(out: &mut impl Write, json: &str) -> io::Result<()> {
    let mut line = printable_json(json).into_owned();
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Rust opens `/dev/null` in the place of a closed standard output, before `main`. So this looks before that.
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod was_closed {
    use std::os::fd::BorrowedFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    #[expect(unsafe_code, reason = "the loader calls it before main")]
    #[used]
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
    #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
    static LOOK: extern "C" fn() = look;

    #[expect(
        unsafe_code,
        reason = "a number of a file descriptor that may be closed"
    )]
    extern "C" fn look() {
        // SAFETY: 1 is not -1, and the only call with it fails if it is closed.
        let stdout = unsafe { BorrowedFd::borrow_raw(1) };
        if rustix::io::fcntl_getfd(stdout).is_err() {
            CLOSED.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn at_start() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod was_closed {
    pub(super) fn at_start() -> bool {
        false
    }
}
