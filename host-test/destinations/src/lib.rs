//! Where rows go: JSON lines, SQLite, state files, and progress for a person.

pub mod jsonl;
pub mod progress;
pub mod seldom;
pub mod sqlite;
pub mod state_file;
pub mod stdout;
