//! A terminal for a process to be tested in. Crates for this bring features of `libc` with which all of wasmtime would
//! be compiled a second time.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process, and the terminal that it believes a person to sit at.
pub(crate) struct Terminal {
    process: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// How much of what was shown has been waited for.
    seen: usize,
}

impl Terminal {
    pub(crate) fn run(mut command: Command) -> Self {
        let (ours, theirs) = open();
        let input = theirs.try_clone().unwrap();
        let output = theirs.try_clone().unwrap();
        command.stdin(input).stdout(output).stderr(theirs);
        // SAFETY: both calls may be made between fork and exec. A new session takes its standard input as its terminal,
        // so that `/dev/tty` is this terminal.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let process = command.spawn().unwrap();
        // The terminal ends when the last process that has it open does, and this is one.
        drop(command);
        let (sender, screen) = channel();
        let mut read = ours.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Linux reports an error where nobody has the other end any more.
            while let Ok(count @ 1..) = read.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            process,
            keyboard: ours,
            screen,
            shown: String::new(),
            seen: 0,
        }
    }

    /// Waits until this is shown.
    pub(crate) fn expect(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.shown[self.seen..].find(text) {
                self.seen += place + text.len();
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} was not shown: {}", self.shown)
                }
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Types a line once the terminal doesn't show what is typed any more.
    pub(crate) fn type_secret(&mut self, line: &str) {
        self.wait_until_hidden();
        self.type_line(line);
    }

    /// Interrupts the process once the terminal doesn't show what is typed any more. Whether it shows it again then.
    pub(crate) fn interrupt_hidden(mut self) -> (ExitStatus, bool) {
        self.wait_until_hidden();
        let process = libc::pid_t::try_from(self.process.id()).unwrap();
        // SAFETY: a child that nobody has waited for yet.
        unsafe { libc::kill(process, libc::SIGINT) };
        let ended = self.process.wait().unwrap();
        (ended, self.echoes())
    }

    fn wait_until_hidden(&self) {
        let until = Instant::now() + PATIENCE;
        while self.echoes() {
            assert!(Instant::now() < until, "it would be shown: {}", self.shown);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal shows what is typed.
    fn echoes(&self) -> bool {
        let mut settings = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: an open descriptor, and room for its settings.
        let result = unsafe { libc::tcgetattr(self.keyboard.as_raw_fd(), settings.as_mut_ptr()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the call has filled them in.
        let settings = unsafe { settings.assume_init() };
        settings.c_lflag & libc::ECHO != 0
    }

    /// Waits for the end of the process; all that was shown.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.shown += &String::from_utf8_lossy(&bytes);
        }
        (self.process.wait().unwrap(), self.shown)
    }
}

/// Both ends of a new terminal: ours, and the one of the processes in it.
fn open() -> (File, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let none = std::ptr::null_mut();
    // SAFETY: it writes two descriptors, which nobody else has; no name, no settings and no size are asked for.
    let result = unsafe {
        libc::openpty(
            &raw mut ours,
            &raw mut theirs,
            none,
            none.cast(),
            none.cast(),
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both are open, and owned by nobody.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    // SAFETY: an open descriptor. No process that is started meanwhile inherits our end.
    unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    (ours.into(), theirs)
}
