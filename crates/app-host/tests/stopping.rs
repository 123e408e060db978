//! Modules stop in reverse, each bounded in time, whatever fails on the way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use app_host::{AppBuilder, ConfigFormat, RunError, StartError, StopOutcome};
use support::{A, B, C, Diary, app, built, module, names};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

fn with_deadline(text: &str) -> AppBuilder {
    let text = format!("[server]\nshutdown_deadline = '{text}'\ndrain_deadline = '0s'");
    app().config_str(ConfigFormat::Toml, text)
}

#[tokio::test]
async fn an_error_and_a_panic_in_stop_are_reported_and_the_others_stop() {
    let diary = Diary::default();
    let app = built(
        app()
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("b").stop(|_| async { Err("disk full".into()) }))
            .with_module(module::<C>("c").stop(|_| async { panic!("oh no") })),
    )
    .await;
    app.start().await.unwrap();
    let report = app.stop().await;
    assert_eq!(diary.lines(), ["start a", "stop a"]);
    assert!(!report.is_clean());
    assert_eq!(
        report.to_string(),
        "1 of 3 modules stopped; `c` panicked: oh no; `b` failed: disk full"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_is_bounded_and_reported_and_the_others_have_their_time() {
    let diary = Diary::default();
    let app = built(
        with_deadline("30s")
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("hangs").stop(|_| pending()))
            .with_module(module::<C>("c").in_diary(&diary)),
    )
    .await;
    app.start().await.unwrap();
    let began = Instant::now();
    let report = app.stop().await;
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(diary.lines(), ["start a", "start c", "stop c", "stop a"]);
    assert_eq!(report.late().collect::<Vec<_>>(), ["hangs"]);
    assert!(matches!(
        report.modules()[1].outcome,
        StopOutcome::Abandoned
    ));
    assert_eq!(
        report.to_string(),
        "2 of 3 modules stopped; `hangs` was abandoned after 30.0s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_stop_goes_on_while_the_others_stop() {
    let diary = Diary::default();
    let at_end = diary.clone();
    let app = built(
        with_deadline("30s")
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("slow").stop(move |_| {
                let diary = at_end.clone();
                async move {
                    sleep(Duration::from_secs(20)).await;
                    diary.write("slow has stopped");
                    Ok(())
                }
            })),
    )
    .await;
    app.start().await.unwrap();
    let began = Instant::now();
    let report = app.stop().await;
    assert_eq!(
        began.elapsed().as_secs(),
        20,
        "nothing waits longer than it has to"
    );
    assert_eq!(diary.lines(), ["start a", "stop a", "slow has stopped"]);
    assert!(matches!(report.modules()[0].outcome, StopOutcome::Late));
}

#[tokio::test]
async fn tasks_of_a_module_end_before_what_it_depends_on_stops() {
    let diary = Diary::default();
    let in_task = diary.clone();
    let app = built(
        app()
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("b").start(move |cx| {
                let (shutdown, diary) = (cx.shutdown().clone(), in_task.clone());
                cx.spawn(async move {
                    shutdown.cancelled().await;
                    tokio::task::yield_now().await;
                    diary.write("task of b ends");
                });
                async { Ok(()) }
            })),
    )
    .await;
    app.start().await.unwrap();
    assert!(app.stop().await.is_clean());
    assert_eq!(diary.lines(), ["start a", "task of b ends", "stop a"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_makes_its_module_late_and_is_dropped() {
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = std::sync::Mutex::new(Some(dropped));
    let app = built(
        with_deadline("5s").with_module(module::<A>("a").start(move |cx| {
            let dropped = dropped.lock().unwrap().take();
            cx.spawn(async move {
                let _dropped = dropped;
                pending().await
            });
            async { Ok(()) }
        })),
    )
    .await;
    app.start().await.unwrap();
    assert_eq!(app.stop().await.late().collect::<Vec<_>>(), ["a"]);
    assert!(is_dropped.await.is_err(), "the task has gone");
}

#[tokio::test]
async fn a_stop_during_a_start_interrupts_and_undoes_it() {
    let diary = Diary::default();
    let reached = Arc::new(Notify::new());
    let gate = Arc::clone(&reached);
    let app = Arc::new(
        built(
            app()
                .with_module(module::<A>("a").in_diary(&diary))
                .with_module(module::<B>("waits").start(move |_| {
                    gate.notify_one();
                    pending()
                })),
        )
        .await,
    );
    let starting = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.start().await }
    });
    reached.notified().await;
    assert_eq!(app.health().await.status(), "starting");
    app.stop().await;
    let error = starting.await.unwrap().unwrap_err();
    assert!(matches!(error, StartError::Interrupted { undone } if names(&undone) == ["a"]));
    assert_eq!(diary.lines(), ["start a", "stop a"]);
}

#[tokio::test]
async fn what_a_dropped_start_had_started_is_stopped_by_stop() {
    let diary = Diary::default();
    let app = built(
        app()
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("waits").start(|_| pending())),
    )
    .await;
    tokio::select! {
        biased;
        _ = app.start() => panic!("it waits"),
        () = tokio::task::yield_now() => {}
    }
    app.stop().await;
    assert_eq!(diary.lines(), ["start a", "stop a"]);
}

#[tokio::test]
async fn a_module_sees_the_begin_of_the_stop_before_its_own_turn() {
    let diary = Diary::default();
    let (first, last) = (diary.clone(), diary.clone());
    let see = |name: &'static str, diary: Diary| {
        move |cx: app_host::AppContext| {
            let (diary, draining, shutdown) = (
                diary.clone(),
                cx.draining().is_cancelled(),
                cx.shutdown().is_cancelled(),
            );
            diary.write(format!("{name}: draining {draining}, shutdown {shutdown}"));
            async { Ok(()) }
        }
    };
    let app = built(
        app()
            .with_module(
                module::<A>("a")
                    .start(see("start", first.clone()))
                    .stop(see("stop", first)),
            )
            .with_module(module::<B>("b").stop(see("stop", last))),
    )
    .await;
    app.start().await.unwrap();
    app.stop().await;
    assert_eq!(
        diary.lines(),
        [
            "start: draining false, shutdown false",
            "stop: draining true, shutdown true",
            "stop: draining true, shutdown true",
        ]
    );
}

#[tokio::test]
async fn a_run_that_did_not_stop_cleanly_is_an_error() {
    let app =
        built(app().with_module(module::<A>("a").stop(|_| async { Err("disk full".into()) })))
            .await;
    let error = app
        .run_until(async { tokio::task::yield_now().await })
        .await
        .unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "the application did not stop cleanly: 0 of 1 modules stopped; `a` failed: disk full"
    );
    assert!(matches!(error, RunError::UncleanStop(_)));
}
