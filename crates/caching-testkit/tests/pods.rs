//! Pods that are asked, paused, killed, and gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use caching_testkit::{Pod, PodBuilder, PodError};
use serde_json::{Value, json};
use support::{SOON, eventually, is_alive};

const KILLED: i32 = 9;

fn builder() -> PodBuilder {
    Pod::builder(env!("CARGO_BIN_EXE_testkit-pod")).silent()
}

fn pod() -> Pod {
    builder().start().unwrap()
}

#[tokio::test]
async fn a_pod_answers_whatever_json_it_is_asked() {
    let pod = pod();
    for value in [
        json!(null),
        json!({ "a": [1, 2.5, "é\n\u{0}"] }),
        json!("x".repeat(1_000_000)),
    ] {
        let answer: Value = pod.request(&json!({ "echo": value })).await.unwrap();
        assert_eq!(answer, value);
    }
}

#[tokio::test]
async fn requests_overlap_and_each_gets_its_own_answer() {
    let pod = pod();
    let ask = async |milliseconds: u64| {
        let request = json!({ "echo_late": milliseconds });
        pod.request::<u64>(&request).await.unwrap()
    };
    let began = Instant::now();
    let answers = tokio::join!(ask(300), ask(200), ask(0), ask(250));
    assert_eq!(answers, (300, 200, 0, 250));
    assert!(began.elapsed() < Duration::from_millis(700));
}

#[tokio::test]
async fn variables_folder_and_arguments_reach_the_pod() {
    let folder = tempfile::tempdir().unwrap();
    let pod = builder()
        .env("COLOUR", "green")
        .env_remove("PATH")
        .current_dir(folder.path())
        .start()
        .unwrap();
    let variable = async |name: &str| {
        let request = json!({ "variable": name });
        pod.request::<Option<String>>(&request).await.unwrap()
    };
    assert_eq!(variable("COLOUR").await.as_deref(), Some("green"));
    assert_eq!(variable("PATH").await, None);
    let there: PathBuf = pod.request("folder").await.unwrap();
    assert_eq!(there, folder.path().canonicalize().unwrap());
}

#[tokio::test]
async fn what_a_pod_prints_is_kept_apart_from_its_answers() {
    let mut pod = pod();
    let mut lines = pod.lines().unwrap();
    assert!(pod.lines().is_none());
    for line in ["starting", "listening on port 7", r#"{"level":"info"}"#] {
        pod.request::<Value>(&json!({ "print": line }))
            .await
            .unwrap();
    }
    let found = lines.with("listening", SOON).await.unwrap();
    assert_eq!(found, "listening on port 7");
    assert_eq!(lines.next().await.as_deref(), Some(r#"{"level":"info"}"#));
    let late = lines.with("never", Duration::from_millis(50)).await;
    assert!(matches!(late, Err(PodError::Late { .. })), "{late:?}");
    pod.kill().await.unwrap();
    let ended = lines.with("never", SOON).await;
    assert!(matches!(ended, Err(PodError::Ended)), "{ended:?}");
    assert_eq!(lines.next().await, None);
}

#[tokio::test]
async fn lines_that_nobody_reads_do_not_stop_the_pod() {
    let pod = pod();
    let line = "x".repeat(1000);
    for _ in 0..11 {
        let thousand = vec![line.clone(); 1000].join("\n");
        pod.request::<Value>(&json!({ "print": thousand }))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_goes_wrong_in_a_pod_is_told_in_words() {
    let pod = pod();
    let refusal = async |request: Value| match pod.request::<Value>(&request).await {
        Err(PodError::Refused(message)) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refusal(json!({ "fail": "no such thing" })).await,
        "no such thing"
    );
    assert_eq!(refusal(json!("panic")).await, "the handler panicked");
    let unknown = refusal(json!({ "dance": 1 })).await;
    assert!(unknown.contains("unknown variant `dance`"), "{unknown}");
    // And it goes on.
    let answer = pod.request::<u64>(&json!({ "echo": 1 })).await;
    assert_eq!(answer.unwrap(), 1);
    let other = pod.request::<String>(&json!({ "echo": 1 })).await;
    assert!(matches!(other, Err(PodError::Unreadable(_))), "{other:?}");
}

#[tokio::test]
async fn a_pod_that_ends_tells_all_who_wait_and_all_who_come() {
    let pod = pod();
    let never = json!("never_answer");
    let exit = json!({ "exit": 7 });
    let (waiting, exiting) =
        tokio::join!(pod.request::<Value>(&never), pod.request::<Value>(&exit));
    for answer in [waiting, exiting, pod.request::<Value>(&never).await] {
        assert!(matches!(answer, Err(PodError::Ended)), "{answer:?}");
    }
    assert_eq!(pod.exited().await.unwrap().code(), Some(7));
    assert_eq!(pod.exit_status().unwrap().code(), Some(7));
    // Signals to what has ended are no mistake of the test.
    assert_eq!(pod.kill().await.unwrap().code(), Some(7));
    pod.pause().unwrap();
}

#[tokio::test]
async fn a_pod_that_takes_too_long_is_told_from_one_that_has_ended() {
    let pod = builder()
        .time_limit(Duration::from_millis(300))
        .start()
        .unwrap();
    pod.request::<u64>(&json!({ "echo": 1 })).await.unwrap();
    let late = pod.request::<Value>("never_answer").await;
    assert!(matches!(late, Err(PodError::Late { .. })), "{late:?}");
    pod.request::<u64>(&json!({ "echo": 1 })).await.unwrap();
}

#[tokio::test]
async fn a_paused_pod_stands_still_and_goes_on() {
    let pod = pod();
    pod.request::<u64>(&json!({ "echo": 1 })).await.unwrap();
    pod.pause().unwrap();
    let request = json!({ "echo": 2 });
    let asked = pod.request::<u64>(&request);
    tokio::pin!(asked);
    let silence = tokio::time::timeout(Duration::from_millis(200), &mut asked).await;
    assert!(silence.is_err(), "{silence:?}");
    pod.resume().unwrap();
    assert_eq!(asked.await.unwrap(), 2);
}

#[tokio::test]
async fn a_killed_pod_shows_the_signal() {
    let pod = pod();
    pod.pause().unwrap();
    assert_eq!(pod.exit_status(), None);
    assert_eq!(pod.kill().await.unwrap().signal(), Some(KILLED));
}

/// A shell that says when it listens for SIGTERM.
fn shell(at_sigterm: &str) -> Pod {
    let script = format!("trap '{at_sigterm}' TERM; echo ready; while :; do sleep 0.05; done");
    Pod::builder("sh").arg("-c").arg(script).start().unwrap()
}

#[tokio::test]
async fn a_pod_is_asked_to_stop_and_ends_in_its_own_way() {
    let mut pod = shell("exit 3");
    pod.lines().unwrap().with("ready", SOON).await.unwrap();
    assert_eq!(pod.stop(SOON).await.unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_pod_that_does_not_stop_in_time_is_killed() {
    let mut pod = shell("");
    pod.lines().unwrap().with("ready", SOON).await.unwrap();
    let status = pod.stop(Duration::from_millis(200)).await.unwrap();
    assert_eq!(status.signal(), Some(KILLED));
}

#[tokio::test]
async fn a_pod_can_leave_while_its_standard_input_is_open() {
    let pod = pod();
    let _ = pod.request::<Value>("leave").await;
    let ended = tokio::time::timeout(SOON, pod.exited()).await;
    assert!(ended.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    let error = Pod::builder("no/such/pod").start().unwrap_err().to_string();
    assert!(error.starts_with("cannot start `no/such/pod`: "), "{error}");
}

#[tokio::test]
async fn a_dropped_pod_is_gone_with_all_that_it_started() {
    let pod = pod();
    let child: u32 = pod.request("start_child").await.unwrap();
    let process = pod.process_id();
    assert!(is_alive(process) && is_alive(child));
    drop(pod);
    assert!(!is_alive(process));
    // It is nobody's child any more, so that the system reaps it when it comes to it.
    eventually(async || !is_alive(child)).await;
}

#[tokio::test]
async fn a_server_goes_when_the_test_that_started_it_is_killed() {
    let pod = pod();
    let (server, folder): (u32, PathBuf) = pod.request("start_server").await.unwrap();
    assert!(is_alive(server) && folder.exists());
    pod.kill().await.unwrap();
    eventually(async || !is_alive(server) && !folder.exists()).await;
}

#[tokio::test]
async fn a_server_that_is_never_dropped_goes_when_its_test_ends() {
    let pod = pod();
    let (server, folder): (u32, PathBuf) = pod.request("start_server").await.unwrap();
    let ended = pod.request::<Value>(&json!({ "exit": 0 })).await;
    assert!(matches!(ended, Err(PodError::Ended)), "{ended:?}");
    eventually(async || !is_alive(server) && !folder.exists()).await;
}
