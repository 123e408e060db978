//! The contract that every L2 keeps, as a suite of tests that any of them can be put through.
//!
//! Each function here is a sentence about what the traits [`L2`] and [`Backplane`] promise, and panics where an
//! implementation does not keep it. [`l2_contract_tests!`](crate::l2_contract_tests) makes a test of each. What
//! it needs to know of an implementation is an [`L2Fixture`]: how to connect, and how to bring about what can
//! happen to a server.
//!
//! ```
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use caching_core::{MemoryBackplane, MemoryL2, MemoryStore, Seq, TokioClock};
//! use caching_testkit::l2_contract::L2Fixture;
//!
//! struct InMemory {
//!     store: MemoryStore,
//! }
//!
//! impl InMemory {
//!     fn new() -> Self {
//!         tokio::time::pause(); // this store needs no real time
//!         Self { store: MemoryStore::with_clock(TokioClock::new()) }
//!     }
//! }
//!
//! #[async_trait]
//! impl L2Fixture for InMemory {
//!     type L2 = MemoryL2;
//!     type Backplane = MemoryBackplane;
//!
//!     async fn connect(&self) -> (MemoryL2, MemoryBackplane) {
//!         (self.store.l2(), self.store.backplane())
//!     }
//!
//!     async fn pass(&self, time: Duration) {
//!         tokio::time::advance(time).await;
//!     }
//!
//!     async fn forget_everything(&self) {
//!         self.store.forget_everything();
//!     }
//!
//!     async fn lose_from_log(&self, seq: Seq) {
//!         self.store.lose_from_log(seq);
//!     }
//!
//!     async fn replace_server(&self) {
//!         self.store.replace_server();
//!     }
//! }
//!
//! caching_testkit::l2_contract_tests!(InMemory::new());
//! ```
#![allow(
    clippy::panic,
    reason = "a test fails by panicking, and each of these is one"
)]

mod peer;

mod claims;
mod deployments;
mod fills;
mod invalidations;
mod notices;
mod polls;
mod purges;
mod puts;
mod records;
mod replays;

use std::time::Duration;

use async_trait::async_trait;
use caching_core::{Backplane, L2, Seq};

pub use self::claims::*;
pub use self::deployments::*;
pub use self::fills::*;
pub use self::invalidations::*;
pub use self::notices::*;
pub use self::polls::*;
pub use self::purges::*;
pub use self::puts::*;
pub use self::records::*;
pub use self::replays::*;

/// A server that a test of the suite has for itself, and what can happen to it.
///
/// Tests may share a real server if each is given a [`key_prefix`](Self::key_prefix) of its own, and if what is
/// done to the server is done to that prefix alone.
#[async_trait]
pub trait L2Fixture: Send + Sync {
    /// The L2 that is tested.
    type L2: L2;
    /// The backplane that is tested with it.
    type Backplane: Backplane;

    /// New connections, as of one more process. The suite opens them.
    async fn connect(&self) -> (Self::L2, Self::Backplane);

    /// The prefix of the deployment, under which there is nothing yet. `contract` if not said otherwise, for a
    /// server that nobody else uses. The suite uses prefixes that begin with it, too.
    fn key_prefix(&self) -> String {
        "contract".to_owned()
    }

    /// Lets this time pass at the server. In real time, if not said otherwise.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Makes the server forget everything, as `FLUSHALL`. Connections stay.
    async fn forget_everything(&self);

    /// Makes the log of the deployment lose one entry.
    async fn lose_from_log(&self, seq: Seq);

    /// Puts another server with the same data in its place, as a restart does. When this returns it is there;
    /// connections may have been lost.
    async fn replace_server(&self);
}

/// Makes a test of each sentence of the contract, in the module where it stands.
///
/// It takes an expression of a type that implements [`L2Fixture`](crate::l2_contract::L2Fixture), evaluated anew
/// in each test, which may use `.await`. The crate needs tokio with `macros` and `rt`. See
/// [`l2_contract`](crate::l2_contract) for a whole example.
///
/// ```text
/// caching_testkit::l2_contract_tests!(RedisFixture::start().await);
/// ```
#[macro_export]
macro_rules! l2_contract_tests {
    ($fixture:expr) => {
        $crate::l2_contract_tests! {
            @each ($fixture)
            // records
            a_record_is_read_as_it_was_stored
            an_empty_payload_is_a_value
            a_read_finds_nothing_where_nothing_was_stored
            fields_of_a_key_stand_side_by_side
            any_visible_ascii_names_a_field
            a_field_is_replaced_whole
            each_field_has_a_life_of_its_own
            a_stale_record_is_kept_as_a_fallback
            a_record_ends_with_its_life
            a_record_without_a_life_is_not_stored
            names_that_look_alike_are_different_records
            // fills
            a_fill_is_stored_where_nothing_was_invalidated_since
            a_fill_from_before_a_remove_is_refused
            a_fill_from_before_an_expire_is_refused
            keys_of_one_stripe_refuse_each_other
            an_invalidation_of_another_stripe_refuses_nothing
            a_purge_refuses_no_fill
            a_fill_of_another_epoch_is_refused
            a_fill_that_knows_nothing_is_refused
            a_fill_is_refused_where_there_is_no_control_record
            of_fills_that_race_with_invalidations_no_old_one_stays
            // invalidations
            an_invalidation_takes_the_next_number
            the_first_invalidation_begins_an_epoch
            several_keys_take_one_number_and_are_all_invalidated
            a_removed_record_is_gone_in_every_field
            an_expired_record_is_a_fallback_in_every_field
            a_remove_counts_where_no_record_was
            an_expire_counts_where_no_record_was
            a_fill_after_an_expire_takes_the_other_fields_along
            a_remove_after_an_expire_leaves_no_fallback
            concurrent_invalidations_take_a_number_each
            // puts
            a_put_stores_and_takes_the_next_number
            a_put_refuses_fills_from_before_it
            a_put_takes_the_other_fields_along
            a_put_makes_an_expired_key_fresh
            a_put_since_its_ticket_is_stored
            a_put_whose_key_was_invalidated_since_invalidates_only
            a_put_of_another_epoch_invalidates_only
            of_two_commits_the_older_one_never_stays
            a_put_holds_as_of_its_own_number
            a_put_begins_an_epoch_where_there_is_none
            // polls
            who_knows_nothing_is_told_where_to_begin
            the_bound_of_the_first_process_is_everyones
            who_is_up_to_date_is_told_so
            who_knows_another_epoch_is_told_of_this_one
            a_number_that_was_never_given_out_begins_an_epoch
            a_new_epoch_refuses_the_fills_of_the_old_one
            another_server_begins_an_epoch
            what_was_forgotten_begins_an_epoch
            records_of_a_broken_epoch_say_so_or_are_gone
            processes_that_come_together_agree_on_one_epoch
            // replays
            what_was_missed_is_replayed_in_order
            a_put_is_replayed_as_a_remove
            a_long_replay_comes_in_pages
            a_replay_of_just_a_page_has_no_more
            a_log_that_lost_its_beginning_breaks
            a_log_that_lost_its_middle_breaks
            a_log_that_lost_its_end_breaks
            who_is_behind_the_hole_hears_what_is_after_it
            // purges
            a_purge_advances_the_tag_clock_and_touches_no_record
            a_read_tells_the_tag_clock
            times_of_purges_are_told_by_group_and_mode
            questions_begin_no_epoch
            what_is_remembered_is_bounded_and_what_was_forgotten_is_told
            // claims
            a_record_is_claimed_by_one_at_a_time
            a_claim_ends_with_its_time
            a_released_claim_can_be_taken
            nobody_releases_the_claim_of_another
            each_field_is_claimed_on_its_own
            a_fill_releases_its_claim_stored_or_not
            a_fill_leaves_the_claim_of_another
            // notices
            each_invalidation_is_heard_with_its_number_in_order
            a_process_hears_its_own_invalidations
            a_fill_is_heard_by_nobody
            concurrent_invalidations_are_heard_in_the_order_of_their_numbers
            a_dropped_subscription_hears_nothing_more
            a_closed_backplane_ends_its_subscriptions
            // deployments
            two_connections_see_one_store
            deployments_with_different_prefixes_do_not_meet
            a_closed_connection_fails_and_others_go_on
        }
    };
    (@each ($fixture:expr) $($sentence:ident)*) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let fixture = $fixture;
                $crate::l2_contract::$sentence(&fixture).await;
            }
        )*
    };
}
