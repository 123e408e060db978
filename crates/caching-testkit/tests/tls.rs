//! A server with TLS.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use caching_testkit::RedisServer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Asks for a pong, trusting this authority alone.
fn ping(server: &RedisServer, authority: &str, name: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(server.tls_address().unwrap())?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"AUTH secret\r\nPING\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn the_tls_port_answers_who_trusts_its_authority_also_after_a_restart() {
    let builder = RedisServer::builder().password("secret").tls().unwrap();
    let mut server = builder.start().await.unwrap();
    let address = server.tls_address().unwrap();
    assert_ne!(address, server.address());
    assert_eq!(
        server.tls_url_at(address),
        format!("rediss://:secret@{address}/")
    );
    let authority = server.authority().unwrap().to_owned();
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(ping(&server, &authority, name).unwrap(), "+OK\r\n+PONG\r\n");
    }
    server.restart_empty().await.unwrap();
    assert_eq!(server.tls_address(), Some(address));
    let answer = ping(&server, &authority, "localhost");
    assert_eq!(answer.unwrap(), "+OK\r\n+PONG\r\n");
}

#[tokio::test]
async fn another_authority_and_another_name_are_refused() {
    let start = async || RedisServer::builder().tls().unwrap().start().await.unwrap();
    let (server, other) = (start().await, start().await);
    let foreign = ping(&server, other.authority().unwrap(), "localhost");
    assert!(foreign.is_err(), "{foreign:?}");
    let elsewhere = ping(&server, server.authority().unwrap(), "example.com");
    assert!(elsewhere.is_err(), "{elsewhere:?}");
}

#[tokio::test]
async fn without_tls_there_is_no_port_for_it() {
    let server = RedisServer::start().await.unwrap();
    assert_eq!((server.tls_address(), server.authority()), (None, None));
}
