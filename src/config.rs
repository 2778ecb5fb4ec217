//! The configuration, checked whole: every problem is reported at once with its field.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::secret::Credentials;
use crate::url::Url;
use crate::value::{Object, Value};

#[cfg(test)]
mod tests;

/// What [`Config::parse`] accepts, as JSON Schema: for forms and for programs that check before they call.
///
/// It stands beside the parser rather than in it, so that the component doesn't carry it; a test holds the two
/// together. `api_token` is not required here, because a host may sign the requests itself.
pub const SCHEMA: &str = include_str!("config.schema.json");

/// A configuration that can't be wrong in itself; whether the service accepts it is another question.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the service is.
    pub base_url: BaseUrl,
    /// What the requests are signed with, or none when the host signs them.
    pub credentials: Option<Credentials>,
    /// Whether the token begins as Atlassian's do: a hint for messages, not a rule.
    pub token_looks_right: bool,
    /// The keys of the spaces to read; empty for all.
    pub spaces: Vec<String>,
    /// The keys of spaces not to read.
    pub exclude_spaces: Vec<String>,
    /// Whether personal spaces are read.
    pub include_personal_spaces: bool,
    /// Days in which everything is read again; 0 for never.
    pub refresh_days: u32,
    /// Requests of one run for that.
    pub refresh_requests: u64,
    /// Pages whose details are not read.
    pub skip_pages: Vec<String>,
    /// Requests in flight at most.
    pub max_concurrency: usize,
    /// Rows asked for per page of a listing.
    pub page_size: u32,
    /// How long one request may take from its start to the end of its answer.
    pub timeout: Duration,
    /// How often and how long a failed request is tried again.
    pub retry: Retry,
}

/// How often and how long a failed request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first one.
    pub attempts: u32,
    /// How long one request may wait between its tries, all waits together.
    pub patience: Duration,
}

/// The site's own address, or the gateway's with the cloud id in its path; never with a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether the scheme is https.
    pub secure: bool,
    /// Host and port.
    pub authority: String,
    /// Empty on the site's own address, `/ex/confluence/<cloud-id>` on the gateway.
    pub path: String,
}

impl BaseUrl {
    /// Whether requests go through Atlassian's gateway, which scoped tokens need.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        !self.path.is_empty()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.path)
    }
}

const URL_HELP: &str = "use https://api.atlassian.com/ex/confluence/<cloud-id> with a scoped token, \
     or https://<site>.atlassian.net with an unscoped one";

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidConfig`] with all problems in one message.
    pub fn parse(json: &str) -> Result<Self> {
        let fields = match serde_json::from_str(json) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(invalid("the configuration must be a JSON object")),
            // The parser's words could quote a secret, its position can't.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return Err(invalid(&format!(
                    "the configuration is not JSON (line {line}, column {column})"
                )));
            }
        };
        let mut reader = Reader::new(fields);
        let config = Self::read(&mut reader);
        reader.refuse_unknown();
        match config {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(invalid(&reader.problems.join("; "))),
        }
    }

    /// `text` without the secret, should the other side have sent it back.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        match &self.credentials {
            Some(credentials) => credentials.redact(text),
            None => text.to_owned(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let base_url = reader.required_text("base_url");
        let base_url = base_url.and_then(|text| {
            BaseUrl::parse(&text)
                .map_err(|why| reader.problem("base_url", &why))
                .ok()
        });
        let (credentials, token_looks_right) = read_credentials(reader);
        let spaces = reader.texts("spaces");
        let max_concurrency = reader.number("max_concurrency", 1..=64, 8);
        let page_size = reader.number("page_size", 1..=250, 250);
        let timeout = reader.number("timeout_s", 1..=600, 60);
        let retry = read_retry(reader);
        let exclude_spaces = reader.texts("exclude_spaces");
        let include_personal_spaces = !matches!(
            reader.take("include_personal_spaces"),
            Some(Value::Boolean(false))
        );
        let refresh_days = u32::try_from(reader.number("refresh_days", 0..=365, 7)).ok()?;
        let refresh_requests = reader.number("refresh_requests", 1..=10_000_000, 20_000);
        let skip_pages = reader.texts("skip_pages");
        Some(Self {
            exclude_spaces,
            include_personal_spaces,
            refresh_days,
            refresh_requests,
            skip_pages,
            base_url: base_url?,
            credentials,
            token_looks_right,
            spaces,
            max_concurrency: usize::try_from(max_concurrency).ok()?,
            page_size: u32::try_from(page_size).ok()?,
            timeout: Duration::from_secs(timeout),
            retry,
        })
    }
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::InvalidConfig, message)
}

fn read_credentials(reader: &mut Reader<'_>) -> (Option<Credentials>, bool) {
    let username = reader.text("username").unwrap_or_default();
    if username.contains(':') || username.chars().any(char::is_control) {
        reader.problem("username", "must be an e-mail address");
    }
    let Some(token) = reader.text("api_token") else {
        return (None, true);
    };
    if token.is_empty() || token.chars().any(|c| c.is_control() || c.is_whitespace()) {
        reader.problem("api_token", "is empty or has white space in it");
    }
    if username.is_empty() {
        reader.problem(
            "username",
            "is missing: the e-mail address of the account that the token belongs to",
        );
    }
    (
        Some(Credentials::basic(&username, &token)),
        token.starts_with("ATATT3x"),
    )
}

fn read_retry(reader: &mut Reader<'_>) -> Retry {
    let defaults = Retry {
        attempts: 5,
        patience: Duration::from_mins(5),
    };
    let fields = match reader.take("retry") {
        None | Some(Value::Null) => return defaults,
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            reader.problem("retry", "must be an object with attempts and patience_s");
            return defaults;
        }
    };
    let mut inner = Reader::new(fields);
    let attempts = inner.number("attempts", 0..=20, u64::from(defaults.attempts));
    let patience = inner.number("patience_s", 0..=86_400, defaults.patience.as_secs());
    inner.refuse_unknown();
    reader.problems.extend(
        inner
            .problems
            .into_iter()
            .map(|problem| format!("retry.{problem}")),
    );
    Retry {
        attempts: u32::try_from(attempts).unwrap_or(defaults.attempts),
        patience: Duration::from_secs(patience),
    }
}

impl BaseUrl {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let url = Url::parse(text).ok_or_else(|| format!("is not an absolute URL; {URL_HELP}"))?;
        if url.authority.contains('@') {
            return Err("must not hold credentials: put them into username and api_token".into());
        }
        if url.more {
            return Err(format!("must end after its path; {URL_HELP}"));
        }
        let (host, port) = url.host_and_port().unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let secure = match url.scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            "http" => return Err("must begin with https:// (http is for loopback alone)".into()),
            _ => return Err(format!("must begin with https://; {URL_HELP}")),
        };
        let path = url.path.trim_end_matches('/');
        let path = path
            .strip_suffix("/wiki")
            .unwrap_or(path)
            .trim_end_matches('/');
        check_path(&host, path)?;
        let default_port = if secure { 443 } else { 80 };
        let authority = match port {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host,
        };
        Ok(Self {
            secure,
            authority,
            path: path.to_owned(),
        })
    }
}

fn check_path(host: &str, path: &str) -> std::result::Result<(), String> {
    let is_gateway = path
        .strip_prefix("/ex/confluence/")
        .is_some_and(|cloud_id| {
            !cloud_id.is_empty()
                && cloud_id
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
    let fits = match host {
        "api.atlassian.com" => is_gateway,
        _ if host.ends_with(".atlassian.net") => path.is_empty(),
        _ => is_gateway || path.is_empty(),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("has an unexpected path; {URL_HELP}"))
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Takes fields out of the object one by one and gathers what is wrong with them.
struct Reader<'a> {
    fields: Object<'a>,
    asked: Vec<&'static str>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(fields: Object<'a>) -> Self {
        Self {
            fields,
            asked: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn take(&mut self, field: &'static str) -> Option<Value<'a>> {
        self.asked.push(field);
        self.fields.take(field)
    }

    fn problem(&mut self, field: &str, what: &str) {
        self.problems.push(format!("{field} {what}"));
    }

    fn text(&mut self, field: &'static str) -> Option<String> {
        match self.take(field) {
            None | Some(Value::Null) => None,
            Some(Value::Text(text)) => Some(text.trim().to_owned()),
            Some(_) => {
                self.problem(field, "must be a text");
                None
            }
        }
    }

    fn required_text(&mut self, field: &'static str) -> Option<String> {
        if matches!(self.fields.get(field), None | Some(Value::Null)) {
            self.problem(field, &format!("is missing; {URL_HELP}"));
        }
        self.text(field)
    }

    fn texts(&mut self, field: &'static str) -> Vec<String> {
        let values = match self.take(field) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::List(values)) => values,
            Some(_) => {
                self.problem(field, "must be a list of texts");
                return Vec::new();
            }
        };
        if values.is_empty() {
            self.problem(field, "is empty: leave it out to read every space");
        }
        let mut texts = Vec::new();
        for value in values {
            match value.as_text().map(str::trim) {
                Some(text) if texts.iter().any(|known| known == text) => {}
                Some(text) if !text.is_empty() => texts.push(text.to_owned()),
                _ => self.problem(field, "must be a list of texts"),
            }
        }
        texts
    }

    fn number(
        &mut self,
        field: &'static str,
        range: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        match self.take(field) {
            None | Some(Value::Null) => default,
            Some(Value::Integer(number)) if range.contains(&number.cast_unsigned()) => {
                number.cast_unsigned()
            }
            Some(_) => {
                let (low, high) = (range.start(), range.end());
                self.problem(
                    field,
                    &format!("must be a whole number from {low} to {high}"),
                );
                default
            }
        }
    }

    fn refuse_unknown(&mut self) {
        let (fields, asked) = (
            std::mem::take(&mut self.fields),
            std::mem::take(&mut self.asked),
        );
        for name in fields.names().filter(|name| !asked.contains(name)) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            self.problem(&name, "is not a field of the configuration");
        }
    }
}
