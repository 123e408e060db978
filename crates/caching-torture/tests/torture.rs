//! Short runs of the torture, with real processes.

use std::path::Path;
use std::time::Duration;

use caching_torture::{Report, Settings, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_torture");

/// Long enough for a fault of most kinds.
const SHORT: Duration = Duration::from_secs(20);

async fn torture(
    mut settings: Settings,
    folder: &Path,
) -> Result<Report, Box<dyn std::error::Error>> {
    settings.folder = folder.to_owned();
    let report = run(&settings).await?;
    eprintln!("{report}");
    Ok(report)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stale_is_given_past_the_bound() -> Result<(), Box<dyn std::error::Error>> {
    // Outside of the sources, where it stays to be replayed.
    let folder = std::env::temp_dir().join("caching-torture");
    let report = torture(Settings::new(PROGRAM, 20_260, SHORT), &folder).await?;
    assert!(report.verdict.is_clean(), "kept in {:?}", report.kept);
    assert!(report.verdict.bound > 1000, "too little was read to say so");
    assert!(report.verdict.labelled * 2 < report.verdict.bound);
    assert!(report.effective_faults() >= 8, "too little was broken");
    assert_eq!(report.strange, [] as [String; 0], "a pod said something");
    Ok(())
}

/// A checker that never fails proves nothing.
#[cfg(feature = "switches")]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_a_violation_is_found_and_kept() -> Result<(), Box<dyn std::error::Error>> {
    let mut settings =
        Settings::new(PROGRAM, 20_261, Duration::from_secs(60)).leave_out("lease")?;
    settings.until_violation = true;
    let folder = tempfile::tempdir()?;
    let report = torture(settings, folder.path()).await?;
    assert!(report.verdict.count() > 0);
    let kept = report.kept.ok_or("nothing was kept")?;
    let again = caching_torture::check(&caching_torture::load_kept(&kept)?);
    assert_eq!(again.violations.first(), report.verdict.violations.first());
    Ok(())
}

/// The same faults, with plain publish and subscribe.
#[cfg(feature = "switches")]
#[tokio::test(flavor = "multi_thread")]
async fn plain_publish_and_subscribe_gives_stale_values() -> Result<(), Box<dyn std::error::Error>>
{
    let mut settings = Settings::new(PROGRAM, 20_260, SHORT);
    for rule in caching_torture::PLAIN_PUBSUB {
        settings = settings.leave_out(rule)?;
    }
    settings.until_violation = true;
    let folder = tempfile::tempdir()?;
    let report = torture(settings, folder.path()).await?;
    assert!(report.verdict.count() > 0);
    Ok(())
}
