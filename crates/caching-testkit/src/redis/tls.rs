//! The certificates of one server.

use std::fs;
use std::io;
use std::path::Path;

/// The directives that name the files, and the files.
pub(super) const FILES: [(&str, &str); 3] = [
    ("tls-ca-cert-file", "authority.pem"),
    ("tls-cert-file", "certificate.pem"),
    ("tls-key-file", "key.pem"),
];

/// An authority that exists for one server, and what it has signed; all in PEM.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) authority: String,
    certificate: String,
    key: String,
}

impl Tls {
    /// A certificate for the loopback interface.
    #[cfg(feature = "tls")]
    pub(super) fn make() -> io::Result<Self> {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

        let make = || -> Result<Self, rcgen::Error> {
            let mut authority = CertificateParams::new(Vec::new())?;
            authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let name = &mut authority.distinguished_name;
            name.push(DnType::CommonName, "caching-testkit");
            let authority_key = KeyPair::generate()?;
            let authority_certificate = authority.self_signed(&authority_key)?;
            let issuer = Issuer::new(authority, authority_key);

            let names = ["localhost", "127.0.0.1"].map(str::to_owned);
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
            Ok(Self {
                authority: authority_certificate.pem(),
                certificate: certificate.pem(),
                key: key.serialize_pem(),
            })
        };
        make().map_err(io::Error::other)
    }

    /// Puts the files where the configuration says they are.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let contents = [&self.authority, &self.certificate, &self.key];
        FILES
            .iter()
            .zip(contents)
            .try_for_each(|((_, file), content)| fs::write(folder.join(file), content))
    }
}
