//! Serves the invoice API, or imports a data set.
use std::sync::Arc;
use invoice_api::{database::*, events_standin::EventBus, import::*};
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let db = Database::new(&DatabaseConfig::at(&args[1]), QueryCounter::default());
    db.open().await?;
    let n = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let m = n.clone();
    let bus = EventBus(Arc::new(move |_| { m.fetch_add(1, std::sync::atomic::Ordering::Relaxed); }));
    let mut c = Console::new();
    let r = import(&db, &bus, args[2].as_ref(), &mut c).await?;
    c.finish();
    println!("{r:?} {n:?}");
    db.close().await;
    Ok(())
}
