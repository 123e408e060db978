//! What the host does is told as events, without values.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use app_host::{BoxError, ConfigFormat, Secret};
use support::{A, B, app, module};
use tracing::subscriber::DefaultGuard;

/// What was logged by this thread while the guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || log.clone())
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_table_of_modules_is_an_event_of_the_start_and_holds_no_value() {
    let log = Log::default();
    let _listening = log.listen();
    let app = app()
        .config_str(ConfigFormat::Toml, "database.password = 'hunter2'")
        .with_module(module::<A>("database").configure(|cx| {
            let config: std::collections::HashMap<String, Secret> = cx.section("database")?;
            cx.provide_value(config);
            Ok(())
        }))
        .with_module(module::<B>("redis").disabled("no `redis.url` is set"))
        .build()
        .await
        .unwrap();
    app.start().await.unwrap();
    app.stop().await;
    let text = log.text();
    assert!(text.contains(&app.report().to_string()), "{text}");
    assert!(
        text.contains("the application has stopped: 1 of 1 modules stopped"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_module_that_fails_is_told_with_its_name_and_reason() {
    let log = Log::default();
    let _listening = log.listen();
    let app = app()
        .with_module(module::<A>("cache").stop(|_| async { Err("queue is full".into()) }))
        .with_module(
            module::<B>("mail").start(|_| async { Err::<(), BoxError>("no route to host".into()) }),
        )
        .build()
        .await
        .unwrap();
    app.start().await.unwrap_err();
    let text = log.text();
    assert!(
        text.contains("module=\"mail\" error=no route to host"),
        "{text}"
    );
    assert!(text.contains("`cache` failed: queue is full"), "{text}");
}

#[tokio::test]
async fn the_panic_of_a_task_is_told_with_the_name_of_its_module() {
    let log = Log::default();
    let _listening = log.listen();
    let app = app()
        .with_module(module::<A>("cache").start(|cx| {
            cx.spawn(async { panic!("lost my keys") });
            async { Ok(()) }
        }))
        .build()
        .await
        .unwrap();
    app.start().await.unwrap();
    app.stop().await;
    let text = log.text();
    assert!(
        text.contains("module=\"cache\" panicked=panicked: lost my keys"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_module_that_keeps_the_others_waiting_is_told() {
    let log = Log::default();
    let _listening = log.listen();
    let app = app()
        .with_module(module::<A>("slow").start(|_| async {
            tokio::time::sleep(std::time::Duration::from_secs(25)).await;
            Ok(())
        }))
        .build()
        .await
        .unwrap();
    app.start().await.unwrap();
    let told = log
        .text()
        .matches("a module is still starting module=\"slow\"")
        .count();
    assert_eq!(told, 2);
    app.stop().await;
}
