//! Where rows go: JSON lines, SQLite, state files, and progress for a person; and the files that a person hands over.
//!
//! A destination takes what the runtime's gate has checked: known streams, known columns, typed values. It still
//! binds every value and quotes every name, because a file may have been made by somebody else.

pub mod identifier;
pub mod json_lines;
pub mod json_lines_directory;
pub mod lost_table;
pub mod ownership;
pub mod private_file;
pub mod progress;
pub mod sqlite;
pub mod state_file;
pub mod stderr;
pub mod stdout;
pub mod text_file;

#[cfg(test)]
mod testing;
