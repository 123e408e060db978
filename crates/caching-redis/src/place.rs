//! Where the connection string is, and how a connection is asked for with it.

use std::path::{Path, PathBuf};

use deadpool_redis::redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use zeroize::Zeroizing;

use crate::config::{
    ConnectionConfig, Connections, RedisConfig, RedisConfigError, RedisUrl, UrlError,
};

/// A connection string is at most this long.
const LONGEST: u64 = 64 * 1024;

/// Where the connection string is. A file and a variable are read at each attempt to connect.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    text: Text,
    authorities: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Text {
    Inline { url: RedisUrl, place: String },
    File(PathBuf),
    Env(String),
}

impl Place {
    /// The one place that a configuration names.
    pub(crate) fn of(
        config: &RedisConfig,
        connections: &Connections,
    ) -> Result<Self, RedisConfigError> {
        let text = match (&config.url, &config.connection) {
            (Some(url), None) => Text::Inline {
                url: url.clone(),
                place: "`cache.redis.url`".to_owned(),
            },
            (None, Some(name)) => named(name, connections)?,
            (None, None) => return Err(RedisConfigError::NoServer),
            (Some(_), Some(_)) => return Err(RedisConfigError::TwoServers),
        };
        Ok(Self {
            text,
            authorities: config.ca_file.clone(),
        })
    }

    /// Reads the connection string. It may wait for a disk.
    pub(crate) fn read(&self) -> Result<ConnectionInfo, UrlError> {
        let (text, place) = match &self.text {
            Text::Inline { url, place } => (url.clone(), place.clone()),
            Text::File(path) => (
                from_file(path)?,
                format!("what the file `{}` holds", path.display()),
            ),
            Text::Env(name) => (
                from_variable(name)?,
                format!("the environment variable `{name}`"),
            ),
        };
        let url = text.expose();
        if url.starts_with("rediss://") && !cfg!(feature = "tls") {
            return Err(UrlError::NoTls { place });
        }
        // The library's words may repeat what they found.
        let info = url
            .into_connection_info()
            .map_err(|_| UrlError::Malformed {
                place: place.clone(),
            })?;
        let settings = info
            .redis_settings()
            .clone()
            // Messages and replies on one connection, and news of its end.
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name();
        let info = info.set_redis_settings(settings);
        if url.starts_with("rediss://") {
            return self.with_tls(info);
        }
        Ok(info)
    }

    #[cfg(feature = "tls")]
    fn with_tls(&self, info: ConnectionInfo) -> Result<ConnectionInfo, UrlError> {
        use deadpool_redis::redis::TlsCertificates;
        use rustls::crypto::{CryptoProvider, ring};

        // The client library takes the process's default and panics where there is none.
        if CryptoProvider::get_default().is_none() {
            // An error means that somebody else has set one in between, which is as good.
            let _ = ring::default_provider().install_default();
        }
        let Some(path) = &self.authorities else {
            return Ok(info);
        };
        let refused = |problem: String| UrlError::Authorities { problem };
        let root_cert = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(root_cert),
        };
        let client = Client::build_with_tls(info, certificates)
            .map_err(|error| refused(error.to_string()))?;
        Ok(client.get_connection_info().clone())
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls(&self, info: ConnectionInfo) -> Result<ConnectionInfo, UrlError> {
        let _ = (&self.authorities, std::marker::PhantomData::<Client>);
        Ok(info)
    }
}

fn named(name: &str, connections: &Connections) -> Result<Text, RedisConfigError> {
    let Some(connection) = connections.get(name) else {
        return Err(RedisConfigError::UnknownConnection {
            name: name.to_owned(),
        });
    };
    match connection.clone() {
        ConnectionConfig {
            url: Some(url),
            file: None,
            env: None,
        } => Ok(Text::Inline {
            url,
            place: format!("`connections.{name}.url`"),
        }),
        ConnectionConfig {
            url: None,
            file: Some(path),
            env: None,
        } => Ok(Text::File(path)),
        ConnectionConfig {
            url: None,
            file: None,
            env: Some(variable),
        } => Ok(Text::Env(variable)),
        _ => Err(RedisConfigError::NotOnePlace {
            name: name.to_owned(),
        }),
    }
}

fn from_file(path: &Path) -> Result<RedisUrl, UrlError> {
    use std::io::Read;

    let failed = |problem: String| UrlError::File {
        path: path.display().to_string(),
        problem,
    };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    // As long as it can get from the start: a growing buffer would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(failed(format!("it is longer than {LONGEST} bytes")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(RedisUrl::new(text.trim())),
        Err(_) => Err(failed("it is not UTF-8".to_owned())),
    }
}

fn from_variable(name: &str) -> Result<RedisUrl, UrlError> {
    match std::env::var(name) {
        Ok(text) => Ok(RedisUrl::new(Zeroizing::new(text).trim())),
        Err(_) => Err(UrlError::Env {
            name: name.to_owned(),
        }),
    }
}
