//! Questions to a person at a terminal, or to a script that writes to standard input.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, ensure};
use tokio::task::block_in_place;

/// Asks for a line.
pub(super) fn line(question: &str) -> Result<String> {
    prompt(question);
    read_line(question)
}

/// Asks for a line that is not shown while it is typed.
pub(super) async fn secret(question: &str) -> Result<String> {
    prompt(question);
    if io::stdin().is_terminal() {
        let typed = tokio::task::spawn_blocking(rpassword::read_password).await?;
        return typed.with_context(|| unanswered(question));
    }
    read_line(question)
}

fn prompt(question: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question}: ");
    let _ = stderr.flush();
}

fn read_line(question: &str) -> Result<String> {
    let mut answer = String::new();
    // Whoever listens for signals goes on meanwhile, on a machine with one processor too.
    let read = block_in_place(|| io::stdin().read_line(&mut answer));
    let read = read.with_context(|| unanswered(question))?;
    ensure!(read > 0, unanswered(question));
    Ok(answer.trim().to_owned())
}

fn unanswered(question: &str) -> String {
    format!("{question}: no answer; see host-test init --help for the option")
}
