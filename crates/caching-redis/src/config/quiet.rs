//! Reading settings that may hold a password, with errors that never repeat what they found.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::RedisUrl;

const URL: &str = "a URL such as `redis://127.0.0.1:6379`";
const TABLE: &str = "a table of settings";

/// The methods of a visitor for what it does not expect: serde's own would repeat it.
macro_rules! refuse {
    ($expected:expr; $($method:ident $type:ty),* $(,)?) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($expected)
        }
        $(fn $method<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Err(E::custom(format_args!("expected {}", $expected)))
        })*
    };
}

impl<'de> Deserialize<'de> for RedisUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = RedisUrl;

            refuse!(URL; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64);

            fn visit_str<E: Error>(self, text: &str) -> Result<RedisUrl, E> {
                Ok(RedisUrl::new(text))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<RedisUrl, E> {
                Ok(RedisUrl::new(text))
            }
        }

        deserializer.deserialize_string(Text)
    }
}

/// A table where a URL may stand by mistake.
#[cfg_attr(
    not(feature = "host"),
    allow(dead_code, reason = "read by the module alone")
)]
#[derive(Default)]
pub(crate) struct Table<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
            type Value = Table<T>;

            refuse!(
                TABLE; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str
            );

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }

        deserializer.deserialize_any(TableVisitor(PhantomData))
    }
}

/// A duration with a unit, such as `"2s"`.
pub(super) mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(de)?;
        humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom("expected a duration with a unit, such as \"2s\" or \"500ms\"")
        })
    }
}
