#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// A variable that nobody sets.
const NO_VARIABLE: &str = "CONNECTOR_TESTS_SET_NO_SUCH_VARIABLE";

struct Case {
    folder: TempDir,
    token_variable: &'static str,
}

impl Case {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            token_variable: NO_VARIABLE,
        }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, content).unwrap();
        file
    }

    fn load(&self, config: &str, token_file: Option<&str>) -> Result<LoadedConfig, ConfigError> {
        let source = ConfigSource {
            file: self.write("config.json", config),
            token_file: token_file.map(|token| self.write("token", token)),
            token_variable: self.token_variable,
            client_secret_variable: NO_VARIABLE,
        };
        load(&crate::testing::description(), &source)
    }

    fn token(&self, config: &Value, token_file: Option<&str>) -> Value {
        let loaded = self.load(&config.to_string(), token_file).unwrap();
        serde_json::from_str::<Value>(&loaded.text).unwrap()["api_key"].clone()
    }
}

#[test]
fn the_token_comes_from_its_file_then_the_config_then_the_environment() {
    let case = Case::new();
    let given = json!({ "api_key": "from the config" });
    assert_eq!(case.token(&given, Some("from a file\n")), "from a file");
    assert_eq!(case.token(&given, None), "from the config");
    assert_eq!(case.token(&json!({}), None), Value::Null);
    let named = json!({ "api_key": { "file": case.write("secret", " named \n") } });
    assert_eq!(case.token(&named, None), "named");
    let case = Case {
        token_variable: "CARGO_PKG_NAME",
        ..case
    };
    assert_eq!(case.token(&given, None), "from the config");
    for config in [json!({}), json!({ "api_key": null })] {
        assert_eq!(case.token(&config, None), env!("CARGO_PKG_NAME"));
    }
}

#[test]
fn a_secret_held_by_the_host_lets_the_host_sign() {
    let case = Case::new();
    let held = json!({ "api_key": { "held_by_host": true } }).to_string();
    let loaded = case.load(&held, Some("token")).unwrap();
    assert_eq!(loaded.signing, Signing::Host);
    assert!(loaded.text.contains("token"));
    assert_eq!(
        case.load(&held, None).unwrap().text,
        held,
        "the host says what is missing"
    );
}

#[test]
fn what_cannot_be_read_is_not_what_is_wrong() {
    let case = Case::new();
    let missing = json!({ "api_key": { "file": "/no/such/file" } }).to_string();
    let error = case.load(&missing, None).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable(_)), "{error:?}");
    let number = json!({ "api_key": { "file": 7 } }).to_string();
    let error = case.load(&number, None).unwrap_err();
    assert!(matches!(error, ConfigError::Invalid(_)), "{error:?}");
    assert_eq!(
        case.load("{", None).unwrap().text,
        "{",
        "left to the component"
    );
    let with_mark = case.load("\u{feff}{}", None).unwrap();
    assert_eq!(with_mark.text, "{}");
}
