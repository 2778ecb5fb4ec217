//! Errors that come with a status of 200, as an answer would.

use crate::wire::{BodyError, List, Object, Target, Value, object};

object! {
    ErrorFields<'a> {
        errors: List<Value<'a>> = "errors",
        status_code: Value<'a> = "statusCode",
    }
}

/// Where the fields of an error begin, behind those of the answer.
const ERROR: usize = 1 << 10;

/// The fields of an answer, or of an error in its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer<'a, T> {
    fields: T,
    error: ErrorFields<'a>,
    /// Whether it has a field of the answer, whatever is in it.
    names_own: bool,
    /// Whether it has another one.
    names_other: bool,
}

impl<'a, T: Object<'a>> Object<'a> for Answer<'a, T> {
    fn index(&mut self, name: &str) -> Option<usize> {
        let own = self.fields.index(name);
        self.names_own |= own.is_some();
        self.names_other |= own.is_none();
        own.or_else(|| self.error.index(name).map(|index| ERROR + index))
    }

    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'a>> {
        match index.checked_sub(ERROR) {
            Some(index) => self.error.field(index),
            None => self.fields.field(index),
        }
    }
}

impl<T> Answer<'_, T> {
    /// The fields, unless this is an error. `{}` is an answer.
    ///
    /// # Errors
    ///
    /// It has the fields of an error, or others than those of the answer alone: services and boxes in between have many
    /// forms.
    pub(super) fn into_fields(self) -> Result<T, BodyError> {
        refuse_error_shape(&self.error.status_code, &self.error.errors)?;
        if self.names_other && !self.names_own {
            return Err(error_with_200());
        }
        Ok(self.fields)
    }
}

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

fn error_with_200() -> BodyError {
    BodyError::Unexpected("an error in an answer with HTTP 200".into())
}
