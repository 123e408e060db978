//! A packer, a record to pack for, and a transform that can be seen through.

use std::any::Any;
use std::sync::Arc;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::codec::{
    CodecChoice, PackContext, Packer, PayloadContext, PayloadTransform, UnpackError, Unpacked,
};
use crate::entry::Content;
use crate::error::BoxError;
use crate::scope::ScopeId;
use crate::units::SizeLimit;
use crate::value::{CacheValue, ValueType};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) number: String,
    pub(super) total: f64,
    pub(super) lines: Vec<Line>,
    pub(super) note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) sku: String,
    pub(super) quantity: u32,
}

pub(super) fn invoice(lines: u32) -> Invoice {
    Invoice {
        number: "2026-001".to_owned(),
        total: 120.1,
        lines: (0..lines)
            .map(|quantity| Line {
                sku: format!("book-{quantity}"),
                quantity,
            })
            .collect(),
        note: None,
    }
}

/// A packer with the limits of an empty configuration.
pub(super) fn packer() -> Packer {
    Packer::new(
        None,
        None,
        ByteSize::mib(1),
        SizeLimit::At(ByteSize::kib(2)),
    )
}

/// The same, with a transform.
pub(super) fn sealing_packer(transform: Seal) -> Packer {
    Packer {
        transform: Some(Arc::new(transform)),
        ..packer()
    }
}

pub(super) fn context_of<V: CacheValue>() -> PackContext<'static> {
    PackContext {
        physical_key: "shop:t:acme:invoice:7",
        scope: ScopeId::new(1),
        scope_text: "t:acme",
        value_type: ValueType::of::<V>(),
        codec: CodecChoice::Json,
    }
}

pub(super) fn content<V: CacheValue>(value: V) -> Content {
    Content::Value(Arc::new(value))
}

/// Packs and unpacks.
pub(super) fn there_and_back<V: CacheValue + Clone>(
    packer: &Packer,
    cx: &PackContext<'_>,
    value: V,
) -> V {
    let record = packer.pack(cx, &content(value), None).unwrap();
    value_of(packer.unpack(cx, &record))
}

pub(super) fn value_of<V: CacheValue + Clone>(unpacked: Result<Unpacked, UnpackError>) -> V {
    let Content::Value(value) = unpacked.unwrap().content else {
        unreachable!("a value was packed");
    };
    let value: &dyn Any = &*value;
    value.downcast_ref::<V>().unwrap().clone()
}

/// Guards a payload like encryption does, but hides nothing: a mark, the payload, and a digest of all
/// that it is bound to.
#[derive(Clone, Copy, Default)]
pub(super) struct Seal {
    pub(super) is_migrating: bool,
}

pub(super) const MARK: &[u8] = b"sealed:";

impl PayloadTransform for Seal {
    fn name(&self) -> &'static str {
        "seal"
    }

    fn seal(&self, cx: &PayloadContext<'_>, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        Ok([MARK, plain, &digest(cx, plain)].concat())
    }

    fn open(&self, cx: &PayloadContext<'_>, stored: &[u8]) -> Result<Vec<u8>, BoxError> {
        let Some(rest) = stored.strip_prefix(MARK) else {
            return if self.is_migrating {
                Ok(stored.to_vec())
            } else {
                Err("not sealed".into())
            };
        };
        let (plain, tag) = rest.split_last_chunk().ok_or("cut off")?;
        if *tag == digest(cx, plain) {
            Ok(plain.to_vec())
        } else {
            Err("not authentic".into())
        }
    }
}

fn digest(cx: &PayloadContext<'_>, plain: &[u8]) -> [u8; 8] {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in [cx.physical_key, cx.scope_text.as_bytes(), cx.header, plain] {
        for byte in (part.len() as u64).to_be_bytes().iter().chain(part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    (hash ^ u64::from(cx.value_version)).to_be_bytes()
}
