//! Ports for servers that have to come back on the same one.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the ports that systems hand out by themselves (Linux: from 32768 on; IANA, macOS and Windows: from
/// 49152 on). One of those could be given to somebody else while a server is down, or to a client that tries
/// to connect to that very port, and TCP would connect the client to itself.
const CANDIDATES: Range<u16> = 15_000..32_000;

/// How many are tried. Each is free unless something else listens just there.
const ATTEMPTS: usize = 100;

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: Option<u16>,
}

impl Ports {
    /// Free ones, with one for TLS if that is wanted.
    pub(super) fn free(with_tls: bool) -> Option<Self> {
        let plain = free()?;
        let tls = if with_tls {
            // The same one twice would look free twice.
            Some((0..ATTEMPTS).find_map(|_| free().filter(|port| *port != plain))?)
        } else {
            None
        };
        Some(Self { plain, tls })
    }
}

/// A port on which nobody listened a moment ago. Whether it is still free shows when the server starts.
fn free() -> Option<u16> {
    (0..ATTEMPTS)
        .map(|_| fastrand::u16(CANDIDATES))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
