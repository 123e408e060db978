//! Configuration values for serde: strict about types, with the path of what is wrong.

use std::fmt;

use config::{Map, Value, ValueKind};
use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::config::error::nearest;
use crate::config::secret::{SECRET, SecretSource};
use crate::config::variables::{Variables, is_from_variable};

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

/// The elements of a list.
struct Elements<'d, 'v> {
    parent: &'d ValueDeserializer<'v>,
    values: std::iter::Enumerate<std::slice::Iter<'d, Value>>,
}

impl<'d, 'v> Elements<'d, 'v> {
    fn new(parent: &'d ValueDeserializer<'v>, values: &'d [Value]) -> Self {
        Self {
            parent,
            values: values.iter().enumerate(),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = DeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeError> {
        let Some((index, value)) = self.values.next() else {
            return Ok(None);
        };
        seed.deserialize(self.parent.with(value.clone()))
            .map(Some)
            .map_err(|error| error.at(index.to_string()))
    }
}

/// The entries of a table, sorted: the first of several errors is the same one on each run.
struct Entries<'d, 'v> {
    parent: &'d ValueDeserializer<'v>,
    entries: std::vec::IntoIter<(&'d String, &'d Value)>,
    value: Option<(&'d String, &'d Value)>,
}

impl<'d, 'v> Entries<'d, 'v> {
    fn new(parent: &'d ValueDeserializer<'v>, table: &'d Map<String, Value>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        Self {
            parent,
            entries: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        self.value = self.entries.next();
        let Some((name, _)) = self.value else {
            return Ok(None);
        };
        // Keys that are numbers or booleans, as in `HashMap<u16, _>`, are parsed like those of variables.
        let key = KeyDeserializer(name);
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.at(name.clone()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DeError> {
        let (name, value) = self.value.take().ok_or_else(DeError::empty)?;
        seed.deserialize(self.parent.with(value.clone()))
            .map_err(|error| error.at(name.clone()))
    }
}

/// The name of an entry, which is text in every format.
struct KeyDeserializer<'d>(&'d str);

macro_rules! parse_key {
    ($($method:ident $visit:ident $type:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_str(self.0)
    }

    parse_key! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let unit: StringDeserializer<DeError> = self.0.to_owned().into_deserializer();
        visitor.visit_enum(unit)
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}

/// An enum written as a table with one key: the variant.
struct Variant<'v> {
    name: String,
    content: ValueDeserializer<'v>,
}

impl<'de, 'v> EnumAccess<'de> for Variant<'v> {
    type Error = DeError;
    type Variant = VariantContent<'v>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, VariantContent<'v>), DeError> {
        let name: StringDeserializer<DeError> = self.name.clone().into_deserializer();
        let variant = seed
            .deserialize(name)
            .map_err(|error| error.at(self.name.clone()))?;
        let content = VariantContent {
            name: self.name,
            content: self.content,
        };
        Ok((variant, content))
    }
}

struct VariantContent<'v> {
    name: String,
    content: ValueDeserializer<'v>,
}

impl<'de> VariantAccess<'de> for VariantContent<'_> {
    type Error = DeError;

    fn unit_variant(self) -> Result<(), DeError> {
        <()>::deserialize(self.content).map_err(|error| error.at(self.name))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DeError> {
        seed.deserialize(self.content)
            .map_err(|error| error.at(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DeError> {
        self.content
            .deserialize_seq(visitor)
            .map_err(|error| error.at(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.content
            .deserialize_any(visitor)
            .map_err(|error| error.at(self.name))
    }
}

/// What is wrong, and where inside the section.
#[derive(Debug)]
pub(super) struct DeError {
    /// From the inside to the outside.
    path: Vec<String>,
    message: String,
    is_missing: bool,
}

impl DeError {
    fn new(message: String) -> Self {
        Self {
            path: Vec::new(),
            message,
            is_missing: false,
        }
    }

    fn empty() -> Self {
        Self::new("expected a value".to_owned())
    }

    fn at(mut self, segment: String) -> Self {
        self.path.push(segment);
        self
    }

    /// From the outside to the inside.
    pub(super) fn path(&self) -> impl Iterator<Item = &str> {
        self.path.iter().rev().map(String::as_str)
    }

    pub(super) fn path_text(&self) -> String {
        self.path().collect::<Vec<_>>().join(".")
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether a key that must be there is not.
    pub(super) fn is_missing(&self) -> bool {
        self.is_missing
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DeError {}

impl de::Error for DeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {found}", named(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(not_one_of("key", field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(not_one_of("value", variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: vec![field.to_owned()],
            message: "missing".to_owned(),
            is_missing: true,
        }
    }
}

/// What serde expects, in the words of a configuration file.
fn named(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if text.starts_with("struct ") => "a table".to_owned(),
        _ => text,
    }
}

fn not_one_of(what: &str, found: &str, expected: &[&str]) -> String {
    let near = nearest(found, expected.iter().copied());
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    match expected {
        [] => format!("unknown {what} `{found}`; none is expected here"),
        _ => {
            let expected: Vec<_> = expected.iter().map(|name| format!("`{name}`")).collect();
            let list = expected.join(", ");
            format!("unknown {what} `{found}`, expected one of {list}{hint}")
        }
    }
}
