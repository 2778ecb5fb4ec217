//! The bill of materials: which crates are in the component, as CycloneDX.
//!
//! `cargo tree` resolves the features as the component's build does, whereas `cargo metadata` adds what other members of
//! the workspace and the tests need. The output is small enough to be written as JSON here; a crate for CycloneDX would
//! bring XML and a random serial number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::source::{Package, cargo};

/// What the component is compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// A crate in the tree. Its order is by name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    license: String,
    repository: String,
}

/// Crates, and what each of them needs.
type Tree = BTreeMap<Crate, BTreeSet<Crate>>;

/// The bill of materials of the component whose file has this digest. What is in it is `required`; macros,
/// which wrote code into it at build time and are not in it themselves, are `excluded`.
///
/// # Errors
///
/// Cargo fails, or the lock file cannot be read.
pub fn sbom(package: &Package, root: &Path, sha256: &str) -> Result<Value> {
    let inside = tree(package, root, "normal,no-proc-macro")?;
    let all = tree(package, root, "normal")?;
    let digests = digests(root)?;
    let others = all.keys().filter(|part| part.name != package.name);
    let components = others.map(|part| {
        let digest = digests.get(&(part.name.clone(), part.version.clone()));
        part.component(inside.contains_key(part), digest)
    });
    let dependencies = inside.iter().map(|(part, needs)| {
        let needs: Vec<_> = needs.iter().map(Crate::url).collect();
        json!({ "ref": part.url(), "dependsOn": needs })
    });
    let mut component = json!({
        "type": "library",
        "bom-ref": url(&package.name, &package.version),
        "name": package.name,
        "version": package.version,
        "hashes": [{ "alg": "SHA-256", "content": sha256 }],
    });
    add(
        &mut component,
        "description",
        package.description.as_deref(),
    );
    let license = package.license.as_deref().map(licenses);
    add(&mut component, "licenses", license);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

impl Crate {
    fn url(&self) -> String {
        url(&self.name, &self.version)
    }

    fn component(&self, inside: bool, digest: Option<&String>) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": self.url(),
            "purl": self.url(),
            "name": self.name,
            "version": self.version,
            "scope": if inside { "required" } else { "excluded" },
        });
        let known = |text: &str| !text.is_empty();
        let license = known(&self.license).then(|| licenses(&self.license));
        add(&mut component, "licenses", license);
        let repository = known(&self.repository);
        let repository = repository.then(|| json!([{ "type": "vcs", "url": self.repository }]));
        add(&mut component, "externalReferences", repository);
        let digest = digest.map(|digest| json!([{ "alg": "SHA-256", "content": digest }]));
        add(&mut component, "hashes", digest);
        component
    }

    /// Reads `name version …|license|repository`, as [`tree`] asks for it.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.trim_end_matches(" (*)").split('|');
        let mut words = fields.next()?.split(' ');
        Some(Self {
            name: words.next()?.to_owned(),
            version: words.next()?.trim_start_matches('v').to_owned(),
            license: fields.next()?.to_owned(),
            repository: fields.next()?.to_owned(),
        })
    }
}

/// The purl of a package. A `+` would be read as a space.
fn url(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// Old crates write a stroke where SPDX has `OR`.
fn licenses(expression: &str) -> Value {
    let separators = expression.split('/').map(str::trim);
    json!([{ "expression": separators.collect::<Vec<_>>().join(" OR ") }])
}

fn add(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value.into());
    }
}

/// The crates that cargo builds for the component along these edges.
fn tree(package: &Package, root: &Path, edges: &str) -> Result<Tree> {
    let arguments = [
        "tree",
        "--locked",
        "--package",
        &package.name,
        "--target",
        TARGET,
    ];
    let format = ["--prefix", "depth", "--format", " {p}|{l}|{r}"];
    let arguments = [&arguments[..], &["--edges", edges], &format].concat();
    parse(&cargo(root, &arguments)?).context("the output of cargo tree cannot be parsed")
}

/// Each line is a depth and a crate, which the last crate of the depth above needs. A crate's second line, marked
/// with (*), leaves its needs out.
fn parse(lines: &str) -> Option<Tree> {
    let mut tree = Tree::new();
    let mut path: Vec<Crate> = Vec::new();
    for line in lines.lines() {
        let (depth, line) = line.split_once(' ')?;
        path.truncate(depth.parse().ok()?);
        let part = Crate::read(line)?;
        if let Some(parent) = path.last() {
            tree.entry(parent.clone()).or_default().insert(part.clone());
        }
        tree.entry(part.clone()).or_default();
        path.push(part);
    }
    Some(tree)
}

/// The digests of the crates' archives, by name and version.
fn digests(root: &Path) -> Result<BTreeMap<(String, String), String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(&fs::read_to_string(root.join("Cargo.lock"))?)?;
    let known = lock
        .package
        .into_iter()
        .filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)));
    Ok(known.collect())
}
