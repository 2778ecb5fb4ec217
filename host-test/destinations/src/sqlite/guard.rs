//! What a statement may do, and for how long.
//!
//! A file may come from somebody else: its schema is not trusted, its triggers do not run, and no statement attaches
//! another file. A statement that takes too long, or that runs while the run is told to stop, is interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Instructions of SQLite's machine between two looks at the clock: less than a millisecond.
const INSTRUCTIONS: i32 = 20_000;
/// How long a call may use SQLite. A sweep of ten million rows takes less.
const PATIENCE: Duration = Duration::from_mins(5);

/// Interrupts statements.
#[derive(Debug, Clone)]
pub(super) struct Watchdog {
    stop: Arc<AtomicBool>,
    call_started: Arc<Mutex<Instant>>,
}

impl Watchdog {
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            stop,
            call_started: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// A call begins: its statements share the time from here.
    pub(super) fn restart(&self) {
        *self
            .call_started
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn interrupts(&self) -> bool {
        let started = *self
            .call_started
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.stop.load(Ordering::Relaxed) || started.elapsed() > PATIENCE
    }
}

/// Restricts a connection for good, before the first statement that depends on the content of the file.
pub(super) fn restrict(database: &mut Connection, watchdog: &Watchdog) -> Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        // A name in double quotes that is no column is an error, not a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        database.set_db_config(setting, on)?;
    }
    database.authorizer(Some(authorize))?;
    let watchdog = watchdog.clone();
    database.progress_handler(INSTRUCTIONS, Some(move || watchdog.interrupts()))?;
    Ok(())
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Unknown { .. } => Authorization::Deny,
        AuthAction::Function { function_name }
            if function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}
