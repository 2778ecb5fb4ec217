//! References to secrets: a file or a variable of the worker's machine, instead of the secret itself.
//!
//! A configuration may be a tenant's, and it also says where the secret is sent. So it does not choose freely among the
//! files and variables of a worker: the operator names a folder and a prefix, and what opens the fleet itself is never
//! handed out. Among those it does choose freely: a tenant whose configuration is taken unread could name the secret of
//! another tenant.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use connector_destinations::text_file;

/// The variables that the fleet itself reads; so are all that begin with `PG`.
const OWN: [&str; 2] = ["FLEET_KEY", "DATABASE_URL"];

/// What configurations may refer to; nothing unless the operator says so.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// The folder that files have to be in.
    pub folder: Option<PathBuf>,
    /// What the names of variables have to begin with.
    pub prefix: Option<String>,
}

impl References {
    /// Reads a file, whose path is one below the folder.
    pub(super) fn read_file(&self, file: &str) -> Result<String> {
        let folder = self.folder.as_deref().context(
            "a secret in a file is read only where the worker is told its folder, with --secrets-dir DIR",
        )?;
        text_file::read(&below(folder, file)?)
    }

    /// Reads a variable.
    pub(super) fn read_variable(&self, variable: &str) -> Result<String> {
        refuse_own_variable(variable)?;
        let prefix = self.prefix.as_deref().context(
            "a secret in a variable is read only where the worker is told how its name begins, with --secret-env PREFIX",
        )?;
        ensure!(
            !prefix.is_empty() && variable.starts_with(prefix),
            "the name of the variable {variable} does not begin with {prefix}, as --secret-env says"
        );
        let secret = std::env::var(variable).ok();
        secret.with_context(|| format!("the variable {variable} is not set"))
    }
}

/// Refuses a variable that opens the fleet itself.
///
/// # Errors
///
/// It is one of those.
pub fn refuse_own_variable(variable: &str) -> Result<()> {
    let name = variable.to_ascii_uppercase();
    ensure!(
        !OWN.contains(&name.as_str()) && !name.starts_with("PG"),
        "the variable {variable} is one of the fleet itself, and no secret of a connection"
    );
    Ok(())
}

/// The file itself, behind all links on the way to it. Links inside the folder are how Kubernetes mounts secrets.
fn below(folder: &Path, file: &str) -> Result<PathBuf> {
    let cannot = |path: &Path| format!("the file {} cannot be read", path.display());
    let path = folder.join(file);
    let folder = folder.canonicalize().with_context(|| cannot(folder))?;
    let real = path.canonicalize().with_context(|| cannot(&path))?;
    ensure!(
        real.starts_with(&folder),
        "the file {} is not in the folder {}, as --secrets-dir says",
        path.display(),
        folder.display()
    );
    Ok(real)
}
