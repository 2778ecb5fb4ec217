//! The columns of a row, spelled once: from one list come the struct, its JSON and its schema.

/// A column of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it belongs to the primary key, and so is never null.
    pub key: bool,
    /// What it means.
    pub description: &'static str,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, ids among it.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// RFC 3339 in UTC.
    Timestamp,
}

/// The Rust type of a column.
macro_rules! column_type {
    (text_key) => { String };
    (integer_key) => { i64 };
    (text) => { Option<String> };
    (timestamp) => { Option<String> };
    (integer) => { Option<i64> };
    (boolean) => { Option<bool> };
}

/// The kind of a column, and whether it belongs to the primary key.
macro_rules! column_kind {
    (text_key) => {
        ($crate::row::ColumnKind::Text, true)
    };
    (integer_key) => {
        ($crate::row::ColumnKind::Integer, true)
    };
    (text) => {
        ($crate::row::ColumnKind::Text, false)
    };
    (timestamp) => {
        ($crate::row::ColumnKind::Timestamp, false)
    };
    (integer) => {
        ($crate::row::ColumnKind::Integer, false)
    };
    (boolean) => {
        ($crate::row::ColumnKind::Boolean, false)
    };
}

/// Declares the row of a stream: its columns in the order in which they are written, then facts that are not written.
macro_rules! row {
    (
        $(#[$docs:meta])*
        $name:ident {
            $($column:ident: $kind:ident = $description:literal,)*
        }
        $(not written {
            $($(#[$fact_docs:meta])* $fact:ident: $fact_type:ty,)*
        })?
    ) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub struct $name {
            $(#[doc = $description] pub $column: $crate::row::column_type!($kind),)*
            $($($(#[$fact_docs])* #[serde(skip)] pub $fact: $fact_type,)*)?
        }

        impl $name {
            /// Its columns, in the order in which they are written.
            pub const COLUMNS: &'static [$crate::row::Column] = &[$({
                let (kind, key) = $crate::row::column_kind!($kind);
                $crate::row::Column { name: stringify!($column), kind, key, description: $description }
            },)*];
        }
    };
}

pub(crate) use {column_kind, column_type, row};
