//! A table that somebody has dropped, although the stored state says that its rows were delivered.

use std::fmt;

/// A run that went on from the state would leave out what was in the table, and say that all is well.
#[derive(Debug)]
pub struct LostTable {
    /// The stream whose table it was.
    pub stream: String,
    /// The connector whose state covers it.
    pub connector: String,
}

impl fmt::Display for LostTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, connector } = self;
        let connector = connector.replace('\'', "''");
        write!(
            formatter,
            "its table {stream} is gone, although the stored state says that its rows were delivered. To read everything \
             anew, forget the state (DELETE FROM _state WHERE connector = '{connector}', and the file of --state, if there \
             is one), and run again"
        )
    }
}

impl std::error::Error for LostTable {}
