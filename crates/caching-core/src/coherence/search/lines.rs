//! What is known to go wrong: each rule that is left out is found to be missing.

use crate::coherence::Rule;

use super::explore::search;
use super::world::{Flaw, World};
use super::worlds;

/// Searches a world until the promise is broken.
fn finds(line: &str, world: &World) {
    let searched = search(world);
    let Some(history) = searched.history else {
        panic!(
            "without {line}, the promise holds in all {} states of the world \"{}\"",
            searched.states, world.name
        );
    };
    eprintln!(
        "without {line}, found in {} states:\n{history}",
        searched.states
    );
}

macro_rules! finds {
    ($($test:ident: $line:literal, $world:expr;)*) => {
        $(#[test]
        fn $test() {
            finds($line, &$world);
        })*
    };
}

finds! {
    the_search_finds_the_rule_at_l2:
        "the rule at L2", worlds::a_writer_elsewhere().without(Rule::StoreInL2);
    the_search_finds_a_store_that_fills_always:
        "the rule in the store", worlds::a_writer_elsewhere().with(Flaw::FillsAlways);
    the_search_finds_the_rule_at_l1:
        "the rule at L1", worlds::a_writer_elsewhere().without(Rule::StoreInL1);
    the_search_finds_the_log:
        "the log", worlds::another_key().without(Rule::Log);
    the_search_finds_the_poll:
        "the poll", worlds::a_writer_elsewhere().with(Flaw::PollTellsNothing);
    the_search_finds_the_floor_on_a_break:
        "the floor on a break", worlds::a_flush().without(Rule::Floor);
    the_search_finds_the_epoch:
        "the epoch", worlds::a_flush().without(Rule::Epoch);
    the_search_finds_the_identity:
        "the identity", worlds::a_restart_between_two().with(Flaw::NoIdentity);
    the_search_finds_that_the_run_id_alone_is_no_identity:
        "the replication id", worlds::a_demotion_between_two().with(Flaw::OnlyRunId);
    the_search_finds_epoch_and_identity_written_apart:
        "epoch and identity written together",
        worlds::a_demotion_before_all_polls().with(Flaw::IdentityApart);
    the_search_finds_l2_before_the_notice:
        "L2 before the notice", worlds::a_writer_elsewhere().with(Flaw::NoticeBeforeL2);
    the_search_finds_the_tag_clock_before_the_load:
        "the tag clock before the load", worlds::a_purge().without(Rule::TagClock);
    the_search_finds_the_join_rule:
        "the join rule", worlds::two_readers().without(Rule::Join);
    the_search_finds_the_lease_before_the_look:
        "the lease before the look",
        worlds::a_writer_elsewhere().fine().without(Rule::LeaseBeforeLook);
    the_search_finds_the_drop_on_the_answer:
        "the drop on the answer", worlds::a_writer_here().without(Rule::DropAgain);
    the_search_finds_the_clock_read_on_the_hit:
        "a clock read on the hit", worlds::a_writer_elsewhere().without(Rule::ClockOnHit);
    the_search_finds_the_poll_beside_an_l2_read:
        "the poll beside an L2 read", worlds::a_failover().without(Rule::PollBesideRead);
    the_search_finds_seq_compared_on_an_l2_hit:
        "seq compared on an L2 hit",
        worlds::a_demotion_under_a_writer().without(Rule::SeqOnL2Hit);
    the_search_finds_the_lease:
        "the lease", worlds::a_writer_elsewhere().without(Rule::Lease);
    the_search_finds_the_lease_of_a_process_that_is_cut_off:
        "the lease", worlds::a_cut().without(Rule::Lease);
    the_search_finds_the_ticket:
        "the ticket of a set", worlds::two_sets().without(Rule::Ticket);
}
