//! What a caller asks for: a value, or a value if there is one.

use std::sync::Arc;

/// What a factory brings, and what its caller gets: a value, or perhaps one.
///
/// It is implemented for [`Required`] and [`Optional`], and sealed.
pub trait Demand<V>: sealed::Sealed + 'static {
    /// What the factory returns.
    type Loaded: Send;
    /// What the caller gets.
    type Answer;
    /// Whether "there is none" is an answer.
    #[doc(hidden)]
    const TAKES_ABSENT: bool;
    #[doc(hidden)]
    fn loaded(loaded: Self::Loaded) -> Option<V>;
    /// `None` where what is kept does not answer the demand.
    #[doc(hidden)]
    fn answer(value: Option<Arc<V>>) -> Option<Self::Answer>;
}

/// The demand of `get_or_set`: a value.
#[derive(Debug)]
pub struct Required;

/// The demand of `get_or_set_optional`: a value, or the knowledge that there is none.
#[derive(Debug)]
pub struct Optional;

impl<V: Send> Demand<V> for Required {
    type Loaded = V;
    type Answer = Arc<V>;
    const TAKES_ABSENT: bool = false;

    fn loaded(loaded: V) -> Option<V> {
        Some(loaded)
    }

    fn answer(value: Option<Arc<V>>) -> Option<Arc<V>> {
        value
    }
}

impl<V: Send> Demand<V> for Optional {
    type Loaded = Option<V>;
    type Answer = Option<Arc<V>>;
    const TAKES_ABSENT: bool = true;

    fn loaded(loaded: Option<V>) -> Option<V> {
        loaded
    }

    fn answer(value: Option<Arc<V>>) -> Option<Option<Arc<V>>> {
        Some(value)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Required {}
    impl Sealed for super::Optional {}
}
