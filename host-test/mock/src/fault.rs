//! One fault as it is written on a command line: `NAME[:key=value[,key=value…]]`.

use std::str::FromStr;

use super::endpoint::Endpoint;
use super::faults::{FAULTS, FaultKind};
use super::request::decode;

/// How [`FaultKind::WrongTypes`] changes the types of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypeCorruption {
    /// Numbers stand where text belongs.
    #[default]
    Number,
    /// An object stands where the rows belong.
    Object,
}

/// One fault, which requests it hits, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it hits; without end when not given.
    pub count: Option<u64>,
    /// How many requests that it could hit it lets pass first.
    pub after: u64,
    /// Of the requests that it could hit, only every Nth.
    pub every: u64,
    /// Only requests to this endpoint.
    pub endpoint: Option<Endpoint>,
    /// Only requests about this page.
    pub page: Option<String>,
    /// Only requests about pages of the space with this id or key.
    pub space: Option<String>,
    /// Which of the fault's forms; empty for a fault that has one only.
    pub form: &'static str,
    /// How long to wait, for the faults that say so.
    pub seconds: Option<u64>,
    /// The scope that is missing.
    pub scope: Option<String>,
    /// The largest limit that is not too large.
    pub limit: usize,
    /// Where links and redirects lead.
    pub to: Option<String>,
    /// How rows are corrupted.
    pub shape: TypeCorruption,
    /// The status in place of the default.
    pub status: Option<u16>,
    /// A size in bytes.
    pub bytes: Option<u64>,
    /// How many requests a cursor lives.
    pub requests: u64,
    /// Which row, counted from 0.
    pub row: Option<usize>,
    /// The path of a field, with dots.
    pub field: String,
    /// The value of a field or header.
    pub value: Option<String>,
    /// An account id.
    pub account: Option<String>,
    /// The seed of random damage.
    pub seed: u64,
    /// Of how many requests one is damaged.
    pub one_in: u64,
}

/// A fault that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// No fault has this name.
    #[error("no fault is named {0:?}; there are {names}", names = names())]
    Name(String),
    /// The fault has no such key.
    #[error("the fault {0} has no key {1:?}")]
    Key(&'static str, String),
    /// The value is not one that the key can have.
    #[error("{1:?} is no value for the key {0}")]
    Value(String, String),
}

fn names() -> String {
    let names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The keys that every fault takes.
const COMMON_KEYS: [&str; 6] = ["count", "after", "every", "endpoint", "page", "space"];

impl Fault {
    /// A fault that hits every request it can.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            after: if kind == FaultKind::TokenDies { 10 } else { 0 },
            count: None,
            every: 1,
            endpoint: None,
            page: None,
            space: None,
            form: kind.forms().first().copied().unwrap_or_default(),
            seconds: None,
            scope: None,
            limit: 50,
            to: None,
            shape: TypeCorruption::Number,
            status: None,
            bytes: None,
            requests: 50,
            row: None,
            field: String::new(),
            value: None,
            account: None,
            seed: 0,
            one_in: 1,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidFault> {
        if !COMMON_KEYS.contains(&key)
            && !self.kind.own_keys().contains(&key)
            && (key != "form" || self.kind.forms().is_empty())
        {
            return Err(InvalidFault::Key(self.kind.name(), key.to_owned()));
        }
        self.assign(key, value)
            .ok_or_else(|| InvalidFault::Value(key.to_owned(), value.to_owned()))
    }

    /// Sets a key that the fault takes; nothing when the value is not one that the key can have.
    fn assign(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "count" => self.count = Some(value.parse().ok()?),
            "after" => self.after = value.parse().ok()?,
            "every" => self.every = value.parse().ok().filter(|&every| every > 0)?,
            "endpoint" => self.endpoint = Some(Endpoint::named(value)?),
            "page" => self.page = Some(value.to_owned()),
            "space" => self.space = Some(value.to_owned()),
            "form" => {
                let mut forms = self.kind.forms().iter();
                self.form = forms.find(|form| **form == value)?;
            }
            "seconds" => self.seconds = Some(value.parse().ok()?),
            "limit" => self.limit = value.parse().ok()?,
            "scope" => self.scope = Some(value.to_owned()),
            "shape" if value == "object" => self.shape = TypeCorruption::Object,
            "shape" if value == "number" => self.shape = TypeCorruption::Number,
            "shape" => return None,
            _ => return self.assign_rare(key, value),
        }
        Some(())
    }

    /// Sets one of the keys that few faults take.
    fn assign_rare(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "status" => self.status = Some(status(value)?),
            "bytes" => self.bytes = Some(value.parse().ok()?),
            "requests" => self.requests = value.parse().ok()?,
            "row" => self.row = Some(value.parse().ok()?),
            "field" if !value.is_empty() => value.clone_into(&mut self.field),
            "field" => return None,
            "value" => self.value = Some(decode("cursor", value)?),
            "account" => self.account = Some(value.to_owned()),
            "seed" => self.seed = value.parse().ok()?,
            "one-in" => self.one_in = value.parse().ok().filter(|&one_in| one_in > 0)?,
            _ => self.to = Some(value.to_owned()),
        }
        Some(())
    }

    /// The status to answer with.
    pub(super) fn status_or(&self, default: http::StatusCode) -> http::StatusCode {
        let given = self
            .status
            .and_then(|status| http::StatusCode::from_u16(status).ok());
        given.unwrap_or(default)
    }
}

/// A status that ends an exchange; an interim one (1xx) does not.
fn status(value: &str) -> Option<u16> {
    let status = value.parse().ok()?;
    (200..=599).contains(&status).then_some(status)
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let kind = FaultKind::ALL
            .iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| InvalidFault::Name(name.to_owned()))?;
        let mut fault = Self::new(*kind);
        for part in rest.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            fault.set(key, value)?;
        }
        Ok(fault)
    }
}

#[cfg(test)]
mod tests;
