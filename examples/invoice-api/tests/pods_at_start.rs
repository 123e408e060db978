//! What is there when a pod starts, and what it does without: no Redis, a wrong one, no key.

mod support;

use std::process::{Command, Stdio};

use caching_testkit::RedisServer;
use support::{
    HIT, Program, command,
    deployment::{Deployment, KEY},
    until,
};

/// Runs a command that is refused, and gives what it says.
fn refused(mut command: Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(!said.contains(KEY), "{said}");
    said
}

/// It serves, each request from the database or from what it keeps itself.
async fn serves(pod: &Program) {
    let client = &pod.client;
    let id = client
        .create("acme", &format!("S-{}", uuid::Uuid::now_v7()), "7")
        .await;
    let path = format!("/invoices/{id}");
    for paid in ["open", "paid"] {
        for _ in 0..3 {
            let answer = client.get("acme", &path).await;
            assert_eq!(answer.body["status"], paid, "{answer:?}");
        }
        if paid == "open" {
            let paid = client
                .post("acme", &format!("{path}/pay"), &serde_json::Value::Null)
                .await;
            assert_eq!(paid.status, 200, "{paid:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_it_runs_on_one_level_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let pod = Program::serve(&dir.path().join("invoices.sqlite")).await;
    serves(&pod).await;
    assert!(
        pod.log().contains("`cache.redis.url` is not set"),
        "{}",
        pod.log()
    );
    // In production it is ready, and says that it is right as long as it is alone.
    let (state, detail) = pod.client.health("cache").await;
    assert_eq!(state, "degraded");
    assert!(detail.contains("right on one process only"), "{detail}");

    let mut command = command(&dir.path().join("development.sqlite"));
    command
        .env("APP_ENVIRONMENT", "development")
        .env("RUST_LOG", "info");
    // Its log is for people: not one JSON document a line.
    command.env("APP__SERVER__ADDRESS", "127.0.0.1:0");
    let said = said_within_start(command);
    assert!(said.contains("cache.redis.url"), "{said}");
}

/// What a process says until its application has started; for logs that are for people.
fn said_within_start(mut command: Command) -> String {
    use std::io::{BufRead, BufReader};
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut said = String::new();
    for line in lines.map_while(Result::ok) {
        said.push_str(&line);
        said.push('\n');
        if line.contains("the application has started") {
            break;
        }
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_refuses_redis_without_a_key_and_development_warns() {
    let deployment = Deployment::start().await;
    let said = refused(deployment.plain_command());
    for words in [
        "unencrypted",
        "cache.encryption.key",
        "cache.encryption.allow_plaintext",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    // One cause is one error: not also what is missing because the cache is.
    assert!(
        said.contains("the application cannot be built (1 error):"),
        "{said}"
    );
    assert!(!said.contains("nothing knows which tenants"), "{said}");
    assert_eq!(deployment.keys().await, [] as [String; 0]);

    let mut development = deployment.plain_command();
    development.env("APP_ENVIRONMENT", "development");
    let said = said_within_start(development);
    assert!(
        said.contains("VALUES LEAVE THIS PROCESS UNENCRYPTED"),
        "{said}"
    );

    let mut without_key = deployment.plain_command();
    without_key.env("APP__CACHE__ENCRYPTION__ENABLED", "true");
    let said = refused(without_key);
    assert!(said.contains("there is no key"), "{said}");

    let mut required = command(&deployment.path("other.sqlite"));
    required.env("APP__CACHE__REDIS__REQUIRED", "true");
    let said = refused(required);
    assert!(said.contains("`cache.redis` names no server"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_down_at_the_start_degrades_it_until_redis_is_there() {
    let mut deployment = Deployment::start().await;
    deployment.redis.kill();
    let pods = deployment.pods::<2>().await;
    for pod in &pods {
        serves(pod).await;
        until("it is degraded", async || {
            pod.client.health("redis").await.0 == "degraded"
        })
        .await;
        let (_, detail) = pod.client.health("redis").await;
        assert!(
            !detail.contains("127.0.0.1"),
            "hosts are not for everybody: {detail}"
        );
    }
    deployment.redis.restart_empty().await.expect("a server");
    for pod in &pods {
        until("it has recovered by itself", async || {
            pod.client.health("redis").await.0 == "up" && pod.client.health("cache").await.0 == "up"
        })
        .await;
        serves(pod).await;
    }
    let id = pods[0].client.create("acme", "A-1", "7").await;
    let path = format!("/invoices/{id}");
    pods[0].client.get("acme", &path).await;
    until("they share again", async || {
        pods[1].client.number("cache_l2_hits_total").await > 0
            || pods[1].client.get("acme", &path).await.cache.contains("l2")
    })
    .await;
}

/// A pod that can use Redis for nothing serves, is degraded, says why once, and shares nothing.
async fn degraded_because(pod: &Program, why: &str) {
    serves(pod).await;
    until("it says so", async || {
        pod.logged("Redis cannot be used") > 0
    })
    .await;
    assert!(pod.warnings().contains(why), "{}", pod.warnings());
    assert_eq!(pod.client.health("redis").await.0, "degraded");
    assert_eq!(pod.client.health("cache").await.0, "degraded");
    for _ in 0..20 {
        serves(pod).await;
    }
    // Once a state, and not once a call: of a hundred and more.
    assert_eq!(pod.logged("Redis cannot be used"), 1, "{}", pod.warnings());
    assert!(pod.warnings().lines().count() < 10, "{}", pod.warnings());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_degrades_it_and_is_told_once_without_the_password() {
    let redis = RedisServer::builder()
        .password("right")
        .start()
        .await
        .expect("a server");
    let deployment = Deployment::with(redis).await;
    let mut command = deployment.command();
    let url = deployment.redis.url().replace("right", "wrong-and-secret");
    assert!(url.contains("wrong-and-secret"), "{url}");
    command.env("APP__CACHE__REDIS__URL", url);
    let pod = Program::run(command).await;
    degraded_because(&pod, "invalid username-password pair").await;
    assert!(!pod.log().contains("wrong-and-secret"));

    let pod = Program::run(deployment.command()).await;
    assert_eq!(
        pod.client.health("redis").await.0,
        "up",
        "the right one is accepted"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_only_reads_is_refused() {
    let primary = RedisServer::start().await.expect("a server");
    let replica = RedisServer::builder()
        .replica_of(&primary)
        .start()
        .await
        .expect("a server");
    let deployment = Deployment::with(replica).await;
    let pod = Program::run(deployment.command()).await;
    degraded_because(&pod, "is a replica").await;
    // Promoted, it is used.
    let promoted = deployment.redis.command(["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(promoted.expect("an answer").text(), Some("OK"));
    until("it is used", async || {
        pod.client.health("redis").await.0 == "up"
    })
    .await;
    serves(&pod).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_applications_on_one_prefix_are_kept_apart() {
    let deployment = Deployment::start().await;
    let [pod] = deployment.pods().await;
    let id = pod.client.create("acme", "A-1", "7").await;
    let path = format!("/invoices/{id}");
    pod.client.get("acme", &path).await;
    let mut other = deployment.command();
    other.env("APP__CACHE__REDIS__APPLICATION", "billing");
    let other = Program::run(other).await;
    degraded_because(&other, "another deployment").await;
    assert_eq!(
        other.client.get("acme", &path).await.body["number"],
        "A-1",
        "from the database"
    );
    assert_eq!(other.client.number("cache_l2_hits_total").await, 0);
    assert_eq!(
        pod.client.get("acme", &path).await.cache,
        HIT,
        "the first one is left alone"
    );
    assert_eq!(pod.client.health("redis").await.0, "up");

    // With a prefix of its own, it is welcome.
    let mut other = deployment.command();
    other
        .env("APP__CACHE__REDIS__APPLICATION", "billing")
        .env("APP__CACHE__KEY_PREFIX", "billing");
    let other = Program::run(other).await;
    serves(&other).await;
    assert_eq!(other.client.health("redis").await.0, "up");
}
