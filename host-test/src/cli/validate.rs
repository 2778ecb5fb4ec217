//! `host-test validate`: is this configuration good, and if not, what is to be done.

use std::process::ExitCode;

use connector_destinations::progress::{ProgressOutput, Verbosity};
use connector_destinations::stderr;
use connector_destinations::stdout::print;
use connector_protocols::shutdown_signal::{ForcedEnd, Shutdown};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::FailureKind;
use connector_runtime::destination::NullDestination;
use connector_runtime::failure::{Failure, Summary, Validation};
use connector_runtime::json_view;
use connector_runtime::limits::Limits;
use connector_runtime::runtime::{Runtime, Stopped};

use super::context::{ConfigArguments, Context};
use super::error::CommandResult;

pub(super) async fn run(context: &Context, arguments: &ConfigArguments) -> CommandResult {
    let runtime = context.load().await?;
    let connection = context.connect(&runtime, arguments)?;
    let found = validate(
        context,
        &runtime,
        connection,
        &Shutdown::listen(ForcedEnd::Failure),
    )
    .await;
    report(context, &found)
}

/// Validates, whatever goes wrong.
pub(super) async fn validate(
    context: &Context,
    runtime: &Runtime,
    connection: Result<TenantConnection, Failure>,
    shutdown: &Shutdown,
) -> Validation {
    let connection = match connection {
        Ok(connection) => connection,
        Err(failure) => return failed(failure),
    };
    let notes = ProgressOutput::new(NullDestination, context.verbosity);
    let cancellation = shutdown.token();
    let found = runtime
        .validate(
            &connection,
            Limits::default(),
            Box::new(notes),
            &cancellation,
        )
        .await;
    found.unwrap_or_else(|error| {
        let kind = match error.downcast_ref::<Stopped>() {
            Some(Stopped) => FailureKind::Cancelled,
            None => FailureKind::Other,
        };
        failed(Failure::from_error(kind)(error))
    })
}

fn failed(failure: Failure) -> Validation {
    Validation {
        error: Some(failure),
        endpoints: Vec::new(),
        details: Summary::new(),
    }
}

/// Prints what was found; for a person too what is good and has a remark.
pub(super) fn report(context: &Context, found: &Validation) -> CommandResult {
    print(&json_view::validation(found))?;
    match &found.error {
        None => {
            if matches!(context.verbosity, Verbosity::Normal) {
                print_details(found);
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(failure) => {
            stderr::print_line(&format!("error: {}", failure.message));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print_details(found: &Validation) {
    for found in &found.endpoints {
        if let Some(detail) = &found.detail {
            stderr::print_line(&format!("info: {}: {detail}", found.endpoint));
        }
    }
}
