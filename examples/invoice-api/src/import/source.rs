//! The file: unpacked as it is read, and known again by its content.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest, Sha256};

use super::ImportError;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The longest row, in bytes. A quote that is opened and not closed would otherwise take the rest of the
/// file into memory.
pub(super) const MAX_ROW: u64 = 1024 * 1024;

/// What a file holds, whatever it is called and whether it is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// SHA-256 of the unpacked bytes, in hexadecimal digits.
    pub(super) digest: String,
    /// How many there are.
    pub(super) bytes: u64,
}

impl Fingerprint {
    /// Reads the file once, from front to back.
    pub(super) async fn of(path: &Path) -> Result<Self, ImportError> {
        let path = path.to_owned();
        // Awaited here, and the file has an end, so the thread is never left behind for long.
        tokio::task::spawn_blocking(move || {
            let mut source = Source::open(&path)?;
            io::copy(&mut source, &mut io::sink()).map_err(|source| ImportError::Read {
                path: path.clone(),
                source,
            })?;
            Ok(source.fingerprint())
        })
        .await
        .map_err(|_| ImportError::BrokeOff)?
    }
}

/// The unpacked bytes of a file.
pub(super) struct Source {
    bytes: Box<dyn Read + Send>,
    hash: Sha256,
    position: Position,
    guard: Option<Position>,
}

/// How far a source was read, seen from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Position(Arc<AtomicU64>);

impl Position {
    // Relaxed: reader and observer are the same thread; the atomic only makes the sharing safe.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        Self::try_open(path).map_err(|source| ImportError::Read {
            path: path.to_owned(),
            source,
        })
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let mut head = Vec::with_capacity(ZSTD_MAGIC.len());
        let mut file = File::open(path)?;
        (&mut file).take(4).read_to_end(&mut head)?;
        let is_packed = head == ZSTD_MAGIC;
        let whole = io::Cursor::new(head).chain(file);
        let bytes: Box<dyn Read + Send> = if is_packed {
            Box::new(zstd::Decoder::new(whole)?)
        } else {
            Box::new(BufReader::new(whole))
        };
        Ok(Self {
            bytes,
            hash: Sha256::new(),
            position: Position::default(),
            guard: None,
        })
    }

    /// How far this was read.
    pub(super) fn position(&self) -> Position {
        self.position.clone()
    }

    /// Refuses to read more than [`MAX_ROW`] beyond the returned position, which the reader of rows moves on.
    pub(super) fn guard(&mut self) -> Position {
        self.guard.get_or_insert_default().clone()
    }

    /// What was read so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let digest = self.hash.clone().finalize();
        Fingerprint {
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: self.position.get(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let position = self.position.get();
        if let Some(row) = &self.guard
            && position > row.get() + MAX_ROW
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row is longer than {MAX_ROW} bytes; is a quote not closed?"),
            ));
        }
        let count = self.bytes.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.position.set(position + count as u64);
        Ok(count)
    }
}
