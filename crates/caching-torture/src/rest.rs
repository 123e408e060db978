//! What is found where, once everything is healed: L1, L2 and source have to be the same.

use std::time::Duration;

use crate::demand::Demands;
use crate::error::TortureError;
use crate::history::{Answer, History, How, Read, Resting};
use crate::moment::Moment;
use crate::pod::{Order, Status};
use crate::settings::Settings;
use crate::world::{BOUND, World};

/// How long everything may take to be as before, once it is healed.
const SETTLING: Duration = Duration::from_secs(20);

/// Waits until all pods are up to date and have sent everything, and looks at every key on each of them.
pub(crate) async fn look(world: &mut World, settings: &Settings) -> Result<(), TortureError> {
    settle(world, settings).await?;
    for slot in &world.pods {
        let () = slot.order(&Order::End).await?;
    }
    settle(world, settings).await?;
    repair(world).await?;
    tokio::time::sleep(BOUND + Duration::from_millis(100)).await;
    let versions = world.source.versions();
    let mut resting = Vec::new();
    let mut note = |pod: u32, key: usize, found: u64, how: How| {
        resting.push(Resting {
            pod,
            key: key as u64,
            found,
            source: versions.get(key).copied().unwrap_or_default(),
            how,
        });
    };
    for slot in &world.pods {
        let reads: Vec<Read> = slot.order(&Order::ReadAll).await?;
        for read in reads {
            note(
                slot.number,
                usize::try_from(read.key).unwrap_or_default(),
                read.version,
                read.how,
            );
        }
        let kept: Vec<Option<u64>> = slot.order(&Order::PeekAll).await?;
        for (key, found) in kept.into_iter().enumerate() {
            if let Some(found) = found {
                note(slot.number, key, found, How::L1);
            }
        }
    }
    // One that has nothing of its own shows what Redis holds.
    if let Some(slot) = world.pods.first_mut() {
        slot.pod
            .kill()
            .await
            .map_err(TortureError::pod(slot.number))?;
        slot.replace().await?;
        let kept: Vec<Option<u64>> = slot.order(&Order::GetAll).await?;
        for (key, found) in kept.into_iter().enumerate() {
            if let Some(found) = found {
                note(slot.number, key, found, How::L2);
            }
        }
    }
    world.notes.lock().history.resting = resting;
    Ok(())
}

/// Waits until every pod may serve what it keeps, and has sent what it had queued.
///
/// Where rules are left out a pod may never come that far; then what it holds is looked at as it is.
async fn settle(world: &World, settings: &Settings) -> Result<(), TortureError> {
    let begun = Moment::now();
    for slot in &world.pods {
        loop {
            let status: Status = slot.order(&Order::Status).await?;
            if status.is_current && status.queued == 0 {
                break;
            }
            let waited = Moment::now().since(begun);
            if waited > SETTLING {
                if !settings.left_out.is_empty() {
                    break;
                }
                let pod = slot.number;
                return Err(TortureError::Unsettled { pod, waited });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Invalidates what a pod committed, and was killed before it had invalidated it: nobody promises anything about
/// that.
async fn repair(world: &World) -> Result<(), TortureError> {
    let living: Vec<u32> = world.pods.iter().map(|slot| slot.number).collect();
    let mut history = world.notes.lock().history.clone();
    history.commits = world.source.commits();
    let lost = lost(history, &living, &world.source.versions());
    match world.pods.first() {
        Some(slot) => slot.order(&Order::Remove(lost)).await,
        None => Ok(()),
    }
}

/// Keys whose last version nobody has invalidated, nor has it queued and lives.
fn lost(mut history: History, living: &[u32], versions: &[u64]) -> Vec<u64> {
    for invalidation in &mut history.invalidations {
        // Queues are empty by now.
        if invalidation.answer == Answer::Queued && living.contains(&invalidation.pod) {
            invalidation.answer = Answer::Applied;
        }
    }
    let demands = Demands::of(&history);
    let is_lost = |key: &u64| {
        let version = usize::try_from(*key).ok().and_then(|key| versions.get(key));
        let demanded = demands.everywhere(*key, Moment::NEVER, Duration::ZERO);
        version.is_some_and(|version| demanded.map_or(0, |(demanded, _)| demanded) < *version)
    };
    (0..history.keys).filter(is_lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Commit, Invalidation, What};

    #[test]
    fn what_died_with_its_writer_is_lost_and_what_waits_in_a_living_one_is_not() {
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        let lost_with = |pod, answer| {
            let history = History {
                keys: 2,
                tags: 1,
                commits: vec![Commit {
                    key: 1,
                    version: 1,
                    at: at(10),
                }],
                invalidations: vec![Invalidation {
                    pod,
                    what: What::Remove(1),
                    answer,
                    begun: at(20),
                    ended: at(30),
                }],
                ..History::default()
            };
            lost(history, &[0], &[0, 1])
        };
        assert_eq!(lost_with(0, Answer::Queued), [0_u64; 0]);
        assert_eq!(lost_with(9, Answer::Applied), [0_u64; 0]);
        assert_eq!(lost_with(9, Answer::Queued), [1]);
        assert_eq!(lost_with(0, Answer::Failed), [1]);
    }
}
