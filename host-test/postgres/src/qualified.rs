//! Names of tables and views with their schema.
//!
//! A function or an operator is looked for in every schema of the search path, and one whose types fit exactly is taken
//! wherever it is: who may make one in such a schema has it executed with the rights of whoever uses the name. So the path
//! of a connection is `pg_catalog` alone, and what is elsewhere is named with its schema.

use connector_destinations::identifier::quote;

/// The first statement of each connection. Temporary tables come last: they would come first if they were left out.
pub const SEARCH_PATH: &str = "SET search_path TO pg_catalog, pg_temp";

/// The name of a table or a view in a statement.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}
