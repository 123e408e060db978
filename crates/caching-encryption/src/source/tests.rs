//! Keys in files, and what becomes of what they sealed when the files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use tempfile::TempDir;

use super::{KeyFiles, Reloaded};
use crate::binding::Binding;
use crate::config::EncryptionConfig;
use crate::error::OpenError;
use crate::transform::PayloadEncryption;

const ACME: Binding<'static> = Binding {
    physical_key: b"app:t:acme:invoice:7",
    scope_text: "t:acme",
    value_version: 1,
    header: b"",
};

/// A directory with key files.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces a file by a rename, as those who take care do it.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    fn write_key(&self, name: &str, byte: u8) {
        self.write(name, &key_file(byte));
    }

    fn config(&self, text: &str) -> EncryptionConfig {
        let text = text.replace("DIR", self.0.path().to_str().unwrap());
        toml::from_str(&text).unwrap()
    }

    fn one_key(&self) -> KeyFiles {
        KeyFiles::read(&self.config("key = { file = 'DIR/key' }")).unwrap()
    }
}

fn base64(byte: u8) -> String {
    let mut buffer = [0; 44];
    Base64::encode(&[byte; 32], &mut buffer).unwrap().to_owned()
}

/// As `openssl rand -base64 32 > file` leaves it.
fn key_file(byte: u8) -> String {
    format!("{}\n", base64(byte))
}

fn encryption(files: &KeyFiles) -> PayloadEncryption {
    PayloadEncryption::new(files.ring().clone())
}

fn seal(files: &KeyFiles) -> Vec<u8> {
    encryption(files).sealed(&ACME, b"payload").unwrap()
}

fn open(files: &KeyFiles, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
    encryption(files).opened(&ACME, stored)
}

fn opens(files: &KeyFiles, stored: &[u8]) -> bool {
    open(files, stored).is_ok()
}

#[test]
fn a_replaced_key_writes_at_once_and_the_one_of_before_still_reads() {
    let directory = Directory::new();
    directory.write_key("key", 1);
    let files = directory.one_key();
    let first = seal(&files);
    assert_eq!(files.reload().unwrap(), Reloaded::Unchanged);

    directory.write_key("key", 2);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    let second = seal(&files);
    assert_ne!(first[4..12], second[4..12], "another key writes");
    assert!(opens(&files, &first));
    assert!(opens(&files, &second));
    assert_eq!(files.reload().unwrap(), Reloaded::Unchanged);
    assert!(opens(&files, &first));

    // A pod that starts now knows the new one only.
    let started = directory.one_key();
    assert!(opens(&started, &second));
    assert_eq!(open(&started, &first), Err(OpenError::UnknownKey));

    directory.write_key("key", 3);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert!(opens(&files, &second));
    assert_eq!(open(&files, &first), Err(OpenError::UnknownKey));
}

#[test]
fn a_key_that_is_put_back_writes_again() {
    let directory = Directory::new();
    directory.write_key("key", 1);
    let files = directory.one_key();
    let first = seal(&files);
    directory.write_key("key", 2);
    files.reload().unwrap();
    let second = seal(&files);
    directory.write_key("key", 1);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert_eq!(seal(&files)[4..12], first[4..12]);
    assert!(opens(&files, &first));
    assert!(opens(&files, &second));
}

#[test]
fn one_key_of_a_ring_changes_and_the_others_do_not() {
    let directory = Directory::new();
    directory.write_key("a", 1);
    directory.write_key("b", 2);
    let text = "active = 'a'\nkeys = [{ id = 'a', file = 'DIR/a' }, { id = 'b', file = 'DIR/b' }]";
    let files = KeyFiles::read(&directory.config(text)).unwrap();
    let with_a = seal(&files);
    let other = KeyFiles::read(&directory.config(&text.replace("'a'\nk", "'b'\nk"))).unwrap();
    let with_b = seal(&other);

    directory.write_key("b", 3);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert_eq!(files.ring().keys().active().as_str(), "a");
    assert_eq!(seal(&files)[4..12], with_a[4..12]);
    assert!(opens(&files, &with_a));
    assert!(opens(&files, &with_b), "b of before still reads");
}

#[test]
fn a_broken_file_leaves_the_keys_as_they_were() {
    let directory = Directory::new();
    directory.write_key("key", 1);
    let files = directory.one_key();
    let first = seal(&files);
    let whole = key_file(2);
    let breaks: [&dyn Fn(&Path); 6] = [
        &|path| fs::remove_file(path).unwrap(),
        &|path| fs::write(path, "").unwrap(),
        &|path| fs::write(path, &whole[..20]).unwrap(),
        &|path| fs::write(path, [0xFF; 44]).unwrap(),
        &|path| fs::write(path, "A".repeat(100_000)).unwrap(),
        &|path| fs::write(path, key_file(0)).unwrap(),
    ];
    for (index, break_it) in breaks.iter().enumerate() {
        directory.write_key("key", 1);
        files.reload().unwrap();
        break_it(&directory.path("key"));
        let problem = files.reload().unwrap_err().to_string();
        assert!(problem.contains("cache.encryption.key"), "{problem}");
        assert!(problem.contains("key file"), "{problem}");
        assert!(!problem.contains(&whole[..20]), "{problem}");
        assert_eq!(files.problem(), Some(problem), "break {index}");
        assert!(opens(&files, &first));
        assert!(opens(&files, &seal(&files)));
    }
    directory.write_key("key", 2);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert_eq!(files.problem(), None);
    assert!(opens(&files, &first));
}

#[test]
fn files_that_come_to_hold_one_key_change_nothing() {
    let directory = Directory::new();
    directory.write_key("a", 1);
    directory.write_key("b", 2);
    let text = "keys = [{ id = 'a', file = 'DIR/a' }, { id = 'b', file = 'DIR/b' }]";
    let files = KeyFiles::read(&directory.config(text)).unwrap();
    let before = seal(&files);
    directory.write_key("b", 1);
    let problem = files.reload().unwrap_err().to_string();
    assert!(
        problem.contains("`a` and `b` are the same key"),
        "{problem}"
    );
    assert_eq!(seal(&files)[4..12], before[4..12]);
}

#[test]
fn a_replaced_secret_of_a_scope_destroys_what_it_sealed() {
    let directory = Directory::new();
    directory.write_key("acme", 7);
    let text = format!(
        "key = '{}'\nscope_secrets = [{{ scope = 't:acme', file = 'DIR/acme' }}]",
        base64(1)
    );
    let files = KeyFiles::read(&directory.config(&text)).unwrap();
    let globex = Binding {
        scope_text: "t:globex",
        ..ACME
    };
    let of_globex = encryption(&files).sealed(&globex, b"payload").unwrap();
    let of_acme = seal(&files);
    assert!(opens(&files, &of_acme));

    directory.write_key("acme", 8);
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert_eq!(open(&files, &of_acme), Err(OpenError::NotAuthentic));
    assert!(opens(&files, &seal(&files)));
    assert!(encryption(&files).opened(&globex, &of_globex).is_ok());
}

/// `key` is a link to `..data/key`, and `..data` one to a directory that is exchanged as a whole.
#[cfg(unix)]
#[test]
fn a_secret_that_kubernetes_exchanges_is_read_through_its_links() {
    use std::os::unix::fs::symlink;

    let directory = Directory::new();
    for (version, byte) in [("..v1", 1), ("..v2", 2)] {
        fs::create_dir(directory.path(version)).unwrap();
        fs::write(directory.path(version).join("key"), key_file(byte)).unwrap();
    }
    symlink("..v1", directory.path("..data")).unwrap();
    symlink("..data/key", directory.path("key")).unwrap();
    let files = directory.one_key();
    let first = seal(&files);

    symlink("..v2", directory.path("..data_tmp")).unwrap();
    fs::rename(directory.path("..data_tmp"), directory.path("..data")).unwrap();
    fs::remove_dir_all(directory.path("..v1")).unwrap();
    assert_eq!(files.reload().unwrap(), Reloaded::Changed);
    assert_ne!(seal(&files)[4..12], first[4..12]);
    assert!(opens(&files, &first));
}

#[tokio::test(start_paused = true)]
async fn a_watched_file_is_read_again_at_each_interval() {
    let directory = Directory::new();
    directory.write_key("key", 1);
    let files =
        KeyFiles::read(&directory.config("key = { file = 'DIR/key' }\nreload_interval = '1m'"))
            .unwrap();
    let first = seal(&files);
    let watch = tokio::spawn(files.clone().watch());

    directory.write_key("key", 2);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(seal(&files)[4..12], first[4..12], "not before the interval");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let second = seal(&files);
    assert_ne!(second[4..12], first[4..12]);

    directory.write_key("key", 3);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_ne!(seal(&files)[4..12], second[4..12]);
    watch.abort();
    assert!(watch.await.unwrap_err().is_cancelled());
}

mod logs {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Lines as they would be written to standard error.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_file_is_loud_once_and_a_mended_one_is_told() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(lines.clone())
            .with_ansi(false)
            .finish();
        let _subscriber = tracing::subscriber::set_default(subscriber);
        let directory = Directory::new();
        directory.write_key("key", 1);
        let files = directory.one_key();
        let watch = tokio::spawn(files.clone().watch());

        directory.write("key", "bm90IGEga2V5");
        tokio::time::sleep(Duration::from_secs(95)).await;
        let log = lines.take();
        assert_eq!(log.matches("ERROR").count(), 1, "{log}");
        assert!(log.contains("has 9 bytes where a key has 32"), "{log}");
        assert!(!log.contains("bm90IGEga2V5"), "{log}");

        directory.write_key("key", 2);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let log = lines.take();
        assert!(log.contains("can be read again"), "{log}");
        assert!(log.contains("active=default"), "{log}");
        assert!(!log.contains(&base64(2)), "{log}");
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(lines.take(), "");
        watch.abort();
    }
}
