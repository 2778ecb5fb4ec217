//! Redirects, which are never followed: the credentials would go with them.

use super::suspicion::{resolution, unless_authenticated};
use super::{Classification, RequestContext, ResponseAction};
use crate::client::Response;
use crate::config::BaseUrl;
use crate::error::Kind;
use crate::url::Url;

pub(super) fn redirect(context: RequestContext<'_>, response: &Response) -> Classification {
    let location = response.headers.get("location").unwrap_or_default();
    // Also `//host/…`, which takes over the scheme.
    let location = match location.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => location.to_owned(),
    };
    let host = Url::parse(&location).and_then(|url| url.host_and_port());
    let host = host.map(|(host, _)| host.to_ascii_lowercase());
    match host {
        Some(host) if is_renamed_site(context, &host) => {
            let message = format!(
                "the site was renamed: change base_url to https://{host}; nothing is sent there until then"
            );
            Classification::new(Kind::InvalidConfig, ResponseAction::FailRun, message)
        }
        Some(host) if host == "id.atlassian.com" => {
            let action = if context.authenticated {
                ResponseAction::Suspect(resolution(context))
            } else {
                ResponseAction::FailRun
            };
            let message = "Confluence asks for a login in a browser (a redirect to id.atlassian.com): it does not \
                 accept the credentials; check base_url, username and api_token";
            Classification::new(Kind::InvalidCredentials, action, message)
        }
        host => {
            let target = host.map(|host| format!(" to {host}")).unwrap_or_default();
            let message = format!(
                "a redirect{target}, which is never followed, for the credentials' sake; if it leads to a login \
                 page, check base_url, username and api_token"
            );
            // Perhaps a captive portal, for everybody.
            let action = unless_authenticated(context, resolution(context));
            Classification::new(Kind::UnexpectedResponse, action, message)
        }
    }
}

/// Whether the redirect leads from a site's own address to that of another site.
fn is_renamed_site(context: RequestContext<'_>, host: &str) -> bool {
    let base_url = &context.config.base_url;
    !base_url.is_gateway() && BaseUrl::is_site(host) && base_url.authority != host
}
