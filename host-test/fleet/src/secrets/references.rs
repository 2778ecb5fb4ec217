//! References to secrets: a file or a variable of the worker's machine, instead of the secret itself.
//!
//! A configuration also says where the secret is sent. Whoever adds connections with references has to read them, since
//! one could name any file and variable of a worker, unless the operator names a folder and a prefix. Among those it
//! chooses freely: it could name the secret of another tenant. What opens the fleet itself is never handed out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use connector_destinations::text_file;

/// The variables that the fleet itself reads; so are all that begin with `PG`.
const OWN: [&str; 2] = ["FLEET_KEY", "DATABASE_URL"];

/// What configurations may refer to; anything unless the operator says so.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// The folder that files have to be in.
    pub folder: Option<PathBuf>,
    /// What the names of variables have to begin with.
    pub prefix: Option<String>,
}

impl References {
    /// Reads a file, which is one below the folder, if there is one.
    pub(super) fn read_file(&self, file: &str) -> Result<String> {
        ensure!(
            file != "-",
            "a worker reads no secret from its standard input"
        );
        match &self.folder {
            Some(folder) => text_file::read(&below(folder, file)?),
            None => text_file::read(Path::new(file)),
        }
    }

    /// Reads a variable.
    pub(super) fn read_variable(&self, variable: &str) -> Result<String> {
        refuse_own_variable(variable)?;
        let prefix = self.prefix.as_deref().unwrap_or_default();
        ensure!(
            variable.starts_with(prefix),
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
