//! The tenant in the host name.

use http::header::HOST;
use http::request::Parts;

use crate::TenantId;
use crate::resolver::{TenantResolver, Unresolved};

/// Finds the tenant in the host name: `acme` in `acme.example.com`, under the base domain `example.com`.
///
/// The host is that of the request's target (`:authority` in HTTP/2) and of the `Host` header; where both
/// are there they have to agree (RFC 9113, section 8.3.1). Headers of proxies such as
/// `X-Forwarded-Host` are not looked at, since anybody can send them.
///
/// | host, under `example.com` | answer |
/// | --- | --- |
/// | `acme.example.com`, `ACME.Example.COM:8080`, `acme.example.com.` | `acme` |
/// | `example.com`, `localhost`, `192.0.2.1`, `[::1]`, `acme.example.org`, `notexample.com` | names no tenant |
/// | `a.acme.example.com`, `.example.com`, `-.example.com` | refused |
/// | a second `Host`, a port that is no number, a user name, anything but ASCII | refused |
#[derive(Clone, Debug)]
pub struct HostResolver {
    base_domain: String,
    place: String,
}

impl HostResolver {
    /// Looks for tenants one label below this domain.
    ///
    /// # Errors
    ///
    /// When this is no domain name: it has labels of `a-z`, `0-9` and `-`, no port and no dot at its ends.
    pub fn new(base_domain: &str) -> Result<Self, InvalidBaseDomain> {
        let base_domain = base_domain.to_ascii_lowercase();
        if !is_domain(&base_domain) {
            return Err(InvalidBaseDomain);
        }
        let place = format!("host under `{base_domain}`");
        Ok(Self { base_domain, place })
    }

    fn tenant_in(&self, host: &str) -> Result<Option<TenantId>, Unresolved> {
        let Some(label) = self.label_in(host) else {
            return Ok(None);
        };
        if label.contains('.') {
            return Err(Unresolved::Unreadable {
                reason: "has more than one label before the base domain",
            });
        }
        Ok(Some(TenantId::parse(label)?))
    }

    /// What stands before `.example.com`; nothing for other hosts and for the domain itself.
    fn label_in<'a>(&self, host: &'a str) -> Option<&'a str> {
        host.strip_suffix(&self.base_domain)?.strip_suffix('.')
    }
}

// It varies on nothing: the host is part of what every HTTP cache keys by.
impl TenantResolver for HostResolver {
    fn place(&self) -> &str {
        &self.place
    }

    fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved> {
        let mut hosts = request.headers.get_all(HOST).iter();
        let header = match (hosts.next(), hosts.count()) {
            (None, _) => None,
            (Some(value), 0) => Some(value.to_str().map_err(|_| UNREADABLE)?),
            (Some(_), others) => return Err(Unresolved::Repeated { count: 1 + others }),
        };
        let header = header.map(host_name).transpose()?;
        let target = request.uri.authority();
        let target = target
            .map(|target| host_name(target.as_str()))
            .transpose()?;
        match (target, header) {
            (Some(target), Some(header)) if target != header => Err(Unresolved::Unreadable {
                reason: "differs between the target of the request and the `Host` header",
            }),
            (Some(host), _) | (None, Some(host)) => self.tenant_in(&host),
            (None, None) => Ok(None),
        }
    }
}

const UNREADABLE: Unresolved = Unresolved::Unreadable {
    reason: "is no host name with an optional port",
};

/// The name in `name`, `name:port` or `[address]:port`, in lower case, without the root's dot.
fn host_name(host: &str) -> Result<String, Unresolved> {
    // An address in brackets holds colons, and no tenant.
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(UNREADABLE)?;
        let is_address = address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (is_address && is_port)
            .then(|| format!("[{address}]"))
            .ok_or(UNREADABLE);
    }
    let name = match host.split_once(':') {
        None => host,
        Some((name, port)) if is_port(port) => name,
        Some(_) => return Err(UNREADABLE),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.ends_with('.') || !name.bytes().all(is_host_byte) {
        return Err(UNREADABLE);
    }
    Ok(name.to_ascii_lowercase())
}

/// RFC 3986, section 3.2.3: any number of digits, none included.
fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
}

/// `_` is in no host name by the letter of RFC 952, and in many by practice.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_domain(domain: &str) -> bool {
    domain.len() <= 253 && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A text is no domain under which tenants could have host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no domain name such as `example.com`, without port, wildcard and dots at its ends")]
#[non_exhaustive]
pub struct InvalidBaseDomain;

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn answer(hosts: &[&[u8]], target: &str) -> Result<Option<String>, Unresolved> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let resolver = HostResolver::new("Example.com").unwrap();
        let tenant = resolver.resolve(&parts)?;
        Ok(tenant.map(String::from))
    }

    fn of(host: &str) -> Result<Option<String>, Unresolved> {
        answer(&[host.as_bytes()], "/")
    }

    #[test]
    fn a_tenant_is_the_label_below_the_base_domain() {
        for host in [
            "acme.example.com",
            "acme.example.com:8080",
            "acme.example.com:",
            "ACME.Example.COM",
            "acme.example.com.",
            "acme.example.com.:443",
        ] {
            assert_eq!(of(host), Ok(Some("acme".to_owned())), "{host}");
        }
    }

    #[test]
    fn other_hosts_name_no_tenant() {
        for host in [
            "example.com",
            "example.com.",
            "localhost:8080",
            "192.0.2.1",
            "[2001:db8::1]:443",
            "acme.example.org",
            "acmeexample.com",
            "acme.example.com.evil.org",
            "",
        ] {
            assert_eq!(of(host), Ok(None), "{host}");
        }
        assert_eq!(answer(&[], "/"), Ok(None));
    }

    #[test]
    fn tricks_with_hosts_are_refused() {
        for host in [
            "a.acme.example.com",
            ".example.com",
            "..example.com",
            "-acme.example.com",
            "acme_.example.com",
            "acme.example.com..",
            "evil@acme.example.com",
            "acme.example.com:80@evil.org",
            "acme.example.com:80:80",
            "acme.example.com/x",
            "acme.example.com, globex.example.com",
            "acme.example.com globex.example.com",
            "acme%2eexample.com",
            "acme\t.example.com",
            "[::1",
            "[acme.example.com]",
            "[::1].example.com",
            "*.example.com",
        ] {
            assert!(of(host).is_err(), "{host}");
        }
        // Bytes beyond ASCII, among them a look-alike of `acme` in UTF-8.
        assert!(answer(&["\u{430}cme.example.com".as_bytes()], "/").is_err());
        assert!(answer(&[b"acme\xff.example.com"], "/").is_err());
    }

    #[test]
    fn two_hosts_are_refused_even_where_they_agree() {
        let twice: &[&[u8]] = &[b"acme.example.com", b"acme.example.com"];
        assert_eq!(answer(twice, "/"), Err(Unresolved::Repeated { count: 2 }));
    }

    #[test]
    fn the_target_of_the_request_counts_and_has_to_agree_with_the_header() {
        let target = "http://acme.example.com:80/invoices";
        assert_eq!(answer(&[], target), Ok(Some("acme".to_owned())));
        assert_eq!(
            answer(&[b"Acme.example.com"], target),
            Ok(Some("acme".to_owned()))
        );
        assert!(answer(&[b"globex.example.com"], target).is_err());
        assert!(answer(&[b"localhost"], target).is_err());
    }

    #[test]
    fn what_is_no_base_domain_is_refused_when_the_resolver_is_made() {
        for domain in [
            "",
            ".",
            ".example.com",
            "example.com.",
            "*.example.com",
            "example.com:80",
            "a b",
            "exa_mple.com",
            "-a.com",
            "[::1]",
            "\u{fc}ber.de",
        ] {
            assert!(HostResolver::new(domain).is_err(), "{domain}");
        }
        assert!(HostResolver::new("localhost").is_ok());
        assert!(HostResolver::new("EU.example.com").is_ok());
    }
}
