//! What lies between this host and a service, as the process finds it.

use super::pool::KeepAlive;
use super::proxy::Proxies;
use super::resolver::{self, LookUp};
use super::tls;

/// What lies between this host and a service.
pub(super) struct Network {
    pub(super) look_up: LookUp,
    pub(super) proxies: Proxies,
    pub(super) tls: rustls::ClientConfig,
    pub(super) keep_alive: KeepAlive,
}

impl Network {
    pub(super) fn of_platform() -> Self {
        Self {
            look_up: resolver::of_system(),
            proxies: Proxies::from_environment(),
            tls: tls::platform().clone(),
            keep_alive: KeepAlive::default(),
        }
    }
}
