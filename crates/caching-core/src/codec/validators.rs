//! The validators of a value as bytes, which stand before its payload in the body of an envelope.
//!
//! | bytes | what |
//! | --- | --- |
//! | 2 | how long the entity tag is; 0 stands for none |
//! | so many | the entity tag, in UTF-8 |
//! | 1 | whether there is a date: `00` or `01` |
//! | 12, if there is | seconds since 1970-01-01 00:00:00 UTC, signed, in 8 bytes; nanoseconds after them in 4 |

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::codec::packer::Corruption;
use crate::entry::Validators;

/// Appends the bytes of validators.
pub(super) fn write(validators: &Validators, out: &mut Vec<u8>) {
    let etag = validators.etag().unwrap_or_default();
    // An entity tag is 1024 bytes at most.
    let length = u16::try_from(etag.len()).unwrap_or_default();
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&etag.as_bytes()[..usize::from(length)]);
    match validators.last_modified().and_then(since_1970) {
        Some((seconds, nanos)) => {
            out.push(1);
            out.extend_from_slice(&seconds.to_be_bytes());
            out.extend_from_slice(&nanos.to_be_bytes());
        }
        None => out.push(0),
    }
}

/// Reads validators, and gives what stands after them.
pub(super) fn read(body: &[u8]) -> Result<(Validators, &[u8]), Corruption> {
    let (length, rest) = body.split_first_chunk().ok_or(Corruption::Validators)?;
    let (etag, rest) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(Corruption::Validators)?;
    let etag = str::from_utf8(etag).map_err(|_| Corruption::Validators)?;
    let (has_date, rest) = rest.split_first().ok_or(Corruption::Validators)?;
    let (last_modified, rest) = match has_date {
        0 => (None, rest),
        1 => {
            let (seconds, rest) = rest.split_first_chunk().ok_or(Corruption::Validators)?;
            let (nanos, rest) = rest.split_first_chunk().ok_or(Corruption::Validators)?;
            let date = date(i64::from_be_bytes(*seconds), u32::from_be_bytes(*nanos));
            (Some(date.ok_or(Corruption::Validators)?), rest)
        }
        _ => return Err(Corruption::Validators),
    };
    Ok((Validators::new(Some(etag), last_modified), rest))
}

/// Whole seconds, downwards, and the nanoseconds after them.
fn since_1970(at: SystemTime) -> Option<(i64, u32)> {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => Some((i64::try_from(after.as_secs()).ok()?, after.subsec_nanos())),
        Err(before) => {
            let before = before.duration();
            let seconds = -i64::try_from(before.as_secs()).ok()?;
            match before.subsec_nanos() {
                0 => Some((seconds, 0)),
                nanos => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos)),
            }
        }
    }
}

fn date(seconds: i64, nanos: u32) -> Option<SystemTime> {
    if nanos >= 1_000_000_000 {
        return None;
    }
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let date = match seconds {
        0.. => UNIX_EPOCH.checked_add(whole)?,
        _ => UNIX_EPOCH.checked_sub(whole)?,
    };
    date.checked_add(Duration::from_nanos(nanos.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(validators: &Validators) -> Validators {
        let mut bytes = Vec::new();
        write(validators, &mut bytes);
        bytes.extend_from_slice(b"payload");
        let (read, rest) = read(&bytes).unwrap();
        assert_eq!(rest, b"payload");
        read
    }

    #[test]
    fn validators_come_back_as_they_were_written() {
        let moment = Duration::new(1_700_000_000, 123_456_789);
        for date in [
            None,
            Some(UNIX_EPOCH),
            UNIX_EPOCH.checked_add(moment),
            UNIX_EPOCH.checked_sub(moment),
            UNIX_EPOCH.checked_sub(Duration::from_secs(1)),
        ] {
            for etag in [None, Some("\"33a64df5\""), Some("W/\"ü\"")] {
                let validators = Validators::new(etag, date);
                assert_eq!(there_and_back(&validators), validators);
            }
        }
    }

    #[test]
    fn validators_that_are_cut_off_or_make_no_sense_are_refused() {
        let mut bytes = Vec::new();
        write(
            &Validators::new(Some("\"a\""), Some(UNIX_EPOCH)),
            &mut bytes,
        );
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap_err(), Corruption::Validators);
        }
        let of_date = bytes.len() - 13;
        for (at, byte) in [(2, 0xFF), (of_date, 2), (of_date + 9, 0xFF)] {
            let mut damaged = bytes.clone();
            damaged[at] = byte;
            assert_eq!(
                read(&damaged).unwrap_err(),
                Corruption::Validators,
                "byte {at}"
            );
        }
    }
}
