//! A service that a closure makes, for modules to which nobody contributes.

use std::marker::PhantomData;

use async_trait::async_trait;

use crate::{BoxError, ServiceBuilder, Services};

/// The builder of a service that needs the services of others and takes no contributions.
pub(crate) struct Made<T, F> {
    make: F,
    service: PhantomData<fn() -> T>,
}

impl<T, F> Made<T, F> {
    pub(crate) fn by(make: F) -> Self {
        Self {
            make,
            service: PhantomData,
        }
    }
}

#[async_trait]
impl<T, F> ServiceBuilder for Made<T, F>
where
    T: Clone + Send + Sync + 'static,
    F: FnOnce(&Services) -> Result<T, BoxError> + Send + 'static,
{
    type Service = T;

    async fn build(self, services: &Services) -> Result<T, BoxError> {
        (self.make)(services)
    }
}
