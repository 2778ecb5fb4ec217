//! Secrets at rest: encrypted with a key from the environment, or a reference to a file or a variable.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, AeadCore as _, KeyInit as _, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::{Map, Value, json};

/// The member of a sealed secret.
const SEALED: &str = "encrypted";
/// Bytes of a nonce, which stands before the encrypted text.
const NONCE: usize = 24;

/// Encrypts and decrypts with XChaCha20-Poly1305, whose nonces are long enough to be random.
#[derive(Clone, Default)]
pub struct Vault(Option<XChaCha20Poly1305>);

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Vault {
    /// A vault with the key of `FLEET_KEY`: 32 bytes in base64. Without it, only references to secrets work.
    ///
    /// # Errors
    ///
    /// The key is not of this form.
    pub fn new(key: Option<&str>) -> Result<Self> {
        let Some(key) = key else {
            return Ok(Self(None));
        };
        let key = STANDARD
            .decode(key.trim())
            .ok()
            .filter(|key| key.len() == 32);
        let key = key.context(
            "FLEET_KEY is not 32 bytes in base64; make one with: openssl rand -base64 32",
        )?;
        Ok(Self(Some(XChaCha20Poly1305::new(
            chacha20poly1305::Key::from_slice(&key),
        ))))
    }

    /// Encrypts the secret fields of a configuration. References stay as they are.
    ///
    /// # Errors
    ///
    /// There is a secret to encrypt and no key.
    pub fn seal(
        &self,
        connection: &str,
        fields: &[String],
        config: &mut Map<String, Value>,
    ) -> Result<()> {
        for field in fields {
            if let Some(value) = config.get_mut(field) {
                self.seal_value(&place(connection, field), value)?;
            }
        }
        Ok(())
    }

    /// Seals a secret, or each text of an object that is no reference.
    fn seal_value(&self, place: &str, value: &mut Value) -> Result<()> {
        match value {
            Value::String(secret) => *value = json!({ SEALED: self.encrypt(place, secret)? }),
            Value::Object(members) if !is_reference(members) => {
                for (member, value) in members {
                    self.seal_value(&format!("{place}.{member}"), value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts the secrets into a configuration: decrypted, or read from where a reference says.
    ///
    /// # Errors
    ///
    /// A secret cannot be had. The message names the field and not the secret.
    pub fn open(&self, connection: &str, config: &mut Map<String, Value>) -> Result<()> {
        for (field, value) in config.iter_mut() {
            self.open_value(connection, field, value)?;
        }
        Ok(())
    }

    fn open_value(&self, connection: &str, field: &str, value: &mut Value) -> Result<()> {
        if let Some(secret) = self.resolve(connection, field, value)? {
            *value = Value::String(secret);
        } else if let Value::Object(members) = value {
            for (member, value) in members {
                self.open_value(connection, &format!("{field}.{member}"), value)?;
            }
        }
        Ok(())
    }

    fn resolve(&self, connection: &str, field: &str, value: &Value) -> Result<Option<String>> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        if let Some(sealed) = text(SEALED) {
            return self.decrypt(&place(connection, field), sealed).map(Some);
        }
        if let Some(file) = text("file") {
            let secret = std::fs::read_to_string(file);
            let secret =
                secret.with_context(|| format!("{field}: the file {file} cannot be read"))?;
            return Ok(Some(secret.trim().to_owned()));
        }
        if let Some(variable) = text("env") {
            let secret = std::env::var(variable);
            let secret = secret
                .ok()
                .with_context(|| format!("{field}: the variable {variable} is not set"))?;
            return Ok(Some(secret.trim().to_owned()));
        }
        Ok(None)
    }

    fn encrypt(&self, place: &str, secret: &str) -> Result<String> {
        let Some(cipher) = &self.0 else {
            bail!(
                "FLEET_KEY is not set: set it to encrypt the secret (make one with: openssl rand -base64 32), \
                 or write {{\"file\": …}} or {{\"env\": …}} instead of the secret"
            );
        };
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place.as_bytes(),
        };
        let encrypted = cipher.encrypt(&nonce, payload);
        let encrypted = encrypted.ok().context("the secret cannot be encrypted")?;
        Ok(STANDARD.encode([nonce.as_slice(), &encrypted].concat()))
    }

    fn decrypt(&self, place: &str, sealed: &str) -> Result<String> {
        let cipher = self.0.as_ref();
        let cipher = cipher
            .context("FLEET_KEY is not set: the secret of this connection is encrypted with it")?;
        let sealed = STANDARD
            .decode(sealed)
            .context("the encrypted secret is damaged")?;
        ensure!(sealed.len() > NONCE, "the encrypted secret is damaged");
        let (nonce, encrypted) = sealed.split_at(NONCE);
        let payload = Payload {
            msg: encrypted,
            aad: place.as_bytes(),
        };
        let secret = cipher.decrypt(XNonce::from_slice(nonce), payload);
        let secret = secret
            .ok()
            .context("FLEET_KEY is not the key that this secret was encrypted with")?;
        Ok(String::from_utf8(secret)?)
    }
}

fn is_reference(members: &Map<String, Value>) -> bool {
    ["file", "env", SEALED]
        .iter()
        .any(|member| members.contains_key(*member))
}

/// Where a secret belongs. It is authenticated: a sealed secret that is copied to another connection does not open.
fn place(connection: &str, field: &str) -> String {
    format!("{connection}\0{field}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(Some(&STANDARD.encode([byte; 32]))).unwrap()
    }

    fn config(value: &Value) -> Map<String, Value> {
        [
            ("api_token".to_owned(), value.clone()),
            ("page_size".to_owned(), json!(7)),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_secret_is_sealed_for_one_connection_and_one_key() {
        let fields = ["api_token".to_owned()];
        let mut sealed = config(&json!("hidden"));
        vault(1).seal("a", &fields, &mut sealed).unwrap();
        assert!(!Value::Object(sealed.clone()).to_string().contains("hidden"));
        let mut opened = sealed.clone();
        vault(1).open("a", &mut opened).unwrap();
        assert_eq!(opened, config(&json!("hidden")));
        for (vault, connection) in [(vault(2), "a"), (vault(1), "b"), (Vault::default(), "a")] {
            let error = vault.open(connection, &mut sealed.clone()).unwrap_err();
            assert!(error.to_string().contains("FLEET_KEY"), "{error}");
        }
        assert!(
            Vault::default()
                .seal("a", &fields, &mut config(&json!("hidden")))
                .is_err()
        );
        assert!(Vault::new(Some("short")).is_err());
    }

    #[test]
    fn the_members_of_a_secret_object_are_sealed_one_by_one() {
        let fields = ["api_token".to_owned()];
        let client =
            json!({ "client_id": "me", "client_secret": "hidden", "other": { "env": "HOME" } });
        let mut sealed = config(&client);
        vault(1).seal("a", &fields, &mut sealed).unwrap();
        assert!(!Value::Object(sealed.clone()).to_string().contains("hidden"));
        assert_eq!(sealed["api_token"]["other"], client["other"]);
        vault(1).open("a", &mut sealed).unwrap();
        assert_eq!(sealed["api_token"]["client_secret"], "hidden");
        assert_eq!(sealed["api_token"]["client_id"], "me");
    }

    #[test]
    fn a_reference_needs_no_key_and_is_read_when_the_run_begins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hidden\n").unwrap();
        let reference = config(&json!({ "file": file }));
        let mut kept = reference.clone();
        Vault::default()
            .seal("a", &["api_token".to_owned()], &mut kept)
            .unwrap();
        assert_eq!(kept, reference);
        Vault::default().open("a", &mut kept).unwrap();
        assert_eq!(kept["api_token"], "hidden");
        let error = Vault::default()
            .open("a", &mut config(&json!({ "env": "NOT_SET_ANYWHERE" })))
            .unwrap_err();
        assert!(error.to_string().contains("NOT_SET_ANYWHERE"), "{error}");
    }
}
