//! Reading settings that may hold a key, with errors that never repeat what they found.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{KeyPlace, KeyText};
use crate::keys::KeyId;

const ID: &str = "an id: 1 to 32 of a-z, A-Z, 0-9, `-`, `_` and `.`";
const KEY: &str = "a key in base64";
const KEY_PLACE: &str = "a key in base64, `{ file = \"…\" }` or `{ env = \"…\" }`";
const TABLE: &str = "a table of settings";
const LIST: &str = "a list of tables, such as `[{ id = \"…\", file = \"…\" }]`";

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

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = KeyText;

            refuse!(KEY; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64);

            fn visit_str<E: Error>(self, text: &str) -> Result<KeyText, E> {
                Ok(KeyText::new(text))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<KeyText, E> {
                Ok(KeyText::new(text))
            }
        }

        deserializer.deserialize_string(Text)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;

        impl Visitor<'_> for Id {
            type Value = KeyId;

            refuse!(ID; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64);

            fn visit_str<E: Error>(self, text: &str) -> Result<KeyId, E> {
                KeyId::parse(text).ok_or_else(|| E::custom(format_args!("expected {ID}")))
            }
        }

        deserializer.deserialize_str(Id)
    }
}

impl<'de> Deserialize<'de> for KeyPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Elsewhere {
            file: Option<PathBuf>,
            env: Option<String>,
        }

        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = KeyPlace;

            refuse!(KEY_PLACE; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64);

            fn visit_str<E: Error>(self, text: &str) -> Result<KeyPlace, E> {
                Ok(KeyPlace::Inline(KeyText::new(text)))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<KeyPlace, E> {
                Ok(KeyPlace::Inline(KeyText::new(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KeyPlace, A::Error> {
                match Elsewhere::deserialize(MapAccessDeserializer::new(map))? {
                    Elsewhere {
                        file: Some(file),
                        env: None,
                    } => Ok(KeyPlace::File(file)),
                    Elsewhere {
                        file: None,
                        env: Some(variable),
                    } => Ok(KeyPlace::Env(variable)),
                    _ => Err(A::Error::custom("expected one of `file` and `env`")),
                }
            }
        }

        deserializer.deserialize_any(Place)
    }
}

/// A list of tables.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        refuse!(
            LIST; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str
        );

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut elements = Vec::new();
            while let Some(Table(element)) = seq.next_element()? {
                elements.push(element);
            }
            Ok(elements)
        }
    }

    deserializer.deserialize_seq(List(PhantomData))
}

/// A table where a text may stand by mistake.
struct Table<T>(T);

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

/// A duration with a unit, such as `"10s"`.
pub(super) mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(de)?;
        humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom("expected a duration with a unit, such as \"10s\" or \"1m\"")
        })
    }
}
