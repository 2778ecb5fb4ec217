//! One call: in a store of its own, within its limits, ended by whichever of them it meets first.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::time::timeout;
use wasmtime::Store;

use super::{Runtime, Usage};
use crate::call_context::{CallContext, CalledAfterRefusal};
use crate::contract::Connector;
use crate::cpu_scheduler::{CpuLimited, CpuMeter};
use crate::gate::InvalidDelivery;
use crate::limits::{Exceeded, Limits};
use crate::secrets::Secrets;
use crate::tenant::Tenant;

/// How long a call that failed waits for what its destination is writing: it may never end.
const DESTINATION_END: Duration = Duration::from_millis(500);

impl Runtime {
    /// Makes one call. Once it has ended, well or not, nothing more reaches its destination, unless that blocks.
    pub(super) async fn call<T>(
        &self,
        tenant: &Tenant,
        context: CallContext,
        call: impl AsyncFnOnce(&Connector, &mut Store<CallContext>) -> wasmtime::Result<T>,
    ) -> Result<(T, CallReport)> {
        let destination_ended = context.destination_ended();
        let ended = Box::pin(self.call_within_limits(tenant, context, call)).await;
        if ended.is_err() {
            // Its store is gone, and what was queued is not written.
            let _ = timeout(DESTINATION_END, destination_ended).await;
            // It brought nothing but work, and whoever calls again at once would bring more.
            tenant.pacer().pause().await;
        }
        ended
    }

    /// Makes one call in a store of its own, within its limits. A call that is given up leaves an instance
    /// that can't be entered again, so instance and store go together.
    async fn call_within_limits<T>(
        &self,
        tenant: &Tenant,
        context: CallContext,
        call: impl AsyncFnOnce(&Connector, &mut Store<CallContext>) -> wasmtime::Result<T>,
    ) -> Result<(T, CallReport)> {
        let (limits, metrics) = (context.limits(), context.metrics());
        let secrets = context.secrets().clone();
        let stopped = context.stopped();
        let meter = self.ticker.meter(tenant);
        let mut store = self.store(context, limits);
        let begun = Instant::now();
        let run = async move {
            let _turn = tenant.admit_call().await;
            let connector = self.connector.instantiate_async(&mut store).await?;
            let instantiated = begun.elapsed();
            let value = call(&connector, &mut store).await?;
            let mut context = store.into_data();
            context.close_destination().await;
            Ok((value, instantiated, context))
        };
        let mut run = Box::pin(run);
        let limited = CpuLimited::new(run.as_mut(), meter.clone(), limits.cpu);
        let ended = tokio::select! {
            ended = limited => ended.map_err(anyhow::Error::from),
            () = tokio::time::sleep(limits.wall) => Err(Exceeded::Wall(limits.wall).into()),
            () = stopped => Err(Stopped.into()),
        };
        // A call that was given up is cleared up at its own expense.
        meter.count(|| drop(run));
        let (value, instantiated, context) =
            ended?.map_err(|error| failure(error, &limits, &secrets))?;
        let first_request = metrics.first.get().map(|first| first.duration_since(begun));
        let usage = Usage {
            memory: context.resources.used,
            cpu: meter.used(),
            requests: metrics.requests.load(Ordering::Relaxed),
            instantiated,
            first_request,
        };
        let report = CallReport {
            refusal: context.refusal,
            exceeded: metrics.exceeded.get().copied(),
            usage,
        };
        Ok((value, report))
    }

    fn store(&self, context: CallContext, limits: Limits) -> Store<CallContext> {
        let mut store = Store::new(&self.engine, context);
        store.limiter(|context| &mut context.resources);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(CpuMeter::epoch_ends()));
        store
    }
}

/// A run that was told to stop and did not within a moment: it was waiting for the service, or its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted; the next run resumes at the last checkpoint")]
pub struct Stopped;

/// What a call leaves behind besides its value.
pub(super) struct CallReport {
    pub(super) refusal: Option<anyhow::Error>,
    pub(super) exceeded: Option<Exceeded>,
    pub(super) usage: Usage,
}

/// A limit in its own words, anything else with the guest's.
fn failure(error: wasmtime::Error, limits: &Limits, secrets: &Secrets) -> anyhow::Error {
    if let Some(exceeded) = Exceeded::behind(&error, limits) {
        return exceeded.into();
    }
    if let Some(invalid) = error.downcast_ref::<InvalidDelivery>() {
        return invalid.without(secrets).into();
    }
    match error.downcast::<CalledAfterRefusal>() {
        Ok(called) => called.into(),
        Err(error) => {
            // Where in the component is for its authors, why is for everybody.
            tracing::info!("the component failed: {error:?}");
            anyhow!("the component failed: {}", error.root_cause())
        }
    }
}
