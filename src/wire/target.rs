//! What JSON is read into.
//!
//! One reader serves every object: it knows them as [`Target`]s and [`Object`]s only. serde's derived code is made anew
//! for each object, and again for each list of them and each object in another, which took 90 KB of the component.

mod reader;

use self::reader::read_into;
use super::Value;

/// What one value is read into.
pub trait Target<'de> {
    /// Takes a value. An object or a list comes as [`Value::Composite`] where none is expected.
    fn set(&mut self, value: Value<'de>);

    /// Begins an object, where one is expected.
    fn object(&mut self) -> Option<&mut dyn Object<'de>> {
        None
    }

    /// Begins a list, where one is expected.
    fn list(&mut self) -> Option<&mut dyn Items<'de>> {
        None
    }
}

/// An object with fields that may be missing. Other fields are skipped.
pub trait Object<'de> {
    /// Which of its fields has this name in JSON.
    fn index(&mut self, name: &str) -> Option<usize>;

    /// What a field is read into.
    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'de>>;
}

/// The items of a list.
pub trait Items<'de> {
    /// Adds one, for what follows to be read into it; none where the list is too long.
    fn add(&mut self) -> Option<&mut dyn Target<'de>>;
}

/// Declares an [`Object`]: its fields, each with its name in JSON.
macro_rules! object {
    (
        $(#[$docs:meta])*
        $visibility:vis $name:ident<$lifetime:lifetime> {
            $($field:ident: $type:ty = $key:literal,)*
        }
    ) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Default, PartialEq)]
        $visibility struct $name<$lifetime> {
            $($field: $type,)*
        }

        impl<$lifetime> $crate::wire::Object<$lifetime> for $name<$lifetime> {
            fn index(&mut self, name: &str) -> Option<usize> {
                $crate::wire::known(&[$($key),*], name)
            }

            fn field(&mut self, index: usize) -> Option<&mut dyn $crate::wire::Target<$lifetime>> {
                let mut fields_before = 0;
                $(
                    if index == fields_before {
                        return Some(&mut self.$field);
                    }
                    fields_before += 1;
                )*
                let _ = fields_before;
                None
            }
        }
    };
}

pub(crate) use object;

/// Where a name stands among those that are known.
pub(crate) fn known(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

/// Why JSON is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// It ends too early.
    Cut,
    /// It is none: at which line and column.
    Malformed(usize, usize),
    /// An object has a field twice.
    FieldTwice,
    /// A list is too long.
    TooManyItems,
}

/// From serde_json's error, whose own text is never shown: it may quote the body, and printing it takes 6 KB.
impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() {
            Self::Cut
        } else {
            Self::Malformed(error.line(), error.column())
        }
    }
}

/// Reads JSON.
///
/// # Errors
///
/// It is none, has a field twice, or too long a list.
pub(crate) fn read<'de, T: Target<'de> + Default>(json: &'de [u8]) -> Result<T, ReadError> {
    let mut target = T::default();
    read_into(&mut target, json)?;
    Ok(target)
}
