//! What is inside a value: elements of a list, entries of a table, the content of a variant.

use config::{Map, Value};
use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::config::de::key::KeyDeserializer;
use crate::config::de::{DeError, ValueDeserializer};

/// The elements of a list.
pub(super) struct Elements<'d, 'v> {
    parent: &'d ValueDeserializer<'v>,
    values: std::iter::Enumerate<std::slice::Iter<'d, Value>>,
}

impl<'d, 'v> Elements<'d, 'v> {
    pub(super) fn new(parent: &'d ValueDeserializer<'v>, values: &'d [Value]) -> Self {
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
pub(super) struct Entries<'d, 'v> {
    parent: &'d ValueDeserializer<'v>,
    entries: std::vec::IntoIter<(&'d String, &'d Value)>,
    value: Option<(&'d String, &'d Value)>,
}

impl<'d, 'v> Entries<'d, 'v> {
    pub(super) fn new(parent: &'d ValueDeserializer<'v>, table: &'d Map<String, Value>) -> Self {
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

/// An enum written as a table with one key: the variant.
pub(super) struct Variant<'v> {
    pub(super) name: String,
    pub(super) content: ValueDeserializer<'v>,
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

pub(super) struct VariantContent<'v> {
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
