//! Callers who are polled when the schedule says so, and by no runtime.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::history::{Place, Turn};
use super::tenant::as_tenant;

pub struct Caller {
    pub number: usize,
    /// What it reads; a writer reads nothing.
    pub reads: Option<Place>,
    /// The turn of its first poll.
    pub arrived: Option<Turn>,
    /// The turn of its last.
    polled: Arc<AtomicU64>,
    woken: Arc<Woken>,
    call: Pin<Box<dyn Future<Output = ()>>>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Stands between the call of a verb and its first poll.
pub async fn has_called() {
    let mut is_next = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_next, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Caller {
    /// Calls a verb as a tenant, up to [`has_called`]; `polled` is told of its polls after that.
    pub fn new(
        number: usize,
        tenant: u32,
        reads: Option<Place>,
        polled: Arc<AtomicU64>,
        call: impl Future<Output = ()> + 'static,
    ) -> Self {
        let mut caller = Self {
            number,
            reads,
            arrived: None,
            polled,
            woken: Arc::new(Woken(AtomicBool::new(false))),
            call: Box::pin(call),
        };
        assert!(!caller.poll(0, tenant));
        caller.arrived = None;
        caller
    }

    pub fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Polls it in this turn, as another tenant than the one who called; whether it has ended.
    pub fn poll(&mut self, turn: Turn, tenant: u32) -> bool {
        self.arrived.get_or_insert(turn);
        self.polled.store(turn, Ordering::Relaxed);
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        as_tenant(tenant, || self.call.as_mut().poll(&mut cx)).is_ready()
    }
}
