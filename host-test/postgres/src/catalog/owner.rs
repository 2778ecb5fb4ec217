//! Who owns a schema and what is in it.
//!
//! The owner of a table decides what is executed when rows are written to it, with the rights of the role that writes,
//! and reads all of them. So a run uses what belongs to roles that have its rights anyway, or more: its own role, roles
//! whose rights it has as their member, superusers, and the owner of the database. Nobody else can drop, rename or
//! replace what was found to be theirs.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use connector_destinations::identifier::quote;
use tokio_postgres::types::Type;

use crate::session::Session;

/// The roles whose objects are used. A superuser is a member of every role by `pg_has_role`, and by the grants of roles
/// of few. A member that does not have a role's rights, as whoever made a role in PostgreSQL 16, does not trust it.
const TRUSTED: &str = "
    WITH RECURSIVE mine(role) AS (
        SELECT oid FROM pg_roles WHERE rolname = current_user
        UNION
        SELECT roleid FROM pg_auth_members JOIN mine ON member = role WHERE pg_has_role(roleid, 'USAGE')),
    trusted(role) AS (
        SELECT role FROM mine
        UNION SELECT oid FROM pg_roles WHERE rolsuper OR rolname = 'pg_database_owner'
        UNION SELECT datdba FROM pg_database WHERE datname = current_database())";

const SCHEMA: &str = "
    SELECT has_schema_privilege(oid, 'USAGE'), current_user::text, pg_get_userbyid(nspowner)::text,
        nspowner IN (SELECT role FROM trusted)
    FROM pg_namespace WHERE nspname = $1";

const RELATIONS: &str = "
    SELECT relname::text, pg_get_userbyid(relowner)::text, relowner IN (SELECT role FROM trusted),
        row_security_active(pg_class.oid), current_user::text,
        (SELECT min(tgname::text) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
         WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND proowner NOT IN (SELECT role FROM trusted))
    FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relname = ANY($2)
    ORDER BY relname";

/// Whether there is a schema of this name. One that this role may not use, or whose owner it does not trust, is refused.
pub(super) fn check_schema(session: &mut Session, schema: &str) -> Result<bool> {
    let found = session.query(&format!("{TRUSTED} {SCHEMA}"), &[(&schema, Type::TEXT)])?;
    let Some(row) = found.first() else {
        return Ok(false);
    };
    let (name, user, owner) = (quote(schema), quote(row.get(1)), quote(row.get(2)));
    ensure!(
        row.get::<_, bool>(3),
        "it belongs to the role {owner}, which {user} is no member of: what {owner} makes in it would be executed with \
         the rights of {user}; use another schema, or let an administrator run ALTER SCHEMA {name} OWNER TO {user}"
    );
    ensure!(
        row.get::<_, bool>(0),
        "the role has no permission to use it: GRANT USAGE, CREATE ON SCHEMA {name} TO {user}"
    );
    Ok(true)
}

/// Which of these tables and views exist. One is refused whose owner, or the owner of whose triggers' functions, this
/// role does not trust, or some of whose rows this role cannot see.
pub(super) fn check_relations(
    session: &mut Session,
    schema: &str,
    names: &[String],
) -> Result<BTreeSet<String>> {
    let found = session.query(
        &format!("{TRUSTED} {RELATIONS}"),
        &[(&schema, Type::TEXT), (&names, Type::TEXT_ARRAY)],
    )?;
    let mut existing = BTreeSet::new();
    for row in found {
        let (name, owner, user): (String, String, String) = (row.get(0), row.get(1), row.get(4));
        let (owner, user) = (quote(&owner), quote(&user));
        ensure!(
            row.get::<_, bool>(2),
            "its table or view {name} belongs to the role {owner}, which {user} is no member of: what {owner} attaches to \
             it would be executed with the rights of {user}; use another schema, or let an administrator drop it"
        );
        let trigger: Option<String> = row.get(5);
        ensure!(
            trigger.is_none(),
            "the trigger {} of its table {name} executes a function of a role that {user} is no member of; drop the \
             trigger, or use another schema",
            trigger.unwrap_or_default()
        );
        ensure!(
            !row.get::<_, bool>(3),
            "its table {name} has row level security that hides rows from {user}: use a role with BYPASSRLS, or ALTER \
             TABLE {}.{} DISABLE ROW LEVEL SECURITY",
            quote(schema),
            quote(&name)
        );
        existing.insert(name);
    }
    Ok(existing)
}
