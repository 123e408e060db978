//! Two generations of a deployment on one store: each has its own values, and both hear everything.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::pods::{
    INVALIDATIONS, Truth, fill, invalidate, live, moment, pod, pod_with, read, store,
};
use support::{MINUTE, SECOND};

const SECOND_GENERATION: &str = "generation = 1";

#[tokio::test(start_paused = true)]
async fn a_deployment_of_another_generation_starts_on_an_empty_cache() {
    let (store, truth) = (store(), Truth::new());
    let old = pod(&store).await;
    fill(&[&old], &truth).await;
    let new = pod_with(&store, SECOND_GENERATION).await;
    truth.commit();
    assert_eq!(read(&new, &truth).await.0, 2, "it loads for itself");
    assert_eq!(read(&old, &truth).await.0, 1, "and disturbs nobody");
    let next = pod_with(&store, SECOND_GENERATION).await;
    let (value, outcome) = read(&next, &truth).await;
    assert!(
        value == 2 && outcome.is_hit(),
        "it finds what its own stored"
    );
    assert_eq!(truth.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_generation_hears_what_the_other_invalidates() {
    for how in INVALIDATIONS {
        for is_old_writing in [true, false] {
            let (store, truth) = (store(), Truth::new());
            let old = pod(&store).await;
            let new = pod_with(&store, SECOND_GENERATION).await;
            fill(&[&old, &new], &truth).await;
            truth.commit();
            let writer = if is_old_writing { &old } else { &new };
            assert!(invalidate(writer, how, &truth).await.is_applied());
            moment().await;
            for pod in [&old, &new] {
                assert_eq!(read(pod, &truth).await.0, 2, "{how}");
                assert_eq!(pod.stats().breaks, 0, "{how}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_generation_left_ends_with_its_life() {
    let toml = "[defaults]\nduration = '1m'\nretention = '2m'";
    let (store, truth) = (store(), Truth::new());
    let old = pod_with(&store, toml).await;
    fill(&[&old], &truth).await;
    live(2 * MINUTE + SECOND).await;
    let new = pod_with(&store, &format!("{SECOND_GENERATION}\n{toml}")).await;
    fill(&[&new], &truth).await;
    assert_eq!(store.records().len(), 1);
}
