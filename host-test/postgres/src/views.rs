//! Views beside the tables.

use anyhow::{Result, ensure};
use tokio_postgres::types::Type;

use crate::qualified::qualified;
use crate::session::Session;

/// The comment on views that this program makes and may replace.
const OWN_VIEW: &str = "made by the connector, and replaced by its runs";

/// A name, and the query behind it, which names tables with their schema.
type View = (String, String);

/// Refuses names that something has which this program did not make as a view.
pub(crate) fn refuse_those_of_others(
    session: &mut Session,
    schema: &str,
    views: &[View],
) -> Result<()> {
    let names: Vec<_> = views.iter().map(|(name, _)| name).collect();
    let sql = "SELECT relname::text FROM pg_class WHERE relname = ANY($1)
                   AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $3)
                   AND (relkind <> 'v' OR obj_description(oid, 'pg_class') IS DISTINCT FROM $2)";
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
        (&names, Type::TEXT_ARRAY),
        (&OWN_VIEW, Type::TEXT),
        (&schema, Type::TEXT),
    ];
    let found = session.query(sql, &parameters)?;
    let found = found.first().map(|row| row.get::<_, String>(0));
    ensure!(
        found.is_none(),
        "its view {} was made by another program; use another schema, or drop that view",
        found.unwrap_or_default()
    );
    Ok(())
}

/// Makes views, and replaces those of the same name.
pub(crate) fn create(session: &mut Session, schema: &str, views: &[View]) -> Result<()> {
    for (name, select) in views {
        let name = qualified(schema, name);
        // Views of others that stand on this one survive where the columns stay.
        let replaced = session.batch(&format!("CREATE OR REPLACE VIEW {name} AS {select}"));
        if replaced.is_err() {
            session.batch(&format!(
                "BEGIN; DROP VIEW IF EXISTS {name}; CREATE VIEW {name} AS {select}; COMMIT"
            ))?;
        }
        session.batch(&format!("COMMENT ON VIEW {name} IS '{OWN_VIEW}'"))?;
    }
    Ok(())
}
