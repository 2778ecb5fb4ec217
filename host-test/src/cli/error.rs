//! How a command fails, and the exit status that says so.

use std::process::ExitCode;

use connector_destinations::stderr;
use connector_protocols::adapter_config::ConfigError;
use connector_runtime::failure::Failure;

/// Wrong options, and files that cannot be read.
const USAGE: u8 = 2;

/// Why a command ended without its last line of JSON.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The caller has to call differently.
    Usage(anyhow::Error),
    /// Something else.
    Failed(anyhow::Error),
}

/// How a command ends.
pub(crate) type CommandResult<T = ExitCode> = Result<T, CommandError>;

impl CommandError {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(anyhow::Error::msg(message.into()))
    }

    /// Says what is wrong on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let (error, code) = match self {
            Self::Usage(error) => (error, ExitCode::from(USAGE)),
            Self::Failed(error) => (error, ExitCode::FAILURE),
        };
        stderr::print_line(&format!("error: {error:#}"));
        code
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self::Failed(anyhow::Error::msg(failure.message))
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Unreadable(error) => Self::Usage(error),
            ConfigError::Invalid(failure) => failure.into(),
        }
    }
}
