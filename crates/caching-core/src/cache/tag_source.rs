//! Where the tags of a call come from: nowhere, or a closure that runs on a miss.

use crate::tag::{Tag, Tags};

/// Where the tags of a call come from.
pub trait TagSource: sealed::Sealed {
    #[doc(hidden)]
    fn add_to(self, tags: &mut Tags);
}

/// A call without tags of its own.
#[derive(Debug)]
pub struct NoTags;

/// A call whose tags a closure gives.
#[derive(Debug)]
pub struct TagsFrom<G>(pub(crate) G);

impl TagSource for NoTags {
    fn add_to(self, _: &mut Tags) {}
}

impl<G, I> TagSource for TagsFrom<G>
where
    G: FnOnce() -> I,
    I: IntoIterator,
    I::Item: Into<Tag>,
{
    fn add_to(self, tags: &mut Tags) {
        tags.extend((self.0)());
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoTags {}
    impl<G> Sealed for super::TagsFrom<G> {}
}
