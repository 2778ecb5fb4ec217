//! The accounts seen in rows: each is looked up once in a run, 250 at a time.

use std::collections::HashSet;

use crate::api::UnreadableValue;
use crate::api::user::{MAX_ACCOUNT_IDS, UserRow};
use crate::client::request::RequestError;
use crate::client::{Client, Platform};
use crate::error::Error;
use crate::fetch::{self, FoundUsers};

/// Accounts of a batch that may fail one by one before the endpoint is taken to fail.
const MAX_SPOILED: usize = 8;
/// Look-ups that may fail one after the other, all retries included, before the endpoint is taken to fail. An account
/// that spoils its batch spoils one half of it.
const MAX_FAILED_IN_A_ROW: u32 = 3;
/// Look-ups that may fail for one batch, all retries included: two accounts that spoil it cost so many.
const MAX_FAILED: u32 = 20;

/// Accounts, from being seen to being delivered.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// All that were ever seen in this call.
    seen: HashSet<String>,
    /// Seen and not yet requested.
    pending: Vec<String>,
    /// Batches requested and not yet delivered.
    in_flight: Vec<Vec<String>>,
    /// Whether nothing is looked up any more in this call.
    abandoned: bool,
}

impl Accounts {
    /// Those that an interrupted run left.
    #[must_use]
    pub(super) fn resume(pending: Vec<String>) -> Self {
        Self {
            seen: pending.iter().cloned().collect(),
            pending,
            ..Self::default()
        }
    }

    /// Takes note of accounts.
    pub(super) fn observe<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        for id in ids {
            if !self.abandoned && !self.seen.contains(id) {
                self.seen.insert(id.to_owned());
                self.pending.push(id.to_owned());
            }
        }
    }

    /// A full batch to look up, if there is one.
    pub(super) fn take_full_batch(&mut self) -> Option<Vec<String>> {
        (self.pending.len() >= MAX_ACCOUNT_IDS).then(|| self.take(MAX_ACCOUNT_IDS))
    }

    /// A batch to look up, full or not, if there is one.
    pub(super) fn take_batch(&mut self) -> Option<Vec<String>> {
        let size = self.pending.len().min(MAX_ACCOUNT_IDS);
        (size > 0).then(|| self.take(size))
    }

    fn take(&mut self, size: usize) -> Vec<String> {
        let batch: Vec<_> = self.pending.drain(..size).collect();
        self.in_flight.push(batch.clone());
        batch
    }

    /// A batch was delivered.
    pub(super) fn delivered(&mut self, batch: &[String]) {
        self.in_flight.retain(|requested| requested != batch);
    }

    /// A snapshot begins: accounts that were delivered before are looked up again where they are seen again.
    pub(super) fn begin_snapshot(&mut self) {
        let not_delivered = self.in_flight.iter().flatten().chain(&self.pending);
        self.seen = not_delivered.cloned().collect();
    }

    /// Forgets what is not delivered, and what will be seen.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.pending.clear();
        self.in_flight.clear();
    }

    /// What a resumed run would have to look up.
    #[must_use]
    pub(super) fn not_delivered(&self) -> Vec<String> {
        let in_flight = self.in_flight.iter().flatten();
        in_flight.chain(&self.pending).cloned().collect()
    }
}

/// What the service says of a batch of accounts.
#[derive(Debug, Default)]
pub(super) struct UserBatch {
    /// The accounts.
    pub(super) accounts: Vec<String>,
    /// Their rows.
    pub(super) rows: Vec<UserRow>,
    /// Users in the answers that were not requested.
    pub(super) unrequested: usize,
    /// Rows without a key.
    pub(super) unusable: usize,
    /// Values that could not be read.
    pub(super) unreadable: Vec<UnreadableValue>,
    /// Why each account that could not be looked up could not, though others could.
    pub(super) failures: Vec<Error>,
}

impl UserBatch {
    /// Accounts that the service doesn't know.
    #[must_use]
    pub(super) fn unknown(&self) -> usize {
        let known = self.rows.len() + self.unusable + self.failures.len();
        self.accounts.len().saturating_sub(known)
    }

    fn add(&mut self, found: FoundUsers) {
        self.rows.extend(found.rows);
        self.unrequested += found.unrequested;
        self.unusable += found.unusable;
        self.unreadable.extend(found.unreadable);
    }
}

/// The accounts of a batch that an answer has no row of.
fn missing(batch: &[String], found: &FoundUsers) -> Vec<String> {
    let known: HashSet<String> = found.rows.iter().map(|row| row.source_id.clone()).collect();
    let missing = batch.iter().filter(|id| !known.contains(*id));
    missing.cloned().collect()
}

/// Looks up accounts. Those that the service doesn't know have no row. A batch that fails is halved until the account
/// at fault is alone: one that is refused there is taken to be unknown.
///
/// # Errors
///
/// Those of the requests, where nothing shows that a part of the batch is at fault.
pub(super) async fn look_up<P: Platform>(
    client: &Client<'_, P>,
    accounts: Vec<String>,
) -> Result<UserBatch, RequestError> {
    let mut result = UserBatch::default();
    let (mut spoiled, mut failed, mut failed_in_a_row) = (0, 0, 0);
    let mut any_succeeded = false;
    // In turns, so that the good half of a batch is asked for before the bad one is halved again.
    let mut batches = vec![accounts.as_slice()];
    let mut next = 0;
    while let Some(&batch) = batches.get(next) {
        next += 1;
        let error = match found_in(client, batch, &mut result).await {
            Ok(()) => {
                (failed_in_a_row, any_succeeded) = (0, true);
                continue;
            }
            Err(RequestError::Failed(error)) => error,
            Err(error) => return Err(error),
        };
        let is_refused = matches!(error.http_status, Some(400 | 413 | 422));
        let is_alone = batch.len() < 2;
        failed += u32::from(!is_refused);
        failed_in_a_row += u32::from(!is_refused);
        spoiled += usize::from(is_alone);
        let blames_the_batch = is_refused || any_succeeded || !is_alone;
        let is_endpoint_down = failed > MAX_FAILED || failed_in_a_row > MAX_FAILED_IN_A_ROW;
        if !blames_the_batch || spoiled > MAX_SPOILED || is_endpoint_down {
            return Err(RequestError::Failed(error));
        }
        if !is_alone {
            let (first, second) = batch.split_at(batch.len() / 2);
            batches.extend([first, second]);
        } else if !is_refused {
            result.failures.push(error);
        }
    }
    result.accounts = accounts;
    Ok(result)
}

/// Adds what the service says of these accounts.
async fn found_in<P: Platform>(
    client: &Client<'_, P>,
    accounts: &[String],
    result: &mut UserBatch,
) -> Result<(), RequestError> {
    let found = fetch::users(client, accounts).await?;
    let missing = missing(accounts, &found);
    let looks_odd = found.unrequested > 0 || found.rows.is_empty();
    result.add(found);
    if looks_odd && !missing.is_empty() {
        // Perhaps their ids were damaged. The second answer is believed.
        result.add(fetch::users(client, &missing).await?);
    }
    Ok(())
}
