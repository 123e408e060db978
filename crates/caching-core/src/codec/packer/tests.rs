//! What is packed is unpacked, and nothing else is.

mod damage;
mod fixture;
mod limits;
mod round_trip;
mod transform;
mod wire;
