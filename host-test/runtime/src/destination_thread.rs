//! A destination on a thread of its own, behind a bounded queue.
//!
//! A destination blocks: on a disk, a database, a reader that went away. Here it blocks its own thread and
//! nobody's executor, so that a call's deadline and its cancellation do not wait for it. What is queued is
//! bounded in bytes; a guest that delivers faster waits. A call that ends early leaves its queue unwritten: no checkpoint
//! covers it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Error, anyhow};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::destination::{Batch, Destination, Note, Row};

/// Deliveries in the queue at most.
const QUEUE: usize = 64;
/// Bytes of rows that are queued or being written at most, as they lie in memory.
const QUEUED_BYTES: u32 = 8 << 20;

/// Why the destination refused, in its own words.
#[derive(Debug, Clone, Default)]
struct Refusal(Arc<Mutex<Option<Error>>>);

impl Refusal {
    fn set(&self, error: Error) {
        let mut refusal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.get_or_insert(error);
    }

    fn take(&self) -> Error {
        let mut refusal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusal
            .take()
            .unwrap_or_else(|| anyhow!("the destination ended without a word"))
    }
}

/// Something to deliver.
enum Delivery {
    BeginSnapshot(Vec<String>),
    Write(Batch, OwnedSemaphorePermit),
    Checkpoint(String, oneshot::Sender<()>),
    EndSnapshot(String, Vec<Row>, oneshot::Sender<()>),
    Note(Note),
}

/// The near end of the queue. The thread begins with the first delivery: most calls that only validate have none.
pub(crate) struct DestinationThread {
    state: State,
    refusal: Refusal,
    bytes: Arc<Semaphore>,
    /// What is queued is not wanted any more.
    abandoned: Arc<AtomicBool>,
    ended: CancellationToken,
}

enum State {
    /// The guard tells of the end once the destination is gone.
    Idle(Box<dyn Destination>, DropGuard),
    Running(Sender<Delivery>),
    Ended,
}

impl Drop for DestinationThread {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

impl DestinationThread {
    pub(crate) fn new(destination: Box<dyn Destination>) -> Self {
        let ended = CancellationToken::new();
        Self {
            state: State::Idle(destination, ended.clone().drop_guard()),
            refusal: Refusal::default(),
            bytes: Arc::new(Semaphore::new(QUEUED_BYTES as usize)),
            abandoned: Arc::default(),
            ended,
        }
    }

    /// Waits until the destination is gone, this end of its queue having been closed or dropped.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        self.ended.clone().cancelled_owned()
    }

    pub(crate) async fn begin_snapshot(&mut self, streams: Vec<String>) -> Result<(), Error> {
        self.send(Delivery::BeginSnapshot(streams)).await
    }

    /// Queues a batch that takes so many bytes in memory.
    pub(crate) async fn write(&mut self, batch: Batch, bytes: usize) -> Result<(), Error> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(QUEUED_BYTES);
        let permit = Arc::clone(&self.bytes).acquire_many_owned(bytes).await?;
        self.send(Delivery::Write(batch, permit)).await
    }

    /// Returns when everything before it is committed.
    pub(crate) async fn checkpoint(&mut self, state: String) -> Result<(), Error> {
        let (done, committed) = oneshot::channel();
        self.send(Delivery::Checkpoint(state, done)).await?;
        committed.await.map_err(|_| self.refusal.take())
    }

    pub(crate) async fn end_snapshot(
        &mut self,
        stream: String,
        except: Vec<Row>,
    ) -> Result<(), Error> {
        let (done, taken) = oneshot::channel();
        let delivery = Delivery::EndSnapshot(stream, except, done);
        self.send(delivery).await?;
        taken.await.map_err(|_| self.refusal.take())
    }

    pub(crate) async fn note(&mut self, note: Note) {
        // What refuses rows says so when rows come.
        let _ = self.try_send(Delivery::Note(note)).await;
    }

    /// Waits until everything queued is written and the destination is gone; its refusal, if there was one
    /// that nobody was told of.
    pub(crate) async fn close(&mut self) -> Result<(), Error> {
        self.state = State::Ended;
        self.ended().await;
        let refusal = self
            .refusal
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        refusal.map_or(Ok(()), Err)
    }

    async fn send(&mut self, delivery: Delivery) -> Result<(), Error> {
        match self.try_send(delivery).await {
            Ok(()) => Ok(()),
            Err(Closed) => Err(self.refusal.take()),
        }
    }

    async fn try_send(&mut self, delivery: Delivery) -> Result<(), Closed> {
        if let State::Idle(..) = self.state {
            self.start()?;
        }
        match &self.state {
            State::Running(queue) => queue.send(delivery).await.map_err(|_| Closed),
            _ => Err(Closed),
        }
    }

    fn start(&mut self) -> Result<(), Closed> {
        let State::Idle(destination, ended) = std::mem::replace(&mut self.state, State::Ended)
        else {
            return Err(Closed);
        };
        let (queue, deliveries) = channel(QUEUE);
        let (refusal, abandoned) = (self.refusal.clone(), Arc::clone(&self.abandoned));
        let spawned = thread::Builder::new()
            .name("destination".to_owned())
            .spawn(move || {
                serve(destination, deliveries, &refusal, &abandoned);
                drop(ended);
            });
        if let Err(error) = spawned {
            self.refusal
                .set(anyhow!("no thread for the destination: {error}"));
            return Err(Closed);
        }
        self.state = State::Running(queue);
        Ok(())
    }
}

/// The thread is gone, or never began.
struct Closed;

/// Delivers until there is no more or no more is wanted, or the destination refuses.
fn serve(
    mut destination: Box<dyn Destination>,
    mut deliveries: Receiver<Delivery>,
    refusal: &Refusal,
    abandoned: &AtomicBool,
) {
    while let Some(delivery) = deliveries.blocking_recv() {
        if abandoned.load(Ordering::Relaxed) {
            return;
        }
        let (done, waiting) = match delivery {
            Delivery::BeginSnapshot(streams) => (destination.begin_snapshot(&streams), None),
            Delivery::Write(batch, permit) => {
                let written = destination.write(batch);
                drop(permit);
                (written, None)
            }
            Delivery::Checkpoint(state, waiting) => (destination.checkpoint(&state), Some(waiting)),
            Delivery::EndSnapshot(stream, except, waiting) => {
                (destination.end_snapshot(&stream, &except), Some(waiting))
            }
            Delivery::Note(note) => {
                destination.note(&note);
                (Ok(()), None)
            }
        };
        if let Err(error) = done {
            // Before whoever waits notices that nobody will answer.
            refusal.set(error);
            return;
        }
        if let Some(waiting) = waiting {
            let _ = waiting.send(());
        }
    }
}
