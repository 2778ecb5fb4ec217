//! Notifications of new jobs, on a connection that is made again whenever it is lost.

use std::future::{pending, poll_fn};
use std::time::Duration;

use anyhow::Result;
use futures_util::stream;
use graphile_worker::{DbError, Notification, NotificationStream, escape_identifier};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::session::ANSWER;

/// How long to wait before the connection is made again. Until then jobs are found by polling.
const RECONNECT: Duration = Duration::from_secs(1);

type Notifications = UnboundedSender<Result<Notification, DbError>>;

/// How to connect.
#[derive(Clone)]
pub(super) struct Listener {
    config: Config,
    tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Listener {
    pub(super) fn new(config: Config, tls: MakeRustlsConnect) -> Self {
        Self { config, tls }
    }

    /// The notifications of a channel, until the stream is dropped.
    pub(super) fn listen(self, channel: &str) -> NotificationStream {
        let sql = format!("LISTEN {}", escape_identifier(channel));
        let (sender, mut receiver) = unbounded_channel();
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = self.forward_for_ever(&sql, &sender) => {}
            }
        });
        Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context)))
    }

    async fn forward_for_ever(&self, sql: &str, to: &Notifications) {
        loop {
            // The pool says what is wrong with the database.
            let _ = self.forward(sql, to).await;
            sleep(RECONNECT).await;
        }
    }

    /// Passes notifications on until the connection is lost.
    async fn forward(&self, sql: &str, to: &Notifications) -> Result<()> {
        let connected = timeout(ANSWER, self.config.connect(self.tls.clone()));
        let (client, mut connection) = connected.await??;
        let listening = async {
            timeout(ANSWER, client.batch_execute(sql)).await??;
            // A connection ends with its client.
            pending::<Result<()>>().await
        };
        let forwarding = async {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(found) = message? {
                    to.send(Ok(Notification {
                        channel: found.channel().to_owned(),
                        payload: found.payload().to_owned(),
                    }))?;
                }
            }
            Ok(())
        };
        tokio::select! {
            ended = listening => ended,
            ended = forwarding => ended,
        }
    }
}
