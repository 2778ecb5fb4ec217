//! Standard output.
//!
//! A reader that went away ends the process as SIGPIPE ends any program of a pipeline, without a word. Standard output
//! that was closed before the process began is an error: the rows would go nowhere.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context as _, Result, ensure};
use connector_runtime::printable::printable_json;
use serde_json::Value;

/// Writes to standard output, and ends the process once nobody reads it.
#[derive(Debug)]
pub struct StandardOutput(io::Stdout);

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
        Ok(Self(io::stdout()))
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        end_without_reader(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        end_without_reader(self.0.flush())
    }
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
    let line = value.to_string();
    out.write_all(printable_json(&line).as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .context("standard output cannot be written")
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
