//! The address of a database, and whether the way there is encrypted.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::secrets::Secrets;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting may take at most.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the server may leave what was sent unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_mins(1);

/// A database, and how to reach it.
///
/// The server's certificate is always verified where TLS is used. TLS is used where `sslmode` asks for it, and where
/// `sslmode` is missing and the server is on another machine: then the password must not travel in the clear.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    /// The password, which the server may repeat.
    pub(crate) secrets: Secrets,
    pub(crate) tls: Tls,
    /// How long connecting may take, up to the end of the authentication.
    pub(crate) connect: Duration,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Address")
            .field("hosts", &self.config.get_hosts())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    /// Verified by the machine's certificate authorities, or by those of a file.
    Verified(Option<PathBuf>),
}

impl Address {
    /// Parses `postgresql://user:password@host:port/database?sslmode=require&sslrootcert=FILE`. What is missing comes
    /// from `PGUSER`, `PGPASSWORD` and the account's name.
    ///
    /// # Errors
    ///
    /// It is not an address of this form. The message does not repeat it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        let url = url.trim();
        let url = match url.strip_prefix("//") {
            Some(rest) => format!("postgresql://{rest}"),
            None => url.to_owned(),
        };
        ensure!(
            ["postgresql://", "postgres://"]
                .iter()
                .any(|scheme| url.starts_with(scheme)),
            "the address of a database has the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        );
        let (url, mode, authorities) = split_tls(&url)?;
        let mut config: Config = url
            .parse()
            .context("the address of the database cannot be read (form: postgresql://USER:PASSWORD@HOST:PORT/DATABASE)")?;
        let connect = complete(&mut config);
        let tls = match mode.as_deref() {
            Some("disable") => Tls::Off,
            None if config.get_hosts().iter().all(is_this_machine) => Tls::Off,
            Some("require" | "verify-ca" | "verify-full") | None => Tls::Verified(authorities),
            Some(_) => bail!(
                "sslmode is disable, require or verify-full; the certificate is verified with each but the first"
            ),
        };
        config.ssl_mode(if tls == Tls::Off {
            SslMode::Disable
        } else {
            SslMode::Require
        });
        let password = config.get_password().map(String::from_utf8_lossy);
        let password = password.map(Cow::into_owned).into_iter();
        let secrets = Secrets::of_texts(password.chain(password_as_given(&url)));
        Ok(Self {
            config,
            secrets,
            tls,
            connect,
        })
    }

    /// Connects from an executor, for what is not a destination. A task of its own drives the connection.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or does not answer within 20 seconds.
    pub async fn connect(&self) -> Result<tokio_postgres::Client> {
        crate::connect::connect(self).await
    }

    /// What others connect with, such as a pool: the settings, and TLS as this address asks for it. Connecting by them
    /// has no limit but the one of each TCP connection.
    ///
    /// # Errors
    ///
    /// The certificates of the address cannot be read.
    pub fn settings(&self) -> Result<(Config, MakeRustlsConnect)> {
        Ok((self.config.clone(), crate::connect::tls(&self.tls)?))
    }

    /// The name by which the server lists the sessions of this address, in `pg_stat_activity`.
    #[must_use]
    pub fn with_application_name(mut self, name: &str) -> Self {
        self.config.application_name(name);
        self
    }
}

/// Fills in what the address leaves out, and returns how long connecting may take.
fn complete(config: &mut Config) -> Duration {
    let connect = config.get_connect_timeout().copied();
    let connect = connect.map_or(CONNECT, |asked| asked.min(CONNECT));
    if config.get_user().is_none() {
        let user = ["PGUSER", "USER"]
            .iter()
            .find_map(|name| std::env::var(name).ok());
        config.user(user.as_deref().unwrap_or("postgres"));
    }
    if config.get_password().is_none()
        && let Ok(password) = std::env::var("PGPASSWORD")
    {
        config.password(password);
    }
    if config.get_application_name().is_none() {
        config.application_name("connector");
    }
    // Each host has its part of the time, so that one which does not answer leaves some to the next.
    let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(u32::MAX);
    config.connect_timeout(connect / hosts);
    config.tcp_user_timeout(UNACKNOWLEDGED);
    config.keepalives_idle(UNACKNOWLEDGED);
    connect
}

/// The password of an address with its percent signs.
fn password_as_given(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    Some(user.split_once(':')?.1.to_owned())
}

/// The address without the parameters that concern TLS, `sslmode`, and `sslrootcert`.
fn split_tls(url: &str) -> Result<(String, Option<String>, Option<PathBuf>)> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), None, None));
    };
    let (mut mode, mut authorities, mut others) = (None, None, Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = percent_decode_str(value).decode_utf8()?.into_owned();
        match name {
            "sslmode" => mode = Some(value),
            "sslrootcert" => authorities = Some(PathBuf::from(value)),
            _ => others.push(parameter),
        }
    }
    let url = if others.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", others.join("&"))
    };
    Ok((url, mode, authorities))
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tls_is_used_where_it_is_asked_for_or_the_password_would_travel() {
        let machine = Tls::Verified(None);
        for (url, tls) in [
            ("postgres://u@localhost/d", Tls::Off),
            ("//u@127.0.0.1/d", Tls::Off),
            ("postgresql://u@%2Frun%2Fpostgresql/d", Tls::Off),
            ("postgresql://u@db.example/d", machine.clone()),
            (
                "postgresql://u@localhost/d?sslmode=require",
                machine.clone(),
            ),
            ("postgresql://u@db.example/d?sslmode=verify-full", machine),
            ("postgresql://u@db.example/d?sslmode=disable", Tls::Off),
            (
                "postgresql://u@db.example/d?connect_timeout=3&sslrootcert=%2Fa%20b.pem",
                Tls::Verified(Some("/a b.pem".into())),
            ),
        ] {
            assert_eq!(Address::parse(url).unwrap().tls, tls, "{url}");
        }
    }

    #[test]
    fn an_address_that_is_refused_is_not_repeated() {
        for url in [
            "mysql://u:hidden@h/d",
            "postgres://u:hidden@h:port/d",
            "postgres://u:hidden@h/d?sslmode=prefer",
            "postgres://u:hidden@h/d?hidden=1",
        ] {
            let error = format!("{:#}", Address::parse(url).unwrap_err());
            assert!(
                !error.contains("hidden@") && !error.contains(url),
                "{error}"
            );
        }
        let address = Address::parse("postgres://u:hidden@localhost/d").unwrap();
        assert!(!format!("{address:?}").contains("hidden"));
    }
}
