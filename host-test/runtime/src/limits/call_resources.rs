//! What the instances of a call hold: memories, tables, modules.

use wasmtime::ResourceLimiter;

use super::{Exceeded, Limits, TABLE};
use crate::tenant::Tenant;

/// Memories and tables of one component at most. A connector has one and two.
const MEMORIES: usize = 4;
const TABLES: usize = 16;

/// Counts what the instances of a call hold, and refuses more than the limits, with an error that reaches
/// whoever made the call.
#[derive(Debug)]
pub(crate) struct CallResources {
    memory: usize,
    instances: usize,
    tenant: Tenant,
    /// Bytes of linear memory in use now, which is also the most ever used: it doesn't shrink.
    pub(crate) used: usize,
    /// Elements of all tables.
    elements: usize,
}

impl CallResources {
    pub(crate) fn new(limits: &Limits, tenant: Tenant) -> Self {
        Self {
            memory: limits.memory,
            instances: limits.instances,
            tenant,
            used: 0,
            elements: 0,
        }
    }
}

impl Drop for CallResources {
    fn drop(&mut self) {
        self.tenant.give_back_memory(self.used);
    }
}

impl ResourceLimiter for CallResources {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.used + more > self.memory {
            return Err(Exceeded::Memory(self.memory).into());
        }
        if !self.tenant.take_memory(more) {
            return Err(Exceeded::TenantMemory(self.tenant.limits().memory).into());
        }
        self.used += more;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.elements += desired.saturating_sub(current);
        if self.elements > TABLE {
            return Err(Exceeded::Table(TABLE).into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasmtime::{Engine, Ref, RefType, Store, Table, TableType};

    use super::*;

    #[test]
    fn tables_grow_to_their_limit() {
        let mut store = Store::new(
            &Engine::default(),
            CallResources::new(&Limits::default(), Tenant::default()),
        );
        store.limiter(|resources| resources);
        let kind = TableType::new(RefType::FUNCREF, 1, None);
        let table = Table::new(&mut store, kind, Ref::Func(None)).unwrap();
        let grown = u64::try_from(TABLE - 1).unwrap();
        table.grow(&mut store, grown, Ref::Func(None)).unwrap();
        let error = table.grow(&mut store, 1, Ref::Func(None)).unwrap_err();
        let met = Exceeded::behind(&error, &Limits::default());
        assert_eq!(met, Some(Exceeded::Table(TABLE)));
    }
}
