//! What is wrong with the settings is said by its setting, all at once, and without a key.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;

use caching_encryption::{EncryptionConfig, KeyFiles, SecretKey};

/// Two good keys, and a bad one.
const ONE: &str = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=";
const TWO: &str = "7hSMrLq2ZrQ5N5CN8kN0dBYd9dVFQTQhSXKkzMGUG3g=";
const SHORT: &str = "c2VjcmV0";

fn config(text: &str) -> EncryptionConfig {
    toml::from_str(text).unwrap()
}

/// What is said about settings, which holds no key however it is printed.
fn errors(text: &str) -> String {
    let text = text.replace("ONE", ONE).replace("TWO", TWO);
    let errors = KeyFiles::read(&config(&text)).unwrap_err();
    let printed = format!("{errors} {errors:?} {errors:#?}");
    for secret in [ONE, TWO, SHORT, "not a key!", &ONE[..12], &TWO[..12]] {
        assert!(!printed.contains(secret), "{printed}");
    }
    errors.to_string()
}

#[test]
fn a_key_alone_is_a_ring_of_one() {
    let files = KeyFiles::read(&config(&format!("key = '{ONE}'"))).unwrap();
    let keys = files.ring().keys();
    assert_eq!(keys.active().as_str(), "default");
    assert_eq!(keys.ids().count(), 1);
    assert!(!files.has_files());
}

#[test]
fn the_last_key_writes_unless_another_is_active() {
    let ring = format!("keys = [{{ id = 'a', key = '{ONE}' }}, {{ id = 'b', key = '{TWO}' }}]");
    let active = |text: &str| {
        let files = KeyFiles::read(&config(text)).unwrap();
        files.ring().keys().active().to_string()
    };
    assert_eq!(active(&ring), "b");
    assert_eq!(active(&format!("active = 'a'\n{ring}")), "a");
}

#[test]
fn an_empty_section_wants_no_encryption() {
    assert!(!config("").is_wanted());
    assert!(!config("allow_plaintext = true").is_wanted());
    assert!(!config(&format!("enabled = false\nkey = '{ONE}'")).is_wanted());
    assert!(config(&format!("key = '{ONE}'")).is_wanted());
    assert!(config("enabled = true").is_wanted());
    assert!(config("active = 'a'").is_wanted());
}

#[test]
fn what_is_no_key_is_said_with_its_setting() {
    let cases = [
        ("key = 'c2VjcmV0'", "`cache.encryption.key` has 6 bytes"),
        ("key = ''", "`cache.encryption.key` has 0 bytes"),
        ("key = 'not a key!'", "`cache.encryption.key` is not base64"),
        (
            "key = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='",
            "`cache.encryption.key` is all zero",
        ),
        (
            "keys = [{ id = 'a', key = 'ONE' }, { id = 'b', key = 'c2VjcmV0' }]",
            "`cache.encryption.keys[1]` has 6 bytes",
        ),
        (
            "key = 'ONE'\nscope_secrets = [{ scope = 't:acme', key = 'c2VjcmV0' }]",
            "`cache.encryption.scope_secrets[0]` has 6 bytes",
        ),
    ];
    for (text, expected) in cases {
        let errors = errors(text);
        assert!(errors.contains(expected), "{text}: {errors}");
        assert!(errors.contains("openssl rand -base64 32"), "{errors}");
    }
}

#[test]
fn keys_that_make_no_ring_are_refused() {
    let cases = [
        (
            "keys = [{ id = 'a', key = 'ONE' }, { id = 'a', key = 'TWO' }]",
            "`cache.encryption.keys`: two keys have the id `a`",
        ),
        (
            "keys = [{ id = 'a', key = 'ONE' }, { id = 'b', key = 'ONE' }]",
            "`cache.encryption.keys`: `a` and `b` are the same key",
        ),
        (
            "active = 'c'\nkeys = [{ id = 'a', key = 'ONE' }, { id = 'b', key = 'TWO' }]",
            "`cache.encryption.active`: the active key is none of `a`, `b`",
        ),
        (
            "active = 'a'\nkey = 'ONE'",
            "`cache.encryption.active`: the active key is none of `default`",
        ),
        (
            "key = 'ONE'\nkeys = [{ id = 'a', key = 'TWO' }]",
            "`cache.encryption.key` and `cache.encryption.keys` are both set",
        ),
        (
            "key = { env = 'ONE' }",
            "`cache.encryption.key` has a key where the name",
        ),
        (
            "keys = [{ id = 'a', file = 'ONE' }]",
            "`cache.encryption.keys[0]` has a key where the name",
        ),
        (
            "keys = [{ id = 'a' }]",
            "`cache.encryption.keys[0]` needs exactly one of `key`, `file` and `env`",
        ),
        (
            "keys = [{ id = 'a', key = 'ONE', file = 'b' }]",
            "`cache.encryption.keys[0]` needs exactly one of `key`, `file` and `env`",
        ),
        (
            "key = 'ONE'\nscope_secrets = [{ scope = 's', key = 'ONE' }, { scope = 's', key = 'TWO' }]",
            "`cache.encryption.scope_secrets`: the scopes of secrets 1 and 2 are the same",
        ),
        (
            "key = 'ONE'\nscope_secrets = [{ scope = '', key = 'TWO' }]",
            "`cache.encryption.scope_secrets`: the scope of secret 1 is empty",
        ),
        (
            "enabled = true",
            "`cache.encryption.enabled` is true, and there is no key",
        ),
        (
            "key = 'ONE'\nreload_interval = '0s'",
            "`cache.encryption.reload_interval` is not between 100 ms and 1 h",
        ),
    ];
    for (text, expected) in cases {
        let errors = errors(text);
        assert!(errors.contains(expected), "{text}: {errors}");
    }
}

#[test]
fn files_that_hold_no_key_are_said_with_their_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("short"), SHORT).unwrap();
    fs::write(path("long"), "A".repeat(5000)).unwrap();
    let cases = [
        ("absent", "cannot be read"),
        ("short", "has 6 bytes"),
        ("long", "is longer than 4096 bytes"),
        (".", "is not a file"),
    ];
    for (name, expected) in cases {
        let path = path(name);
        let errors = errors(&format!("key = {{ file = '{path}' }}"));
        let expected = format!("`cache.encryption.key`: the key file `{path}` {expected}");
        assert!(errors.contains(&expected), "{errors}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let errors = errors(
        "reload_interval = '0s'\n\
         keys = [{ id = 'a', key = 'c2VjcmV0' }, { id = 'b' }, { id = 'c', env = 'NOT_SET_ANYWHERE' }]",
    );
    for expected in ["reload_interval", "keys[0]", "keys[1]", "keys[2]"] {
        assert!(errors.contains(expected), "{errors}");
    }
}

/// Text in a place where a table belongs may well be a key.
#[test]
fn what_serde_refuses_is_not_repeated() {
    let cases = [
        "key = 7",
        "key = true",
        "key = 1.5",
        "key = ['ONE']",
        "key = { inline = 'ONE' }",
        "key = { file = 'a', env = 'b' }",
        "keys = [{ id = '', key = 'ONE' }]",
        "keys = [{ id = 'ONE', key = 'TWO' }]",
        "keys = [{ id = 7, key = 'TWO' }]",
        "active = 'ONE'",
        "keys = 'ONE'",
        "keys = ['ONE']",
        "keys = [7]",
        "keys = [{ id = 'a', kye = 'ONE' }]",
        "keys = [{ id = 'a', key = ['ONE'] }]",
        "scope_secrets = 'ONE'",
        "scope_secrets = ['ONE']",
        "reload_interval = 'ONE'",
    ];
    for text in cases {
        let full = text.replace("ONE", ONE).replace("TWO", TWO);
        let error = toml::from_str::<EncryptionConfig>(&full).unwrap_err();
        let message = error.message();
        assert!(!message.contains(ONE), "{text}: {message}");
        assert!(!message.contains(TWO), "{text}: {message}");
        assert!(!message.contains('7'), "{text}: {message}");
    }
}

#[test]
fn keys_print_as_nothing_that_could_be_used() {
    let config = config(&format!(
        "keys = [{{ id = 'a', key = '{ONE}' }}]\nscope_secrets = [{{ scope = 't:acme', key = '{TWO}' }}]"
    ));
    let files = KeyFiles::read(&config).unwrap();
    let key = SecretKey::from_base64(ONE).unwrap();
    let encryption = caching_encryption::PayloadEncryption::new(files.ring().clone());
    let builder = caching_encryption::Keys::builder().key(ONE, key.clone());
    let printed = format!(
        "{config:?} {files:?} {:?} {key:?} {encryption:?} {builder:?}",
        files.ring()
    );
    assert!(printed.contains("***"));
    // In no form: text, or numbers as `Debug` of bytes writes them.
    for secret in [&ONE[..12], &TWO[..12], "171, 72, 87", "0xab, 0x48"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

mod variables {
    use std::env;
    use std::process::Command;

    use super::*;

    /// Set for the process that the test below starts.
    const VARIABLE: &str = "KEY_OF_A_TEST_OF_CACHING_ENCRYPTION";

    #[test]
    fn a_key_is_read_from_an_environment_variable() {
        if env::var_os(VARIABLE).is_some() {
            let alone = config(&format!("key = {{ env = '{VARIABLE}' }}"));
            KeyFiles::read(&alone).unwrap();
            let listed = config(&format!("keys = [{{ id = 'a', env = '{VARIABLE}' }}]"));
            assert!(!KeyFiles::read(&listed).unwrap().has_files());
            return;
        }
        // A process of its own, as this one's environment is shared by all tests.
        let name = "variables::a_key_is_read_from_an_environment_variable";
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", name])
            .env(VARIABLE, ONE)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains("1 passed"), "{out}");
    }
}
