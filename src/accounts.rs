//! The accounts met in rows: each is looked up once, 250 at a time.

use std::collections::HashSet;

use crate::api::Endpoint;
use crate::api::user::{BATCH, UserRow, lookup};
use crate::error::Result;
use crate::fields::Fields;
use crate::http::Platform;
use crate::http::call::Call;
use crate::http::client::Client;
use crate::json::List;
use crate::sink::{Note, Sink};

/// Accounts, from being met to being delivered.
#[derive(Debug, Default)]
pub struct Accounts {
    /// All that were ever met in this call.
    met: HashSet<Box<str>>,
    /// Met and not yet asked for.
    waiting: Vec<String>,
    /// Batches asked for and not yet delivered.
    asked: Vec<Vec<String>>,
    /// What was asked for and what is waiting, in this order, as JSON: every checkpoint holds it.
    outstanding: List,
}

impl Accounts {
    /// Those that an interrupted run left.
    #[must_use]
    pub fn resumed(waiting: Vec<String>) -> Self {
        Self {
            met: waiting.iter().map(|id| id.as_str().into()).collect(),
            asked: Vec::new(),
            outstanding: List::of(waiting.iter().map(String::as_str)),
            waiting,
        }
    }

    /// Takes note of accounts.
    pub fn meet<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        for id in ids {
            if !self.met.contains(id) {
                self.met.insert(id.into());
                self.waiting.push(id.to_owned());
                self.outstanding.push(id);
            }
        }
    }

    /// The next batch to look up: a full one, or at the `end` of the run whatever is left.
    pub fn take(&mut self, end: bool) -> Option<Vec<String>> {
        let enough = self.waiting.len() >= BATCH || (end && !self.waiting.is_empty());
        if !enough {
            return None;
        }
        let batch: Vec<_> = self
            .waiting
            .drain(..self.waiting.len().min(BATCH))
            .collect();
        self.asked.push(batch.clone());
        Some(batch)
    }

    /// A batch was delivered.
    pub fn delivered(&mut self, batch: &[String]) {
        self.asked.retain(|asked| asked != batch);
        let outstanding = self.asked.iter().flatten().chain(&self.waiting);
        self.outstanding = List::of(outstanding.map(String::as_str));
    }

    /// What a resumed run would have to look up.
    #[must_use]
    pub fn outstanding(&self) -> &List {
        &self.outstanding
    }
}

/// Looks up accounts. Those that the service doesn't know have no row.
///
/// # Errors
///
/// Those of the call.
pub async fn look_up<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    batch: &[String],
) -> Result<Vec<UserRow>> {
    let call = Call {
        body: Some(lookup(batch)),
        ..Call::about(Endpoint::Users, "")
    };
    let response = client.call(&call).await?;
    let users = Fields::parse(Endpoint::Users, &response.body)?.objects("results")?;
    let rows: Vec<_> = users
        .into_iter()
        .map(UserRow::read)
        .collect::<Result<_>>()?;
    let unknown = batch.len().saturating_sub(rows.len());
    if unknown > 0 {
        let message = format!(
            "{unknown} of {} accounts are unknown to the service",
            batch.len()
        );
        client.sink().note(&Note::Log {
            level: "info",
            message: &message,
        });
    }
    Ok(rows)
}
