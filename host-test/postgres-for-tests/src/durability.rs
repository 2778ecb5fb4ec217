//! How safe the data are.

/// What a server does before it says that a transaction is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing, which makes tests fast: a crash of the machine may lose the data, a crash of the server does not.
    Off,
    /// It waits for the disk, as a server in production does.
    Full,
}

impl Durability {
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::Off => {
                "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
            }
            Self::Full => "-c max_connections=200",
        }
    }
}
