//! `host-test validate`: is this configuration good, and if not, what is to be done.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{ConfigArguments, print, records};
use crate::engine::{FailureKind, Nothing, Options, Runtime};
use crate::limits::Limits;
use crate::progress::Watched;
use crate::run;

pub(super) async fn run(options: &Options, arguments: &ConfigArguments) -> Result<ExitCode> {
    let connection = arguments.connection()?;
    let runtime = Runtime::new(options)?;
    let output = Box::new(Watched::new(Nothing));
    let (found, valid) = match runtime
        .validate(&connection, Limits::default(), output)
        .await
    {
        Ok(found) => (records::validation(&found), found.error.is_none()),
        Err(error) => {
            let error = records::failure(&run::failure(FailureKind::Other)(error));
            (
                json!({ "valid": false, "error": error, "endpoints": [] }),
                false,
            )
        }
    };
    print(&found)?;
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
