//! Keys: what a caller names a value by.

mod kind;
mod name;
mod same;
mod stored;
mod text;

pub use self::kind::KeyKind;
pub use self::name::{KeyName, NotAKeyName};
pub use self::text::KeyText;

pub(crate) use self::kind::{fingerprint, is_lower_snake};
pub(crate) use self::stored::{BuildPrehashed, KeyHasher, KeyRef, StoredKey, printable, text_of};

use crate::tag::Tags;
use crate::value::{CacheValue, ValueType};

/// A typed key: it knows its kind, the type of its value, and how to write its text.
///
/// Derive it; reader and invalidator are then joined at compile time:
///
/// ```
/// use caching_core::CacheKey;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Invoice {
///     total: u64,
/// }
///
/// #[derive(CacheKey)]
/// #[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
/// struct InvoiceKey {
///     id: u64,
/// }
/// ```
///
/// A reader that expects another type does not compile:
///
/// ```compile_fail,E0271
/// # use caching_core::{CacheKey, HybridCache};
/// #[derive(CacheKey)]
/// #[cache_key(kind = "total", value = u64)]
/// struct TotalKey;
///
/// async fn read(cache: &HybridCache) {
///     let total = cache.get_or_set(&TotalKey, |_| async { Ok::<_, std::io::Error>("12") }).await;
/// }
/// ```
///
/// | attribute | means | default |
/// | --- | --- | --- |
/// | `kind = "invoice"` | picks `[cache.profiles.invoice]` | required |
/// | `value = Invoice` | the type that is cached under the key | required |
/// | `template = "{id}:{page}"` | the text; each field of the key appears in it | all fields, joined by `:` |
/// | `tags = ["customer:{id}"]` | tags that every entry of this key carries | none |
/// | `scope = shared` | one entry for all tenants, on purpose | the caller's scope |
/// | `version = 2` | the version of the value's type; another version is another value | `1` |
/// | `local` | the value has no serde and never leaves the process | off |
pub trait CacheKey: Send + Sync + 'static {
    /// The type that is cached under the key.
    type Value: Send + Sync + 'static;

    /// The kind of the key.
    const KIND: KeyKind;

    /// How values are told apart, written and read. The derive fills it in.
    const VALUE: ValueType;

    /// Whether the key leaves the tenant out on purpose.
    const SHARED: bool = false;

    /// Writes the text of the key.
    fn write(&self, text: &mut KeyText);

    /// Adds the tags that every entry of this key carries.
    fn tags(&self, tags: &mut Tags) {
        let _ = tags;
    }
}

/// Anything that names an entry: a derived [`CacheKey`], a `str` or a `String`.
///
/// The verbs that only name an entry (`remove`, `expire`) ask for this; those that read or write a
/// value ask for [`KeyOf`].
pub trait Key: Sync {
    /// The kind of the key.
    fn kind(&self) -> KeyKind;

    /// Whether the key leaves the tenant out on purpose.
    fn is_shared(&self) -> bool {
        false
    }

    /// Gives the text of the key to `read`, without an allocation where it is short.
    fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R;

    /// Adds the tags that every entry of this key carries.
    fn tags(&self, tags: &mut Tags) {
        let _ = tags;
    }
}

/// A key under which values of type `V` are kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache key of a `{V}`",
    note = "a derived key names its value: `#[cache_key(kind = \"…\", value = {V})]`",
    note = "a `str` key takes every value that implements `Serialize` and `Deserialize`"
)]
pub trait KeyOf<V>: Key {
    /// How the value is told apart, written and read.
    fn value_type(&self) -> ValueType;
}

impl<K: CacheKey> Key for K {
    #[inline]
    fn kind(&self) -> KeyKind {
        K::KIND
    }

    #[inline]
    fn is_shared(&self) -> bool {
        K::SHARED
    }

    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        let mut text = KeyText::new();
        self.write(&mut text);
        read(text.as_bytes())
    }

    fn tags(&self, tags: &mut Tags) {
        CacheKey::tags(self, tags);
    }
}

impl<K: CacheKey> KeyOf<K::Value> for K {
    #[inline]
    fn value_type(&self) -> ValueType {
        K::VALUE
    }
}

macro_rules! plain_key {
    ($text:ty) => {
        impl Key for $text {
            #[inline]
            fn kind(&self) -> KeyKind {
                KeyKind::PLAIN
            }

            #[inline]
            fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
                read(self.as_bytes())
            }
        }

        impl<V: CacheValue> KeyOf<V> for $text {
            #[inline]
            fn value_type(&self) -> ValueType {
                ValueType::of::<V>()
            }
        }
    };
}

plain_key!(str);
plain_key!(String);
plain_key!(&str);
