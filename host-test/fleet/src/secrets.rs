//! Secrets at rest: encrypted with a key from the environment, or a reference to a file or a variable.

mod references;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, AeadCore as _, KeyInit as _, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::{Map, Value, json};

pub use self::references::{References, refuse_own_variable};

/// The member of a sealed secret.
const SEALED: &str = "encrypted";
/// Bytes of a nonce, which stands before the encrypted text.
const NONCE: usize = 24;

/// Encrypts and decrypts with XChaCha20-Poly1305, whose nonces are long enough to be random.
#[derive(Clone, Default)]
pub struct Vault {
    cipher: Option<XChaCha20Poly1305>,
    references: References,
}

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
            return Ok(Self::default());
        };
        let key = STANDARD
            .decode(key.trim())
            .ok()
            .filter(|key| key.len() == 32);
        let key = key.context(
            "FLEET_KEY is not 32 bytes in base64; make one with: openssl rand -base64 32",
        )?;
        let key = chacha20poly1305::Key::from_slice(&key);
        Ok(Self {
            cipher: Some(XChaCha20Poly1305::new(key)),
            ..Self::default()
        })
    }

    /// A vault that opens these references too.
    #[must_use]
    pub fn with_references(self, references: References) -> Self {
        Self { references, ..self }
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

    /// Puts the secrets into these fields of a configuration: decrypted, or read from where a reference says. Any other
    /// field stays as it is: what is in it is sent to a place that the configuration names.
    ///
    /// # Errors
    ///
    /// A secret cannot be had. The message names the field and not the secret.
    pub fn open(
        &self,
        connection: &str,
        fields: &[String],
        config: &mut Map<String, Value>,
    ) -> Result<()> {
        for field in fields {
            if let Some(value) = config.get_mut(field) {
                self.open_value(connection, field, value)?;
            }
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
        let secret = if let Some(file) = text("file") {
            self.references.read_file(file)
        } else if let Some(variable) = text("env") {
            self.references.read_variable(variable)
        } else {
            return Ok(None);
        };
        let secret = secret.with_context(|| field.to_owned())?;
        Ok(Some(secret.trim().to_owned()))
    }

    /// Whether the encrypted texts of a configuration can be decrypted; none if it has none.
    #[must_use]
    pub fn can_open(&self, connection: &str, config: &Map<String, Value>) -> Option<bool> {
        let opens = config
            .iter()
            .filter_map(|(field, value)| self.opens(connection, field, value));
        opens.reduce(|all, opens| all && opens)
    }

    fn opens(&self, connection: &str, field: &str, value: &Value) -> Option<bool> {
        let members = value.as_object()?;
        if let Some(sealed) = members.get(SEALED).and_then(Value::as_str) {
            return Some(self.decrypt(&place(connection, field), sealed).is_ok());
        }
        let opens = members.iter().filter_map(|(member, value)| {
            self.opens(connection, &format!("{field}.{member}"), value)
        });
        opens.reduce(|all, opens| all && opens)
    }

    /// Whether there is a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.cipher.is_some()
    }

    fn encrypt(&self, place: &str, secret: &str) -> Result<String> {
        let Some(cipher) = &self.cipher else {
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
        let cipher = self.cipher.as_ref();
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
mod tests;
