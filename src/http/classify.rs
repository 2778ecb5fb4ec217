//! What an answer means: one pure function from (endpoint, status, headers, body) to a problem with its kind
//! and its message.
//!
//! The service tells its failures apart in ways that nobody would guess. Measured on 2026-08-20 and 21
//! (markfluence, `docs/confluence/api.md`): a wrong token is a 404 on v2 and a 403 on v1, a missing scope is
//! a 401, a scoped token on the site's own address is a 401 in HTML. And under load, runs of false 403s and
//! 404s come and go within a minute, so that one such answer about a page proves nothing.

use super::Response;
use crate::api::Endpoint;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::url::Url;
use crate::value::Value;

#[cfg(test)]
mod tests;

/// What was asked, as far as it matters for the meaning of the answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Where and with what it was asked; what is quoted is redacted before it is shortened.
    pub config: &'a Config,
    /// Whether the request held a cursor.
    pub cursor: bool,
}

/// An answer that is not the one hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is if it stays.
    pub error: Error,
    /// Whether it has to stay.
    pub nature: Nature,
    /// Whether the network's edge made the answer, as in the runs of false 403s and 404s that were seen.
    pub from_the_edge: bool,
}

/// Whether a problem has to stay, and what may mend or settle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Asking again can't help.
    Final,
    /// Another try may help.
    Transient,
    /// Another try may help after a pause of all requests.
    Limited,
    /// It may be false: a probe of the collection and some more tries settle it. If the collection answers
    /// and the problem stays, it is what [`Settled`] says.
    Doubtful(Settled),
    /// The service names the page as missing; believed once the collection answers.
    Missing,
    /// The value can't be had, and the rows go without it.
    Refused,
    /// The cursor is not accepted, or no longer: the listing must start again.
    StaleCursor,
}

/// What a doubtful problem is when it stays though the collection answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The page has vanished.
    Gone,
    /// The value can't be had.
    Refused,
    /// The error that it looked like.
    Final,
}

/// Judges an answer.
///
/// # Errors
///
/// The problem with it. An answer without one still has to be read.
pub fn classify(asked: Asked<'_>, response: &Response) -> Result<(), Problem> {
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    let said = Said::read(asked.config, &response.body);
    let (kind, nature, message) = match response.status {
        401 | 403 | 404 if said.text.contains("IP address") => outside(&said),
        300..=399 => redirect(response),
        400 => bad_request(asked, &said),
        401 => unauthorized(asked, response, &said),
        403 => forbidden(asked, response, &said),
        404 => not_found(asked, &said),
        408 => (
            Kind::Unavailable,
            Nature::Transient,
            "the service timed out".into(),
        ),
        429 => (
            Kind::RateLimited,
            Nature::Limited,
            "the service limits the rate of requests; call again later".into(),
        ),
        500..=599 => (
            Kind::Unavailable,
            Nature::Transient,
            format!("the service failed{}; call again later", said.quote()),
        ),
        _ => (
            Kind::UnexpectedResponse,
            Nature::Final,
            format!("an answer that this connector doesn't know{}", said.quote()),
        ),
    };
    let message = format!(
        "{message} (HTTP {} from {})",
        response.status, asked.endpoint
    );
    let error = Error::new(kind, message)
        .at(asked.endpoint)
        .with_status(response.status);
    Err(Problem {
        error,
        nature,
        from_the_edge: is_from_the_edge(response),
    })
}

fn is_from_the_edge(response: &Response) -> bool {
    let cache = response.headers.get("x-cache");
    cache.is_some_and(|cache| cache.starts_with("Error"))
}

type Judgement = (Kind, Nature, String);

fn redirect(response: &Response) -> Judgement {
    let host = response
        .headers
        .get("location")
        .and_then(|location| Url::parse(location)?.host_and_port())
        .map(|(host, _)| format!(" to {host}"))
        .unwrap_or_default();
    let message = format!(
        "a redirect{host}, which is never followed, for the credentials' sake; if it leads to a login page, \
         check base_url, username and api_token"
    );
    (Kind::UnexpectedResponse, Nature::Final, message)
}

fn bad_request(asked: Asked<'_>, said: &Said) -> Judgement {
    let about_cursor = said.text.to_ascii_lowercase().contains("cursor");
    let nature = if asked.cursor && about_cursor {
        Nature::StaleCursor
    } else {
        Nature::Final
    };
    (
        Kind::UnexpectedResponse,
        nature,
        format!("the service finds fault with the request{}", said.quote()),
    )
}

fn unauthorized(asked: Asked<'_>, response: &Response, said: &Said) -> Judgement {
    let category = response
        .headers
        .get("x-failure-category")
        .unwrap_or_default();
    if said.text.contains("scope does not match") || category.contains("SCOPE_CHECK") {
        let message = format!(
            "the token lacks the scope {}; scopes are fixed when a token is made, so make a new token with \
             this scope added",
            asked.endpoint.scope()
        );
        return (Kind::InvalidPermissions, Nature::Final, message);
    }
    let message = if asked.config.base_url.is_gateway() {
        format!(
            "the gateway refuses the token; check that it has not expired or been revoked{}",
            hint(asked)
        )
    } else {
        "the site refuses the token. Scoped tokens, which service accounts have, work only through the \
         gateway: set base_url to https://api.atlassian.com/ex/confluence/<cloud-id>; \
         https://<site>.atlassian.net/_edge/tenant_info tells the cloud id"
            .into()
    };
    (Kind::InvalidCredentials, Nature::Final, message)
}

fn outside(said: &Said) -> Judgement {
    let message = format!(
        "the site's allow-list of IP addresses keeps this host out{}",
        said.quote()
    );
    (Kind::InvalidPermissions, Nature::Final, message)
}

fn forbidden(asked: Asked<'_>, response: &Response, said: &Said) -> Judgement {
    if said.text.contains("Connect Session Auth Token") {
        return (
            Kind::InvalidCredentials,
            Nature::Final,
            credentials_message(asked),
        );
    }
    // The two phrasings with which v1 answers credentials that are wrong, revoked or absent.
    let about_credentials = said.text.contains("caller cannot access Confluence")
        || said.text.contains("not permitted to use Confluence");
    if about_credentials {
        let nature = if asked.endpoint.is_per_page() {
            Nature::Doubtful(Settled::Final)
        } else {
            Nature::Final
        };
        return (Kind::InvalidCredentials, nature, credentials_message(asked));
    }
    let message = format!(
        "the account may not do this{}; give it the permission to view this content",
        said.quote()
    );
    let nature = match asked.endpoint {
        Endpoint::Views if is_from_the_edge(response) => Nature::Doubtful(Settled::Refused),
        Endpoint::Views => Nature::Refused,
        endpoint if endpoint.is_per_page() => Nature::Doubtful(Settled::Final),
        _ => Nature::Final,
    };
    (Kind::InvalidPermissions, nature, message)
}

fn not_found(asked: Asked<'_>, said: &Said) -> Judgement {
    match asked.endpoint {
        Endpoint::Views | Endpoint::States => {
            let nature = if said.names_something() {
                Nature::Refused
            } else {
                Nature::Doubtful(Settled::Refused)
            };
            (
                Kind::UnexpectedResponse,
                nature,
                format!("nothing to be had for this page{}", said.quote()),
            )
        }
        Endpoint::Versions | Endpoint::Labels => {
            let nature = if said.shape == Shape::Errors && said.names_something() {
                Nature::Missing
            } else {
                Nature::Doubtful(Settled::Gone)
            };
            (
                Kind::UnexpectedResponse,
                nature,
                format!("the page is gone{}", said.quote()),
            )
        }
        // Documented as the answer to who may not view profiles; the collection tells it from a dead token.
        Endpoint::Users if said.is_json() => {
            let message = format!("the account may not view user profiles{}", said.quote());
            let nature = Nature::Doubtful(Settled::Final);
            (Kind::InvalidPermissions, nature, message)
        }
        _ if !said.is_json() => {
            let message = "base_url is not that of a Confluence Cloud site: there is no such interface; use \
                 https://api.atlassian.com/ex/confluence/<cloud-id> or https://<site>.atlassian.net";
            (Kind::InvalidConfig, Nature::Final, message.into())
        }
        _ => (
            Kind::InvalidCredentials,
            Nature::Final,
            credentials_message(asked),
        ),
    }
}

fn credentials_message(asked: Asked<'_>) -> String {
    let place = if asked.config.base_url.is_gateway() {
        ", or the cloud id in base_url is of another site"
    } else {
        ""
    };
    format!(
        "Confluence doesn't know these credentials: the token is wrong, expired or revoked, or it belongs to \
         another account than username says{place} (this is how the service answers them){}",
        hint(asked)
    )
}

fn hint(asked: Asked<'_>) -> &'static str {
    if asked.config.token_looks_right {
        ""
    } else {
        "; Atlassian's API tokens begin with ATATT3x, this one doesn't"
    }
}

/// What the body of an error says, in whichever of the service's shapes.
struct Said {
    shape: Shape,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// v2: `{"errors":[{"title":…,"detail":…}]}`.
    Errors,
    /// v1 and the gateway: `{"message":…}` with `statusCode` or `code`; others with `error`, `errorMessages`.
    Message,
    /// JSON of no known shape.
    OtherJson,
    /// HTML, plain text or nothing.
    Text,
}

impl Said {
    fn read(config: &Config, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let mut said = match serde_json::from_str(&body) {
            Ok(json) => Self::read_json(&json),
            Err(_) => Self {
                shape: Shape::Text,
                text: body.into_owned(),
            },
        };
        said.text = config.redact(&said.text);
        said
    }

    fn read_json(json: &Value<'_>) -> Self {
        let text = |name| json.get(name).and_then(Value::as_text);
        let first = |name| json.get(name).and_then(Value::first);
        let of_first = |name| first("errors")?.get(name)?.as_text();
        if let Some(title) = of_first("title") {
            let detail = of_first("detail")
                .map(|detail| format!(": {detail}"))
                .unwrap_or_default();
            return Self {
                shape: Shape::Errors,
                text: format!("{title}{detail}"),
            };
        }
        match text("message")
            .or_else(|| first("errorMessages")?.as_text())
            .or_else(|| text("error"))
        {
            Some(message) => Self {
                shape: Shape::Message,
                text: message.to_owned(),
            },
            None => Self {
                shape: Shape::OtherJson,
                text: String::new(),
            },
        }
    }

    fn is_json(&self) -> bool {
        self.shape != Shape::Text
    }

    /// Whether it is about one thing. v2's words for credentials that are wrong are a 404 that names nothing.
    fn names_something(&self) -> bool {
        match self.shape {
            Shape::Errors => self.text != "Not Found",
            Shape::Message => true,
            Shape::OtherJson | Shape::Text => false,
        }
    }

    /// A short, printable piece of it, to go behind a message. HTML says nothing to a person.
    fn quote(&self) -> String {
        let markup = self.text.trim_start().starts_with('<');
        let text = if markup { "HTML" } else { self.text.trim() };
        if text.is_empty() {
            return String::new();
        }
        let printable: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
        format!(" (\"{printable}\")")
    }
}
