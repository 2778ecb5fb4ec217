//! The type of a column in the database.
//!
//! Whole numbers are stored as `bigint`, which ends at 2^63 - 1. Numbers of the contract go up to 2^64 - 1, so a column
//! that is given a larger one becomes `numeric(20,0)` in the transaction that brings the number, and stays it.

use connector_runtime::stream::ColumnKind;

use crate::value::Cell;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    Timestamp,
    Bigint,
    Numeric,
    Double,
    Boolean,
    Json,
}

impl ColumnType {
    /// The type that a column of this kind has in a new table.
    pub(crate) fn of(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text,
            ColumnKind::Timestamp => Self::Timestamp,
            ColumnKind::Integer => Self::Bigint,
            ColumnKind::Number => Self::Double,
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Json => Self::Json,
        }
    }

    /// The type of an existing column by its name, if values of this kind can be stored in it.
    pub(crate) fn of_existing(kind: ColumnKind, name: &str) -> Option<Self> {
        let usual = Self::of(kind);
        let candidates = [usual, usual.widened()];
        candidates.into_iter().find(|found| found.name() == name)
    }

    /// The type that holds every value of the same kind.
    pub(crate) fn widened(self) -> Self {
        if self == Self::Bigint {
            Self::Numeric
        } else {
            self
        }
    }

    /// Whether a value of the column's kind can be stored.
    pub(crate) fn holds(self, cell: &Cell) -> bool {
        match cell {
            Cell::Integer(integer) => self != Self::Bigint || i64::try_from(*integer).is_ok(),
            _ => true,
        }
    }

    /// Its name, as PostgreSQL lists it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Timestamp => "timestamp with time zone",
            Self::Bigint => "bigint",
            Self::Numeric => "numeric(20,0)",
            Self::Double => "double precision",
            Self::Boolean => "boolean",
            Self::Json => "jsonb",
        }
    }

    /// The name of the type in which values are bound; PostgreSQL converts them to the column's.
    pub(crate) fn bound_name(self) -> &'static str {
        match self {
            Self::Json | Self::Numeric => Self::Text.name(),
            other => other.name(),
        }
    }
}
