//! How this program was built.

use serde::Serialize;

/// How this program was built; figures of a build without full optimisation are not to be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Build {
    /// rustc's `-C opt-level`.
    pub opt_level: &'static str,
    /// Whether it is a build as it would be deployed.
    pub release: bool,
}

impl Build {
    /// This program's.
    #[must_use]
    pub fn current() -> Self {
        Self {
            opt_level: env!("BENCH_OPT_LEVEL"),
            release: !cfg!(debug_assertions),
        }
    }

    /// What to tell a person, if the figures are not those of a release build.
    #[must_use]
    pub fn warning(self) -> Option<String> {
        let level = self.opt_level;
        (!self.release).then(|| {
            format!(
                "this is a development build (opt-level {level}): for figures to quote, run \
                 `cargo run --release --package host-test -- bench`"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_build_says_so() {
        let development = Build {
            opt_level: "1",
            release: false,
        };
        let warning = development.warning().unwrap_or_default();
        assert!(warning.contains("opt-level 1") && warning.contains("--release"));
        let release = Build {
            release: true,
            ..development
        };
        assert_eq!(release.warning(), None);
        assert!(Build::current().opt_level.parse::<u8>().is_ok());
    }
}
