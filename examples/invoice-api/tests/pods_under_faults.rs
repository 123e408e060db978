//! Redis fails in every way under load: no request fails, nothing old is given past the bound, and all agree after.

mod support;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use caching_testkit::RedisServer;
use reqwest::Method;
use support::{
    Program,
    deployment::{Deployment, KEY, NEXT_KEY},
    load::{INVOICES, Load},
    until,
};
use tokio::time::sleep;

const A_WHILE: Duration = Duration::from_millis(1500);

/// All pods have a lease and nothing to send.
async fn recovered(pods: &[Program]) {
    for pod in pods {
        until("the cache is up again", async || {
            pod.client.health("cache").await.0 == "up"
        })
        .await;
    }
}

/// All pods have noticed that Redis is not as it was: otherwise, the test would show nothing.
async fn assert_broken(pods: &[Program]) {
    for pod in pods {
        let mut breaks = 0;
        for reason in ["epoch", "identity", "behind"] {
            let name = format!("cache_breaks_total{{reason=\"{reason}\"}}");
            breaks += pod.client.number(&name).await;
        }
        assert!(breaks > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_share_nothing_are_found_out_by_the_check_of_these_tests() {
    let deployment = Deployment::start().await;
    let alone = || {
        let mut command = deployment.command();
        command.env_remove("APP__CACHE__REDIS__URL");
        command
    };
    let pods = deployment.run([alone(), alone()]).await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE * 3).await;
    let report = load.end().await;
    assert!(
        report.failures.is_empty() && !report.outdated.is_empty(),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_killed_and_comes_back_empty_costs_no_request() {
    let mut deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE).await;
    load.outage_begins();
    deployment.redis.kill();
    sleep(A_WHILE * 2).await;
    for pod in &pods {
        let (state, detail) = pod.client.health("redis").await;
        assert_eq!(state, "degraded", "{detail}");
    }
    load.outage_ends();
    deployment.redis.restart_empty().await.expect("a server");
    recovered(&pods).await;
    sleep(A_WHILE).await;
    load.stop().await.assert_good();
    assert_broken(&pods).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_restarted_with_what_it_had_on_disk_costs_no_request() {
    let redis = RedisServer::builder()
        .append_only()
        .start()
        .await
        .expect("a server");
    let mut deployment = Deployment::with(redis).await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE).await;
    load.outage_begins();
    deployment.redis.shut_down().await.expect("it stops");
    load.outage_ends();
    deployment.redis.restart().await.expect("a server");
    recovered(&pods).await;
    sleep(A_WHILE).await;
    load.stop().await.assert_good();
    assert_broken(&pods).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_flushed_again_and_again_costs_no_request() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    for _ in 0..5 {
        sleep(Duration::from_millis(700)).await;
        deployment.redis.flush_all().await.expect("it is flushed");
    }
    sleep(A_WHILE).await;
    load.stop().await.assert_good();
    assert_broken(&pods).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_frozen_for_three_seconds_costs_no_request_and_hits_come_back() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE).await;
    let mut loads_before = Vec::new();
    for pod in &pods {
        loads_before.push(pod.client.number("cache_loads_total").await);
    }
    load.outage_begins();
    let begun = Instant::now();
    let writes_before = load.progress().2;
    deployment.redis.pause().expect("it stops");
    sleep(Duration::from_secs(3)).await;
    // At most one load a key, bound and pod, and one more after each write: no herd at the database.
    let mut loads = Vec::new();
    for (pod, before) in pods.iter().zip(loads_before) {
        loads.push(pod.client.number("cache_loads_total").await - before);
    }
    let writes = load.progress().2 - writes_before;
    // The invoices, and which tenants there are; counted a little before the freeze, hence two more.
    let bounds = begun.elapsed().as_secs() + 2;
    let most = (INVOICES as u64 + 1) * bounds + writes;
    assert!(
        loads.iter().all(|loads| *loads <= most),
        "{loads:?} loads, and not {most}"
    );
    load.outage_ends();
    deployment.redis.resume().expect("it goes on");
    let before = load.progress();
    recovered(&pods).await;
    sleep(A_WHILE).await;
    let after = load.progress();
    let (reads, hits) = (after.0 - before.0, after.1 - before.1);
    assert!(
        hits * 3 > reads,
        "{hits} hits in {reads} reads after the freeze"
    );
    load.stop().await.assert_good();
    for pod in &pods {
        assert!(
            pod.client.number("cache_lease_lapses_total").await > 0,
            "it was noticed"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_is_full_costs_no_request_and_still_invalidates() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE).await;
    let set = deployment
        .redis
        .command(["CONFIG", "SET", "maxmemory", "1"])
        .await;
    assert_eq!(set.expect("an answer").text(), Some("OK"));
    sleep(A_WHILE * 2).await;
    let before = pods[1].client.number("cache_notices_heard_total").await;
    until("invalidations go on", async || {
        pods[1].client.number("cache_notices_heard_total").await > before
    })
    .await;
    let set = deployment
        .redis
        .command(["CONFIG", "SET", "maxmemory", "0"])
        .await;
    assert_eq!(set.expect("an answer").text(), Some("OK"));
    sleep(A_WHILE).await;
    load.stop().await.assert_good();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_and_scripts_that_are_flushed_cost_no_request() {
    let deployment = Deployment::start().await;
    let pods = deployment.pods::<3>().await;
    let load = Load::on(&pods).await;
    for _ in 0..4 {
        for command in [
            &["CLIENT", "KILL", "TYPE", "normal"][..],
            &["CLIENT", "KILL", "TYPE", "pubsub"],
            &["SCRIPT", "FLUSH"],
        ] {
            deployment.redis.command(command).await.expect("an answer");
            sleep(Duration::from_millis(250)).await;
        }
    }
    recovered(&pods).await;
    load.stop().await.assert_good();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_killed_leaves_the_others_right() {
    let deployment = Deployment::start().await;
    let [one, two, mut three] = deployment.pods().await;
    let pods = [one, two];
    let load = Load::on(&pods).await;
    for round in 0..2 {
        let writing = three.client.clone();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let body = support::invoice(&format!("K-{round}-{number}"), "7", "1.00");
                let request = writing.request(Method::POST, "/invoices").json(&body);
                if request.header("x-tenant-id", "acme").send().await.is_err() {
                    return number;
                }
            }
            0
        });
        sleep(Duration::from_millis(800)).await;
        three.kill();
        assert!(task.await.expect("no panic") > 0, "it had written nothing");
        three = Program::run(deployment.command()).await;
    }
    let summaries =
        [&pods[0], &pods[1], &three].map(|pod| pod.client.get("acme", "/customers/7/summary"));
    let _ = futures::future::join_all(summaries).await;
    load.stop().await.assert_good();
    // What the killed one had written without telling is known at the latest when entries end; the
    // invoices that it told of are the same for all by now.
    let lists =
        [&pods[0], &pods[1], &three].map(|pod| pod.client.get("acme", "/invoices?number=L-1"));
    let lists = futures::future::join_all(lists).await;
    let versions: BTreeSet<String> = lists.iter().map(|list| list.body.to_string()).collect();
    assert_eq!(versions.len(), 1, "{versions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_across_three_running_pods_without_losing_a_request() {
    let deployment = Deployment::start().await;
    let settings = deployment.path("settings");
    std::fs::create_dir(&settings).expect("a folder");
    let key_file = deployment.path("key");
    std::fs::write(&key_file, KEY).expect("a file");
    let repository = std::fs::read_to_string("config/default.toml").expect("settings");
    let encryption = format!(
        "\n[cache.encryption]\nkey = {{ file = {:?} }}\nreload_interval = \"200ms\"\n",
        key_file.display().to_string()
    );
    std::fs::write(settings.join("default.toml"), repository + &encryption).expect("a file");
    let command = || {
        let mut command = deployment.plain_command();
        command.arg("--config").arg(&settings);
        command
    };
    let pods = deployment.run([command(), command(), command()]).await;
    let load = Load::on(&pods).await;
    sleep(A_WHILE).await;
    let seals = async || {
        // Behind the mark of a sealed record stand eight bytes that tell the key.
        let mut seals = BTreeSet::new();
        for key in deployment.keys().await {
            if !key.starts_with("{invoice-api}:t:acme:") {
                continue;
            }
            let bytes = deployment.bytes(&key).await;
            let at = bytes.windows(4).position(|part| part == b"\xC1XG\x01");
            seals.extend(at.map(|at| bytes[at + 4..at + 12].to_vec()));
        }
        seals
    };
    let before = seals().await;
    assert_eq!(before.len(), 1);
    // As a secret that is mounted is swapped.
    std::fs::write(deployment.path("key.new"), NEXT_KEY).expect("a file");
    std::fs::rename(deployment.path("key.new"), &key_file).expect("a file");
    for pod in &pods {
        until("the new key is used", async || {
            pod.logged("key files have changed") > 0
        })
        .await;
    }
    until("all is sealed with the new key", async || {
        let now = seals().await;
        now.len() == 1 && now.is_disjoint(&before)
    })
    .await;
    load.stop().await.assert_good();
    for pod in &pods {
        assert!(!pod.log().contains(KEY) && !pod.log().contains(NEXT_KEY));
    }
}
