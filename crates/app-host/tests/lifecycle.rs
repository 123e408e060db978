//! Modules start in the order of their dependencies; a start that fails is undone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::future::pending;

use app_host::StartError;
use support::{A, B, C, Diary, app, built, chain, module, names};
use tokio::sync::oneshot;

#[tokio::test]
async fn modules_start_in_the_order_of_their_dependencies_and_stop_in_reverse() {
    let diary = Diary::default();
    let [builder] = chain(&diary);
    let app = built(builder).await;
    assert!(diary.lines().is_empty(), "nothing starts before `start`");
    app.start().await.unwrap();
    let report = app.stop().await;
    assert_eq!(
        diary.lines(),
        [
            "start a", "start b", "start c", "stop c", "stop b", "stop a"
        ]
    );
    assert!(report.is_clean());
    assert_eq!(report.to_string(), "3 of 3 modules stopped");
}

#[tokio::test]
async fn a_disabled_module_neither_starts_nor_stops() {
    let diary = Diary::default();
    let app = built(app().with_module(module::<A>("a").in_diary(&diary).disabled("off"))).await;
    app.start().await.unwrap();
    app.stop().await;
    assert!(diary.lines().is_empty());
}

#[tokio::test]
async fn a_failed_start_stops_in_reverse_what_had_started() {
    let diary = Diary::default();
    let app = built(
        app()
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("b").in_diary(&diary))
            .with_module(
                module::<C>("c")
                    .in_diary(&diary)
                    .start(|_| async { Err("no connection".into()) }),
            )
            .with_module(module::<u8>("d").in_diary(&diary)),
    )
    .await;
    let error = app.start().await.unwrap_err();
    assert_eq!(diary.lines(), ["start a", "start b", "stop b", "stop a"]);
    assert_eq!(
        format!("{error:?}"),
        "module `c` did not start: no connection"
    );
    let StartError::Module { module, undone, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(module, "c");
    assert_eq!(names(&undone), ["b", "a"]);
    assert_eq!(app.health().await.status(), "stopped");
    assert!(
        app.stop().await.modules().is_empty(),
        "nothing is stopped twice"
    );
}

#[tokio::test]
async fn a_panic_in_start_is_a_failed_start() {
    let diary = Diary::default();
    let app = built(
        app()
            .with_module(module::<A>("a").in_diary(&diary))
            .with_module(module::<B>("b").start(|_| async { panic!("lost my {}", "keys") })),
    )
    .await;
    let error = app.start().await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "module `b` did not start: panicked: lost my keys"
    );
    assert_eq!(diary.lines(), ["start a", "stop a"]);
}

#[tokio::test]
async fn tasks_of_a_module_that_failed_to_start_are_ended() {
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = std::sync::Mutex::new(Some(dropped));
    let app = built(app().with_module(module::<A>("a").start(move |cx| {
        let dropped = dropped.lock().unwrap().take();
        cx.spawn({
            let shutdown = cx.shutdown().clone();
            async move {
                let _dropped = dropped;
                shutdown.cancelled().await;
            }
        });
        async { Err("no".into()) }
    })))
    .await;
    app.start().await.unwrap_err();
    assert!(is_dropped.await.is_err(), "the task has gone");
}

#[tokio::test]
async fn an_application_starts_once() {
    let app = built(app()).await;
    app.start().await.unwrap();
    assert!(matches!(app.start().await, Err(StartError::AlreadyStarted)));
    app.stop().await;
    assert!(matches!(app.start().await, Err(StartError::AlreadyStarted)));
}

#[tokio::test]
async fn the_panic_of_a_task_ends_nothing_but_the_task() {
    let app = built(app().with_module(module::<A>("a").start(|cx| {
        cx.spawn(async { panic!("oh no") });
        async { Ok(()) }
    })))
    .await;
    app.start().await.unwrap();
    assert!(app.stop().await.is_clean());
}

#[tokio::test]
async fn an_application_that_is_dropped_leaves_no_task_behind() {
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = std::sync::Mutex::new(Some(dropped));
    let app = built(app().with_module(module::<A>("a").start(move |cx| {
        let dropped = dropped.lock().unwrap().take();
        cx.spawn(async move {
            let _dropped = dropped;
            pending().await
        });
        async { Ok(()) }
    })))
    .await;
    app.start().await.unwrap();
    drop(app);
    assert!(is_dropped.await.is_err(), "the task has gone");
}

#[tokio::test]
async fn a_run_without_routes_starts_waits_and_stops() {
    let diary = Diary::default();
    let [builder] = chain(&diary);
    let (stop, told) = oneshot::channel::<()>();
    let running = tokio::spawn(built(builder).await.run_until(async {
        let _ = told.await;
    }));
    while diary.lines().len() < 3 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(diary.lines().len(), 6);
}
