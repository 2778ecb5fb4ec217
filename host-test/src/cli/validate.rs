//! `host-test validate`: is this configuration good, and if not, what is to be done.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{ConfigArguments, print, json_view};
use connector_runtime::engine::{FailureKind, Nothing, ComponentSource, Runtime};
use connector_runtime::limits::Limits;
use connector_destinations::progress::Watched;
use connector_runtime::run;

pub(super) async fn run(component: &ComponentSource, arguments: &ConfigArguments) -> Result<ExitCode> {
    let connection = arguments.connection()?;
    let runtime = Runtime::new(component)?;
    let output = Box::new(Watched::new(Nothing));
    let (found, valid) = match runtime
        .validate(&connection, Limits::default(), output)
        .await
    {
        Ok(found) => (json_view::validation(&found), found.error.is_none()),
        Err(error) => {
            let error = json_view::failure(&run::failure(FailureKind::Other)(error));
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
