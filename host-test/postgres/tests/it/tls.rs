//! Encrypted connections: the certificate is verified, and nothing falls back to plain text.

use connector_postgres::{Address, Postgres, PostgresOptions};
use postgres_for_tests::Server;
use rcgen::{CertificateParams, KeyPair};

fn open(url: &str) -> anyhow::Result<Postgres> {
    let options = PostgresOptions::new("encrypted");
    Postgres::open(&Address::parse(url)?, "shop", &[], options)
}

#[test]
fn tls_is_verified_and_never_left_out() {
    let Some(server) = Server::start().unwrap() else {
        return;
    };
    let asked = format!("{}?sslmode=require", server.url("postgres"));
    let error = format!("{:#}", open(&asked).unwrap_err());
    assert!(error.contains("TLS"), "the server offers none yet: {error}");

    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, certificate.pem()).unwrap();
    server
        .enable_tls(&certificate.pem(), &key.serialize_pem())
        .unwrap();

    let error = format!("{:#}", open(&asked).unwrap_err());
    assert!(
        error.to_lowercase().contains("certificate"),
        "unknown authority: {error}"
    );
    let trusted = format!("{asked}&sslrootcert={}", authority.display());
    drop(open(&trusted).unwrap());
    let other_name = trusted.replace("127.0.0.1", "localhost");
    let error = format!("{:#}", open(&other_name).unwrap_err());
    assert!(
        error.to_lowercase().contains("certificate"),
        "the name is verified: {error}"
    );
}
