//! Errors that come with a status of 200, as an answer would.

use crate::wire::{BodyError, List, Value};

/// Refuses `{"statusCode":403,…}` and `{"errors":[…]}`, which were seen with a status of 200.
pub(super) fn refuse_error_shape(
    status: &Value<'_>,
    errors: &List<Value<'_>>,
) -> Result<(), BodyError> {
    let has_errors = match errors {
        List::Missing => false,
        List::Items(errors) => !errors.is_empty(),
        List::Other => true,
    };
    if status.is_missing() && !has_errors {
        return Ok(());
    }
    Err(error_with_200())
}

/// Refuses `{"message":…}`, `{"error":…}` and `{"errors":[]}` where nothing else was sent.
pub(super) fn refuse_error_alone(
    message: &Value<'_>,
    error: &Value<'_>,
    errors: &List<Value<'_>>,
) -> Result<(), BodyError> {
    if message.is_missing() && error.is_missing() && *errors == List::Missing {
        return Ok(());
    }
    Err(error_with_200())
}

/// The error of such an answer.
pub(super) fn error_with_200() -> BodyError {
    BodyError::Unexpected("an error in an answer with HTTP 200".into())
}
