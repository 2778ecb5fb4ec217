//! The configuration, checked as a whole: every problem is reported at once with its field.

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::secret::Credentials;
use crate::wire::{Json, ReadError, Value, read};

mod base_url;
mod credentials;
mod reader;
#[cfg(test)]
mod tests;
mod token;

pub use base_url::{BaseUrl, TEMPLATES};
use credentials::read_credentials;
use reader::FieldReader;
use token::read_token;

/// What [`Config::parse`] accepts, as JSON Schema (draft-07): for forms, and for hosts that have to know the secret.
///
/// `api_token` is not required in it, because a host may sign the requests. A test compares it with the parser.
pub const SCHEMA: &str = include_str!("config.schema.json");

/// A configuration that is right in itself; whether the service accepts it is another question.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the service is.
    pub base_url: BaseUrl,
    /// What the requests are signed with; none if the host signs them.
    pub credentials: Option<Credentials>,
    /// Whether the token begins as Atlassian's do: a hint for messages, not a rule.
    pub token_looks_right: bool,
    /// The keys of the spaces to read; empty for all.
    pub spaces: Vec<String>,
    /// The keys of spaces that are not read.
    pub exclude_spaces: Vec<String>,
    /// Whether personal spaces are read.
    pub include_personal_spaces: bool,
    /// Requests in flight at most.
    pub max_concurrency: usize,
    /// Rows per page of a listing.
    pub page_size: u32,
    /// How long one request may take, from its start to the end of its answer.
    pub timeout: Duration,
    /// How often and how long a failed request is retried.
    pub retry: Retry,
    /// Days within which incremental runs read everything again; 0 for never.
    pub refresh_days: u32,
    /// Requests that one run may spend on that.
    pub refresh_requests: u64,
    /// Ids of pages whose details are never read.
    pub skip_pages: Vec<String>,
}

/// How often and how long a failed request is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first one.
    pub attempts: u32,
    /// How long one request may wait between its tries, all waits together.
    pub patience: Duration,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidConfig`] with all problems in one message.
    pub fn parse(json: &str) -> Result<Self> {
        let fields = read(json.trim_start_matches('\u{feff}').as_bytes());
        let fields: Json<'_> = fields.map_err(|error| {
            // The parser's message could quote a secret, its position can't.
            let position = match error {
                ReadError::Malformed(line, column) => format!("line {line}, column {column}"),
                _ => "it breaks off".to_owned(),
            };
            invalid(format!("the configuration is not JSON ({position})"))
        })?;
        let Json::Object(fields) = fields else {
            return Err(invalid("the configuration must be a JSON object"));
        };
        let mut reader = FieldReader::new(fields);
        let config = Self::read(&mut reader);
        reader.refuse_unknown();
        match config {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(invalid(reader.problems.join("; "))),
        }
    }

    /// `text` without the secret, in case the service sent it back.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        match &self.credentials {
            Some(credentials) => credentials.redact(text),
            None => text.to_owned(),
        }
    }

    fn read(reader: &mut FieldReader<'_>) -> Option<Self> {
        let base_url = read_base_url(reader);
        let token = read_token(reader);
        let credentials = read_credentials(reader, &token);
        let max_concurrency = reader.number("max_concurrency", &(1..=64), 8);
        let page_size = reader.number("page_size", &(1..=250), 250);
        let refresh_days = reader.number("refresh_days", &(0..=365), 7);
        Some(Self {
            credentials,
            token_looks_right: token.looks_right(),
            spaces: reader.texts("spaces", "is empty: leave it out to read every space"),
            exclude_spaces: reader
                .texts("exclude_spaces", "is empty: leave it out to exclude none"),
            include_personal_spaces: reader.boolean("include_personal_spaces", true),
            max_concurrency: usize::try_from(max_concurrency).ok()?,
            page_size: u32::try_from(page_size).ok()?,
            timeout: Duration::from_secs(reader.number("timeout_s", &(1..=600), 60)),
            retry: read_retry(reader),
            refresh_days: u32::try_from(refresh_days).ok()?,
            refresh_requests: reader.number("refresh_requests", &(1..=10_000_000), 20_000),
            skip_pages: read_page_ids(reader),
            base_url: base_url?,
        })
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::InvalidConfig, message)
}

fn read_base_url(reader: &mut FieldReader<'_>) -> Option<BaseUrl> {
    match reader.take("base_url") {
        None => reader.problem("base_url", &format!("is missing; {}", base_url::HELP)),
        Some(Json::Scalar(Value::Text(text))) => match BaseUrl::parse(&text) {
            Ok(base_url) => return Some(base_url),
            Err(problem) => reader.problem("base_url", &problem),
        },
        Some(_) => reader.problem("base_url", "must be a text"),
    }
    None
}

fn read_retry(reader: &mut FieldReader<'_>) -> Retry {
    let mut inner = reader.object("retry").unwrap_or_default();
    let attempts = inner.number("attempts", &(0..=20), 5);
    let patience = inner.number("patience_s", &(0..=86_400), 300);
    reader.absorb("retry", inner);
    Retry {
        attempts: u32::try_from(attempts).unwrap_or_default(),
        patience: Duration::from_secs(patience),
    }
}

fn read_page_ids(reader: &mut FieldReader<'_>) -> Vec<String> {
    let ids = reader.texts("skip_pages", "is empty: leave it out to skip none");
    if ids.iter().any(|id| id.parse::<u64>().is_err()) {
        reader.problem("skip_pages", "must hold ids of pages, such as \"123456\"");
    }
    ids
}
