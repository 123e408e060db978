//! Services by their type, built once and found by everyone.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;

use crate::BoxError;
use crate::type_name::short;

/// An unfinished service that modules contribute to until the host builds it.
///
/// ```
/// use app_host::{BoxError, ServiceBuilder, Services, async_trait};
///
/// #[derive(Default)]
/// struct MenuBuilder {
///     dishes: Vec<String>,
/// }
///
/// #[derive(Clone)]
/// struct Menu(std::sync::Arc<[String]>);
///
/// #[async_trait]
/// impl ServiceBuilder for MenuBuilder {
///     type Service = Menu;
///
///     async fn build(self, _services: &Services) -> Result<Menu, BoxError> {
///         Ok(Menu(self.dishes.into()))
///     }
/// }
/// ```
#[async_trait]
pub trait ServiceBuilder: Send + 'static {
    /// What is built; a handle that is cheap to clone.
    type Service: Clone + Send + Sync + 'static;

    /// Builds the service: once, after all contributions, and after the services of the modules that come
    /// before. Connections are lazy or belong to `start`; nothing is opened here.
    ///
    /// # Errors
    ///
    /// Whatever keeps the service from being made; it becomes a build error of the application.
    async fn build(self, services: &Services) -> Result<Self::Service, BoxError>;
}

/// The services of one application, found by type.
///
/// Cheap to clone; all clones see the same services. While services are being built, those of modules
/// that come before are there already. A service that keeps `Services` to look others up later keeps a
/// [`WeakServices`] instead, as the services would own themselves otherwise.
#[derive(Clone)]
pub struct Services {
    shared: Arc<Shared>,
}

struct Shared {
    /// Fixed before the first service is built: only the slots are filled, each once, so that reading
    /// takes no lock.
    slots: HashMap<TypeId, Slot>,
    /// For the message of a missing service: the disabled modules with their reasons.
    disabled: Vec<(&'static str, String)>,
}

/// A place for one service, known before it is built.
struct Slot {
    provider: &'static str,
    value: OnceLock<Option<AnyService>>,
}

pub(crate) type AnyService = Box<dyn Any + Send + Sync>;

impl Services {
    /// Makes places for services: type and name of the module that provides each.
    pub(crate) fn with_slots(
        slots: impl IntoIterator<Item = (TypeId, &'static str)>,
        disabled: Vec<(&'static str, String)>,
    ) -> Self {
        let slots = slots.into_iter().map(|(id, provider)| {
            let value = OnceLock::new();
            (id, Slot { provider, value })
        });
        Self {
            shared: Arc::new(Shared {
                slots: slots.collect(),
                disabled,
            }),
        }
    }

    /// Fills the place of a service; `None` says that it could not be built.
    pub(crate) fn fill(&self, id: TypeId, value: Option<AnyService>) {
        if let Some(slot) = self.shared.slots.get(&id) {
            // The host fills a place once; the first value would stay.
            let _ = slot.value.set(value);
        }
    }

    /// The service of type `T`.
    ///
    /// # Errors
    ///
    /// [`MissingService`] names the type, says why it is not there and what to do.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Result<T, MissingService> {
        self.try_get::<T>().ok_or_else(|| self.missing::<T>())
    }

    /// The service of type `T`, or `None` where there is none.
    pub fn try_get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.value(TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    /// Whether the service whose type has this id is there.
    pub fn contains(&self, id: TypeId) -> bool {
        self.value(id).is_some()
    }

    /// A handle that does not keep the services alive.
    pub fn downgrade(&self) -> WeakServices {
        WeakServices {
            shared: Arc::downgrade(&self.shared),
        }
    }

    fn value(&self, id: TypeId) -> Option<&AnyService> {
        self.shared.slots.get(&id)?.value.get()?.as_ref()
    }

    fn missing<T: 'static>(&self) -> MissingService {
        let service = short(type_name::<T>());
        match self.shared.slots.get(&TypeId::of::<T>()) {
            None => MissingService::NotProvided {
                service,
                disabled: self.shared.disabled.clone(),
            },
            Some(slot) if slot.value.get().is_some() => MissingService::Failed {
                service,
                provider: slot.provider,
            },
            Some(slot) => MissingService::NotYetBuilt {
                service,
                provider: slot.provider,
            },
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("count", &self.shared.slots.len())
            .finish_non_exhaustive()
    }
}

/// A handle to the services of an application that does not keep them alive.
#[derive(Clone)]
pub struct WeakServices {
    shared: Weak<Shared>,
}

impl WeakServices {
    /// The services, or `None` when the application is gone.
    pub fn upgrade(&self) -> Option<Services> {
        self.shared.upgrade().map(|shared| Services { shared })
    }
}

impl fmt::Debug for WeakServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakServices")
    }
}

/// A service that was asked for is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingService {
    /// No enabled module provides it.
    #[error(
        "no module provides `{service}`; add the module that does, or require it in `depends_on`{}",
        but_disabled(disabled)
    )]
    NotProvided {
        /// The type that was asked for.
        service: String,
        /// The modules that are disabled, any of which may be the one that provides it, with reasons.
        disabled: Vec<(&'static str, String)>,
    },
    /// A module provides it, but comes later in the order.
    #[error(
        "`{service}` is not built yet; module `{provider}` provides it, so require that module in `depends_on`"
    )]
    NotYetBuilt {
        /// The type that was asked for.
        service: String,
        /// The module that provides it.
        provider: &'static str,
    },
    /// A module provides it, but its build failed, which is an error of its own.
    #[error("`{service}` of module `{provider}` could not be built")]
    Failed {
        /// The type that was asked for.
        service: String,
        /// The module that provides it.
        provider: &'static str,
    },
}

fn but_disabled(disabled: &[(&'static str, String)]) -> String {
    if disabled.is_empty() {
        return String::new();
    }
    let names: Vec<_> = disabled
        .iter()
        .map(|(name, reason)| format!("`{name}` ({reason})"))
        .collect();
    format!("; disabled here: {}", names.join(", "))
}
