//! A mock Confluence Cloud: a corpus, the seven endpoints as they were measured, faults to order, and a server on loopback.
//!
//! Data flows in the order of the modules: a corpus becomes a site, a request becomes a route, a
//! route an answer, and the server carries the answer out. All but the server is pure.

mod access;
mod connection_end;
mod connections;
mod corpus;
mod corpus_file;
mod cursor;
mod damage;
mod details;
mod dto;
mod edit;
mod edit_unversioned;
mod edit_users;
mod endpoint;
mod envelope;
mod error_responses;
mod fault;
mod fault_effects;
mod fault_plan;
mod faults;
mod generate;
mod generate_pages;
mod generate_versions;
mod listings;
mod oauth;
mod options;
mod paging;
mod parameters;
mod reply;
mod request;
mod request_stats;
mod server;
mod service;
mod site;
mod transmission;

pub use access::{AccessPolicy, CURRENT_SCOPES, TokenKind};
pub use corpus::{
    ContentState, Corpus, Label, Page, PageLinks, Space, StateResponse, User, Version,
};
pub use corpus_file::CorpusError;
pub use edit::NotInCorpus;
pub use endpoint::Endpoint;
pub use fault::{Fault, InvalidFault, TypeCorruption};
pub use fault_plan::FaultPlan;
pub use faults::{FAULTS, FaultKind};
pub use generate::CorpusSpec;
pub use oauth::OauthClient;
pub use options::{BaseUrl, MockOptions};
pub use reply::{Arrival, EarlyEnd, Reply, Transmission};
pub use request::IncomingRequest;
pub use request_stats::LoggedRequest;
pub use server::Mock;
pub use service::{answer, answer_with};
pub use site::Site;
