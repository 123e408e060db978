//! As much of HTTP/1.1 (RFC 9112) as the demo speaks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than a pod takes for anything.
const LIMIT: Duration = Duration::from_secs(20);
/// Longer than any answer of the sample.
const LONGEST: u64 = 1 << 20;

/// One connection to one pod, made when it is needed and kept.
pub(super) struct Client {
    connection: Option<(SocketAddr, BufReader<TcpStream>)>,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    /// What `Cache-Status` says.
    pub(super) cache: String,
    pub(super) body: Value,
}

impl Client {
    pub(super) const fn new() -> Self {
        Self { connection: None }
    }

    /// Sends a request, for the tenant `acme`, and reads its answer.
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        if self.connection.as_ref().is_none_or(|(at, _)| *at != to) {
            let stream = TcpStream::connect_timeout(&to, LIMIT)?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.set_nodelay(true)?;
            self.connection = Some((to, BufReader::new(stream)));
        }
        // Put back only once the answer was read to its end.
        let Some((at, mut connection)) = self.connection.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nX-Tenant-Id: acme\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        connection.get_mut().write_all(request.as_bytes())?;
        let answer = read(&mut connection)?;
        self.connection = Some((at, connection));
        Ok(answer)
    }
}

fn read(from: &mut impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| invalid("no status line"))?;
    let (mut length, mut cache) = (0, String::new());
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value.trim().parse().map_err(|_| invalid("a bad length"))?;
            }
            "cache-status" => cache = value.trim().to_owned(),
            _ => {}
        }
    }
    if length > LONGEST {
        return Err(invalid("a long answer"));
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    Ok(Answer {
        status,
        cache,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn an_answer_ends_where_it_says_and_the_next_one_begins_there() {
        let mut text = "HTTP/1.1 200 OK\r\nCache-Status: invoice-api; hit; detail=l1\r\n\
                        content-length: 13\r\n\r\n{\"version\":7}HTTP/1.1 503 Service Unavailable\r\n\
                        content-length: 0\r\n\r\n"
            .as_bytes();
        let answer = read(&mut text).expect("an answer");
        assert_eq!(
            (answer.status, &*answer.cache),
            (200, "invoice-api; hit; detail=l1")
        );
        assert_eq!(answer.body["version"], 7);
        assert_eq!(read(&mut text).expect("another").status, 503);
        assert!(read(&mut text).is_err(), "the connection has ended");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        ] {
            assert!(read(&mut text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
