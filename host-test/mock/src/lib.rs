//! A mock Confluence Cloud: a corpus, the seven endpoints as they were measured, faults to order, and a server on loopback.
//!
//! Data flows in the order of the modules: a corpus becomes a site, a request becomes a route, a
//! route an answer, and the server carries the answer out. All but the server is pure.

mod access;
mod corpus;
mod cursor;
mod details;
mod edit;
mod effects;
mod endpoint;
mod faults;
mod gauge;
mod generate;
mod generate_pages;
mod generate_versions;
mod listings;
mod orders;
mod paging;
mod parameters;
mod reply;
mod request;
mod routes;
mod server;
mod serving;
mod site;
mod transport;
mod wire;

pub use access::{Access, CURRENT_SCOPES, TokenKind};
pub use corpus::{
    ContentState, Corpus, Label, Page, PageLinks, Space, StateResponse, User, Version,
};
pub use edit::Unknown;
pub use endpoint::Endpoint;
pub use faults::{FAULTS, Fault, InvalidFault, Kind};
pub use gauge::LoggedRequest;
pub use generate::Sizes;
pub use orders::Orders;
pub use reply::{Delivery, Reply};
pub use request::Request;
pub use routes::{answer, answer_with};
pub use server::{BaseUrl, Mock, MockOptions};
pub use site::Site;
