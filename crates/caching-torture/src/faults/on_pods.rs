//! Faults of a pod and of its link to the server.

use std::time::Duration;

use caching_testkit::Fault as OnLink;

use crate::error::TortureError;
use crate::fault::Fault;
use crate::faults::{Effect, Ending, last};
use crate::moment::Moment;
use crate::plan::Planned;
use crate::pod::Order;
use crate::world::{BOUND, Slot};

/// Makes one, and heals it.
pub(super) async fn make(
    slot: &mut Slot,
    planned: &Planned,
    ending: &mut Ending,
) -> Result<Effect, TortureError> {
    let pod = slot.number;
    match planned.fault {
        Fault::PodKilled => killed(slot).await,
        Fault::PodPaused => {
            let begun = Moment::now();
            slot.pod.pause().map_err(TortureError::pod(pod))?;
            last(planned.duration, ending).await;
            slot.pod.resume().map_err(TortureError::pod(pod))?;
            Ok(longer_than_bound(pod, Moment::now().since(begun)))
        }
        Fault::PodStarved => {
            let millis = u64::try_from(planned.duration.as_millis()).unwrap_or(u64::MAX);
            let took: Duration = slot.order(&Order::Starve(millis)).await?;
            Ok(longer_than_bound(pod, took))
        }
        _ => Ok(link(slot, planned, ending).await),
    }
}

async fn killed(slot: &mut Slot) -> Result<Effect, TortureError> {
    let pod = slot.number;
    let status = slot.pod.kill().await.map_err(TortureError::pod(pod))?;
    slot.replace().await?;
    let () = slot.order(&Order::Begin).await?;
    let detail = format!("pod {pod}, {status}; pod {} in its place", slot.number);
    Ok(Effect::new(!status.success(), detail))
}

/// A pause within the bound proves nothing.
fn longer_than_bound(pod: u32, took: Duration) -> Effect {
    let detail = format!("pod {pod}, for {:.1} s", took.as_secs_f64());
    Effect::new(took > BOUND, detail)
}

async fn link(slot: &Slot, planned: &Planned, ending: &mut Ending) -> Effect {
    let proxy = &slot.proxy;
    let (begun, before) = (Moment::now(), proxy.counters());
    match planned.fault {
        Fault::SwallowedToServer => proxy.set_to_server(OnLink::Blackhole),
        Fault::SwallowedToClient => proxy.set_to_client(OnLink::Blackhole),
        Fault::SwallowedBothWays => proxy.set(OnLink::Blackhole),
        Fault::HeldBack => proxy.set_to_client(OnLink::Hold),
        Fault::CutAndDelayed => {
            proxy.set(OnLink::delay(Duration::from_millis(100)));
            proxy.reset_connections();
        }
        Fault::Delayed => proxy.set(OnLink::Delay {
            latency: Duration::from_millis(60),
            jitter: Duration::from_millis(200),
        }),
        Fault::Slow => proxy.set(OnLink::Slow {
            bytes_per_second: 4000,
        }),
        _ => proxy.cut(),
    }
    last(planned.duration, ending).await;
    let after = proxy.counters();
    proxy.heal();
    let took = Moment::now().since(begun);
    let seconds = took.as_secs_f64();
    let pod = slot.number;
    let (is_effective, what) = match planned.fault {
        Fault::SwallowedToServer | Fault::SwallowedToClient | Fault::SwallowedBothWays => {
            let bytes = after.swallowed - before.swallowed;
            (bytes > 0, format!("{bytes} bytes lost"))
        }
        // What is held is what the server has sent; it came too late for the lease.
        Fault::HeldBack => (
            took > BOUND && after.to_server > before.to_server,
            "what came, came late".to_owned(),
        ),
        Fault::CutAndDelayed => (
            after.reset > before.reset && after.accepted > before.accepted,
            format!("{} connections made anew", after.accepted - before.accepted),
        ),
        Fault::Delayed | Fault::Slow => {
            let bytes = after.to_client - before.to_client;
            (bytes > 0, format!("{bytes} bytes came, late"))
        }
        _ => {
            let lost = after.reset + after.refused - before.reset - before.refused;
            (lost > 0, format!("{lost} connections lost"))
        }
    };
    Effect::new(is_effective, format!("pod {pod}, {what} in {seconds:.1} s"))
}
