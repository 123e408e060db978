//! Connections with TLS.

#![cfg(feature = "tls")]

mod support;

use caching_core::L2ErrorKind;
use caching_redis::RedisConfig;
use caching_testkit::RedisServer;
use support::*;

#[tokio::test]
async fn a_server_is_believed_for_its_authority_and_for_nothing_else() -> Done {
    let server = RedisServer::builder()
        .password("secret")
        .tls()?
        .start()
        .await?;
    let address = server.tls_address().ok_or("no port for TLS")?;
    let folder = tempfile::tempdir()?;
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, server.authority().ok_or("no authority")?)?;

    let mut config = RedisConfig::new(server.tls_url_at(address));
    config.ca_file = Some(authority.clone());
    let l2 = opened(&link(&config));
    let key = key("shared k:x");
    store(&l2, &key, "x").await?;
    assert!(found(&l2, &key).await?.is_some());

    // Without its authority it is nobody, and nothing is said in plain instead.
    config.ca_file = None;
    let error = join(&opened(&link(&config)))
        .await
        .err()
        .ok_or("anybody is believed")?;
    assert_eq!(error.kind, L2ErrorKind::Unavailable, "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");

    std::fs::write(&authority, "no certificate")?;
    config.ca_file = Some(authority);
    let refused = caching_redis::RedisLink::from_config(&config);
    let l2 = refused.map(|link| opened(&link));
    let error = match l2 {
        Ok(l2) => join(&l2).await.err().ok_or("it connected")?.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(!error.is_empty() && !error.contains("secret"), "{error}");
    Ok(())
}
