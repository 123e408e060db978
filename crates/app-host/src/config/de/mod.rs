//! Configuration values for serde: strict about types, with the path of what is wrong.

mod access;
mod error;
mod key;

use config::{Value, ValueKind};
use serde::de::value::StringDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::config::de::access::{Elements, Entries, Variant};
use crate::config::secret::{SECRET, SecretSource};
use crate::config::variables::{Variables, is_from_variable};

pub(in crate::config) use crate::config::de::error::DeError;

/// What the text of an environment variable is for a type that takes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TextAs {
    /// The text.
    Text,
    /// A boolean or a number where the text is exactly one.
    Guess,
}

/// A value for serde.
///
/// Not the one of the `config` crate: that takes 8.7 for 9 and "on" for 1, and loses the path of a key that
/// a struct does not know.
pub(super) struct ValueDeserializer<'v> {
    value: Value,
    text_as: TextAs,
    variables: &'v Variables,
}

impl<'v> ValueDeserializer<'v> {
    pub(super) fn new(value: Value, text_as: TextAs, variables: &'v Variables) -> Self {
        Self {
            value,
            text_as,
            variables,
        }
    }

    fn with(&self, value: Value) -> Self {
        Self { value, ..*self }
    }

    /// The text of an environment variable, which may stand for something else.
    fn variable(&self) -> Option<&str> {
        match &self.value.kind {
            ValueKind::String(text) if is_from_variable(&self.value) => Some(text),
            _ => None,
        }
    }

    /// The variable's text as a `T`, where it is one.
    fn parsed<T: std::str::FromStr>(&self) -> Option<T> {
        self.variable()?.trim().parse().ok()
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.value.kind {
            ValueKind::Nil => visitor.visit_unit(),
            ValueKind::Boolean(value) => visitor.visit_bool(value),
            ValueKind::I64(value) => visitor.visit_i64(value),
            ValueKind::I128(value) => visitor.visit_i128(value),
            ValueKind::U64(value) => visitor.visit_u64(value),
            ValueKind::U128(value) => visitor.visit_u128(value),
            ValueKind::Float(value) => visitor.visit_f64(value),
            ValueKind::String(value) => visitor.visit_string(value),
            ValueKind::Array(ref values) => visitor.visit_seq(Elements::new(&self, values)),
            ValueKind::Table(ref table) => visitor.visit_map(Entries::new(&self, table)),
        }
    }

    fn guess<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        if let Some(value) = self.parsed::<bool>() {
            return visitor.visit_bool(value);
        }
        // Only where nothing of the text is lost: "007" and "1e3" stay texts.
        if let Some(value) = self.parsed::<i64>()
            && self.variable() == Some(value.to_string().as_str())
        {
            return visitor.visit_i64(value);
        }
        if let Some(value) = self.parsed::<f64>()
            && self.variable() == Some(value.to_string().as_str())
        {
            return visitor.visit_f64(value);
        }
        self.visit(visitor)
    }
}

/// A method for a type that the text of an environment variable is parsed into.
macro_rules! parse_variable {
    ($($method:ident $visit:ident $type:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            match self.parsed::<$type>() {
                Some(value) => visitor.$visit(value),
                None => self.visit(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueDeserializer<'_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.text_as {
            TextAs::Text => self.visit(visitor),
            TextAs::Guess => self.guess(visitor),
        }
    }

    parse_variable! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64,
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.visit(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.visit(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.value.kind {
            ValueKind::Nil => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        match self.value.kind {
            ValueKind::String(text) if name == SECRET => visitor.visit_string(text),
            ValueKind::Table(_) if name == SECRET => {
                let variables = self.variables;
                let source = SecretSource::deserialize(self)?;
                let secret = source.fetch(variables).map_err(de::Error::custom)?;
                visitor.visit_str(secret.expose())
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let Some(text) = self.variable() else {
            return self.visit(visitor);
        };
        // A list in an environment variable is written with commas.
        let origin = self.value.origin().map(str::to_owned);
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let values: Vec<_> = parts
            .map(|part| Value::new(origin.as_ref(), part))
            .collect();
        visitor.visit_seq(Elements::new(&self, &values))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        match &self.value.kind {
            ValueKind::String(variant) => {
                let unit: StringDeserializer<DeError> = variant.clone().into_deserializer();
                visitor.visit_enum(unit)
            }
            ValueKind::Table(table) if table.len() == 1 => {
                let (variant, content) = table.iter().next().ok_or_else(DeError::empty)?;
                let content = self.with(content.clone());
                visitor.visit_enum(Variant {
                    name: variant.clone(),
                    content,
                })
            }
            _ => Err(de::Error::custom(
                "expected a text, or a table with exactly one key",
            )),
        }
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct map struct identifier ignored_any
    }
}
