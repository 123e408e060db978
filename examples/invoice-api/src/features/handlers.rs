//! What the cache forgets about flags when one was set.

use caching_events::invalidates;

use super::{
    FeaturesModule,
    events::{FeatureValueChanged, FlagOwner},
    keys::{GlobalFeatureKey, OwnFeatureKey},
};

#[invalidates(module = FeaturesModule, keys = own(event), keys = global(event))]
fn feature_value_changed(event: &FeatureValueChanged) {}

fn own(event: &FeatureValueChanged) -> Option<OwnFeatureKey> {
    match event.owner {
        FlagOwner::Tenant(_) => Some(OwnFeatureKey {
            name: event.name.clone(),
        }),
        FlagOwner::Everybody => None,
    }
}

fn global(event: &FeatureValueChanged) -> Option<GlobalFeatureKey> {
    match event.owner {
        FlagOwner::Everybody => Some(GlobalFeatureKey {
            name: event.name.clone(),
        }),
        FlagOwner::Tenant(_) => None,
    }
}
