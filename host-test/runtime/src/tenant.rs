//! A tenant: whoever's calls share one budget.

use std::sync::Arc;

/// A tenant. Clones are the same tenant.
#[derive(Debug, Clone, Default)]
pub struct Tenant(Arc<()>);
