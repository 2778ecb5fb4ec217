//! Pages that vanished between their listing and their details: one request for many of them says which ones are
//! really gone.

use crate::api::page::PageRow;
use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::sync::context::MAX_IDS;
use crate::sync::detail_reader::{DetailReader, Occasion};
use crate::sync::run::SyncRun;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Voids the rows of the pages that are gone, and reads those that are not.
    pub(super) async fn confirm_vanished(&mut self) -> Result<()> {
        while !self.run().vanished.is_empty() {
            let count = self.run().vanished.len().min(MAX_IDS);
            let ids: Vec<String> = self.run().vanished.iter().take(count).cloned().collect();
            for page in self.find_or_void(&ids).await? {
                self.read_again(&page).await?;
            }
            self.run().vanished.drain(..count);
        }
        Ok(())
    }

    /// Reads a page that exists though its details said that it doesn't.
    async fn read_again(&mut self, page: &PageRow) -> Result<()> {
        let streams = self.selected();
        let details = self.context.details(page, streams);
        let (client, health) = (self.context.client, &self.context.health);
        let reader = DetailReader::new(client, health, Occasion::Vanished);
        match reader.read(page, details).await {
            Ok(details) => self.deliver_details(page, &details, streams),
            Err(abort) => Err(abort.into()),
        }
    }
}
