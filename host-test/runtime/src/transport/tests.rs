//! The transport against servers on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod coding;
mod flood;
mod http1;
mod http2;
mod names;
mod proxy;
mod support;
mod tls;
