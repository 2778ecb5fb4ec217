//! The way to the service.

pub mod request;

pub use crate::http::client::Client;
pub use crate::http::{Headers, MAX_BODY, Platform, Request, Response, TransportError};
