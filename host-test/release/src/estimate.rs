//! What it costs to read a site, in requests and time: before anything is read, from the listings alone.

use serde::Serialize;

/// Pages of one listing request.
const PAGES_A_LISTING: u64 = 250;
/// Requests for the details of one page: versions, labels, views, state.
const REQUESTS_A_PAGE: u64 = 4;
/// Listings that are read for a full run: spaces, and current, archived and trashed pages.
const LISTINGS: u64 = 4;
/// Versions of one request for them.
const VERSIONS_A_REQUEST: u64 = 250;
/// Seconds that an answer takes. Measured from afar; nearer clients are faster.
const SECONDS_A_REQUEST: f64 = 0.25;

/// What is known of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteSize {
    /// Pages whose details are read.
    pub pages: u64,
    /// Versions of these pages, as far as their numbers tell.
    pub versions_known: u64,
}

/// How it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// In how many days everything is read again; 0 for never.
    pub refresh_days: u64,
    /// Requests for that in one run at most.
    pub refresh_requests: u64,
    /// Requests in flight.
    pub concurrency: u64,
}

/// What reading it costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Pages whose details are read.
    pub pages: u64,
    /// Versions of these pages, as far as their numbers tell.
    pub versions_known: u64,
    /// Requests of a first sync.
    pub requests: u64,
    /// How long it takes.
    pub seconds_first_sync: f64,
    /// Requests of a day of hourly incremental runs on a site where nothing changes.
    pub requests_a_day: u64,
    /// In how many days everything is read again.
    pub refresh_days: u64,
}

/// Estimates what it costs to read a site.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "an estimate in seconds")]
pub fn estimate(size: SiteSize, pace: Pace) -> Estimate {
    let SiteSize {
        pages,
        versions_known,
    } = size;
    let further_versions = versions_known / VERSIONS_A_REQUEST;
    let details = pages.saturating_mul(REQUESTS_A_PAGE) + further_versions;
    let requests = details + pages / PAGES_A_LISTING + LISTINGS;
    let hourly_listings = 24 * LISTINGS;
    let refresh = requests
        .checked_div(pace.refresh_days)
        .unwrap_or_default()
        .min(pace.refresh_requests.saturating_mul(24));
    let in_flight = pace.concurrency.max(1) as f64;
    Estimate {
        pages,
        versions_known,
        requests,
        seconds_first_sync: (requests as f64 * SECONDS_A_REQUEST / in_flight).ceil(),
        requests_a_day: hourly_listings + refresh,
        refresh_days: pace.refresh_days,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_costs_its_part_of_a_snapshot() {
        let size = SiteSize {
            pages: 10_000,
            versions_known: 60_000,
        };
        let pace = Pace {
            refresh_days: 7,
            refresh_requests: 20_000,
            concurrency: 16,
        };
        let found = estimate(size, pace);
        assert_eq!(found.requests, 40_000 + 240 + 40 + 4);
        assert_eq!(found.requests_a_day, 96 + 40_284 / 7);
        let off = Pace {
            refresh_days: 0,
            ..pace
        };
        assert_eq!(estimate(size, off).requests_a_day, 96);
        let capped = Pace {
            refresh_requests: 10,
            ..pace
        };
        assert_eq!(estimate(size, capped).requests_a_day, 96 + 240);
    }
}
