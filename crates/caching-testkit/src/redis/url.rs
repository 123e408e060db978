//! How a client is told where a server is.

use std::fmt::{self, Write};
use std::net::SocketAddr;

/// A connection string as Redis clients read it: `redis://user:password@address:port/`.
pub(super) struct RedisUrl<'a> {
    /// `redis`, or `rediss` with TLS.
    pub(super) scheme: &'static str,
    pub(super) address: SocketAddr,
    /// User and password; the user is empty for the default one.
    pub(super) login: Option<(&'a str, &'a str)>,
}

impl fmt::Display for RedisUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some((user, password)) = self.login {
            encode(f, user)?;
            f.write_char(':')?;
            encode(f, password)?;
            f.write_char('@')?;
        }
        write!(f, "{}/", self.address)
    }
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                f.write_char(byte.into())?;
            }
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn what_could_be_read_as_part_of_the_address_is_encoded() {
        let address = ([127, 0, 0, 1], 6379).into();
        let url = |scheme, login| RedisUrl {
            scheme,
            address,
            login,
        };
        assert_eq!(
            url("redis", Some(("", "p@ss/w:rd é"))).to_string(),
            "redis://:p%40ss%2Fw%3Ard%20%C3%A9@127.0.0.1:6379/"
        );
        assert_eq!(
            url("rediss", Some(("alice", "x"))).to_string(),
            "rediss://alice:x@127.0.0.1:6379/"
        );
    }
}
