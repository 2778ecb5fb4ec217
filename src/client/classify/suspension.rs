//! The page that stands in for a suspended or deactivated site.

use super::{Classification, ErrorBody, ResponseAction};
use crate::error::Kind;

/// Whether it is the page that stands in for a suspended or deactivated site.
pub(super) fn is_suspended(body: &ErrorBody) -> bool {
    let words = [
        "suspended",
        "deactivated",
        "site is unavailable",
        "no longer available",
    ];
    body.is_html() && words.iter().any(|words| body.says(words))
}

pub(super) fn suspended() -> Classification {
    let message = "the site is suspended or deactivated; ask its administrator to look at the site's billing and \
         status at admin.atlassian.com";
    Classification::new(Kind::InvalidCredentials, ResponseAction::FailRun, message)
}
