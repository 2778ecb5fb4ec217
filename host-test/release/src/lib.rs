//! The released artifact with its bill of materials, and configurations for several machines.

pub mod artifact;
pub mod estimate;
pub mod shards;
