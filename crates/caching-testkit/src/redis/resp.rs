//! As much of a Redis client as it takes to send a command and read the answer.
//!
//! [RESP2](https://redis.io/docs/latest/develop/reference/protocol-spec/), blocking, one connection for one
//! command. The kit depends on no client, so that it can judge what clients do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::redis::error::RedisServerError;
use crate::redis::reply::RedisReply;
use crate::redis::settings::{KIT_USER, Settings};

/// The largest string of Redis itself (`proto-max-bulk-len`).
const LONGEST_STRING: u64 = 512 << 20;
/// Long enough for every status, number and error.
const LONGEST_LINE: u64 = 64 << 10;
/// Arrays in arrays; nothing that Redis answers comes near it.
const DEEPEST: usize = 32;

/// A connection on which the kit has logged in.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects and logs in; each answer may take as long as `limit`.
    pub(super) fn open(
        settings: &Settings,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Self, RedisServerError> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut connection = Self {
            stream: BufReader::new(stream),
        };
        connection.command(&["AUTH", KIT_USER, &settings.kit_password])?;
        Ok(connection)
    }

    /// Sends a command and reads its answer.
    pub(super) fn command(
        &mut self,
        words: &[impl AsRef<[u8]>],
    ) -> Result<RedisReply, RedisServerError> {
        self.stream.get_mut().write_all(&encoded(words)?)?;
        match read(&mut self.stream, DEEPEST)? {
            RedisReply::Error(message) => {
                // The name alone: what follows it may be a secret.
                let name = words.first().map_or(&b""[..], AsRef::as_ref);
                let command = String::from_utf8_lossy(name).to_uppercase();
                Err(RedisServerError::Refused { command, message })
            }
            reply => Ok(reply),
        }
    }
}

fn encoded(words: &[impl AsRef<[u8]>]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write!(bytes, "*{}\r\n", words.len())?;
    for word in words {
        let word = word.as_ref();
        write!(bytes, "${}\r\n", word.len())?;
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(bytes)
}

fn read(stream: &mut impl BufRead, deepest: usize) -> io::Result<RedisReply> {
    let line = read_line(stream)?;
    let Some((kind, rest)) = line.split_at_checked(1) else {
        return Err(unreadable("an empty line"));
    };
    match kind {
        "+" => Ok(RedisReply::Status(rest.to_owned())),
        "-" => Ok(RedisReply::Error(rest.to_owned())),
        ":" => Ok(RedisReply::Integer(number(rest)?)),
        "$" | "*" if rest == "-1" => Ok(RedisReply::Nil),
        "$" => read_string(stream, length(rest)?),
        "*" if deepest == 0 => Err(unreadable("arrays in arrays without end")),
        "*" => {
            // Not reserved beforehand: the length is only what somebody says.
            let items = (0..length(rest)?).map(|_| read(stream, deepest - 1));
            Ok(RedisReply::Array(items.collect::<Result<_, _>>()?))
        }
        _ => Err(unreadable("an answer of unknown kind")),
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        // What Redis echoes in an error need not be UTF-8.
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(unreadable("a line without an end")),
    }
}

fn read_string(stream: &mut impl BufRead, length: u64) -> io::Result<RedisReply> {
    if length > LONGEST_STRING {
        return Err(unreadable("a string that is too long"));
    }
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes)?;
    let mut end = [0; 2];
    stream.read_exact(&mut end)?;
    if bytes.len() as u64 == length && end == *b"\r\n" {
        Ok(RedisReply::Bytes(bytes))
    } else {
        Err(unreadable("a string of another length than was said"))
    }
}

fn length(text: &str) -> io::Result<u64> {
    u64::try_from(number(text)?).map_err(|_| unreadable("a negative length"))
}

fn number(text: &str) -> io::Result<i64> {
    text.parse()
        .map_err(|_| unreadable("no number where one belongs"))
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("this is no Redis server: it sent {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, RedisReply, encoded, read};

    fn reply(mut bytes: &[u8]) -> std::io::Result<RedisReply> {
        read(&mut bytes, DEEPEST)
    }

    #[test]
    fn a_command_is_an_array_of_strings() {
        let bytes = encoded(&[b"SET".as_slice(), b"k", b"\r\n"]).unwrap();
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n");
    }

    #[test]
    fn every_kind_of_answer_is_read() {
        use RedisReply::{Array, Bytes, Error, Integer, Nil, Status};
        let bytes = b"*6\r\n+OK\r\n:-7\r\n$-1\r\n*-1\r\n$2\r\n\xff\n\r\n-ERR no\r\n";
        let expected = [
            Status("OK".into()),
            Integer(-7),
            Nil,
            Nil,
            Bytes(vec![0xff, b'\n']),
            Error("ERR no".into()),
        ];
        assert_eq!(reply(bytes).unwrap(), Array(expected.into()));
    }

    #[test]
    fn what_no_server_sends_is_an_error_and_no_panic() {
        let deep = b"*1\r\n".repeat(1000);
        let bad: &[&[u8]] = &[
            b"",
            b"\r\n",
            b"+OK",
            b"HTTP/1.1 400\r\n",
            b":x\r\n",
            b"$-2\r\n",
            b"$999999999999\r\n",
            b"$3\r\nab",
            b"$1\r\nabc",
            b"*9223372036854775807\r\n",
            &deep,
        ];
        for bytes in bad {
            assert!(
                reply(bytes).is_err(),
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}
