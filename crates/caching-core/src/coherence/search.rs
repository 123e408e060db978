//! An exhaustive search: every order of events in small worlds, over the decisions that ship.
//!
//! A world is one key, two processes and a store; a source that moves on when a writer commits;
//! writers that invalidate afterwards; readers that look, ask the store, load, fill, keep and give.
//! Requests and answers take as long as they like, notices come in any order or never, time passes
//! between any two steps, and faults happen as often as the world allows. The search visits every
//! state that can be reached, breadth first, so that what it finds is a shortest history.
//!
//! What it looks for: a value that is given as fresh to a read that began at least the bound after an
//! invalidation had returned, or at any time after that on the same process, and that is older than
//! the source was when that invalidation was called.
//!
//! What ships is run, not described: [`Control`](super::Control) with its lease, floor and numbers,
//! [`Permit`](super::Permit), [`Question`](super::Question), [`Candidate`](super::Candidate) and
//! [`Purged`](super::purged::Purged) decide here as they do in the flows. The order of the steps between
//! two decisions is written down once more, in `reader`, `writer` and `poll`; the store is a model, in
//! `server`. Time is counted from now on, so that a world has no end and yet finitely many states.
//!
//! A search that has never found anything proves nothing: each rule can be left out, and so can what
//! the store has to do, and then it has to find a history (`lines`).

mod explore;
mod fault;
mod flight;
#[cfg(not(debug_assertions))]
mod larger;
mod lines;
mod number;
mod pod;
mod poll;
mod reader;
mod server;
mod state;
mod step;
mod tagged;
mod world;
mod worlds;
mod writer;
