//! The Confluence connector as a built component, to embed.

/// The component, as released but for its metadata.
pub const COMPONENT: &[u8] = include_bytes!(env!("COMPONENT"));
