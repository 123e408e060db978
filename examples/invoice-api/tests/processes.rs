//! Several processes, and processes that die.

mod support;

use std::{
    collections::HashMap,
    net::TcpListener,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures::future::join_all;
use serde_json::{Value, json};
use support::{Client, Program, command, invoice};

/// The body of an invoice of fifty lines.
fn long(number: &str) -> Value {
    let mut body = invoice(number, "7", "1.01");
    body["lines"] = Value::Array(vec![body["lines"][0].clone(); 50]);
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_invoice_is_lost_and_none_is_half_when_the_process_is_killed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("invoices.sqlite");
    let mut acknowledged: HashMap<String, String> = HashMap::new();
    let mut attempted = Vec::new();

    for round in 0..3 {
        let mut program = Program::serve(&path).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU64::new(0));
        let writers = (0..4).map(|writer| {
            let (client, is_over, count) = (program.client.clone(), is_over.clone(), count.clone());
            tokio::spawn(async move {
                let mut tried = Vec::new();
                let mut done = Vec::new();
                for n in 0.. {
                    // Relaxed: a flag that only ends the loop.
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let number = format!("R{round}-W{writer}-{n}");
                    tried.push(number.clone());
                    let Some(id) = create(&client, &number).await else {
                        break;
                    };
                    done.push((number, id));
                    count.fetch_add(1, Ordering::Relaxed);
                }
                (tried, done)
            })
        });
        let writers: Vec<_> = writers.collect();
        // In the middle of writes: fifty are acknowledged and more are under way.
        while count.load(Ordering::Relaxed) < 50 {
            tokio::task::yield_now().await;
        }
        program.kill();
        is_over.store(true, Ordering::Relaxed);
        for writer in join_all(writers).await {
            let (tried, done) = writer.expect("a writer");
            attempted.extend(tried);
            acknowledged.extend(done);
        }
    }

    let program = Program::serve(&path).await;
    assert!(acknowledged.len() >= 150);
    for number in &attempted {
        let found = program
            .client
            .get("acme", &format!("/invoices?number={number}"))
            .await;
        match acknowledged.get(number) {
            Some(id) => assert_eq!(found.body[0]["id"], **id, "{number} is lost"),
            None if found.body == json!([]) => continue,
            None => {}
        }
        assert_eq!(found.body[0]["lines"].as_array().map(Vec::len), Some(50));
        assert_eq!(found.body[0]["total"], "50.50");
    }
}

/// The id of a new invoice, unless the process has died.
async fn create(client: &Client, number: &str) -> Option<String> {
    let response = client
        .request(reqwest::Method::POST, "/invoices")
        .header("x-tenant-id", "acme")
        .json(&long(number))
        .send()
        .await
        .ok()?;
    let invoice: Value = response.json().await.ok()?;
    Some(invoice["id"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_and_write_together_share_one_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("invoices.sqlite");
    let (one, two) = tokio::join!(Program::serve(&path), Program::serve(&path));
    let write = async |program: &Program, name: &str| {
        join_all((0..100).map(|n| {
            let (client, number) = (program.client.clone(), format!("{name}-{n}"));
            async move { client.create("acme", &number, "7").await }
        }))
        .await
        .len()
    };
    let written = tokio::join!(write(&one, "one"), write(&two, "two"));
    assert_eq!(written, (100, 100));
    for program in [&one, &two] {
        let summary = program.client.get("acme", "/customers/9/summary").await;
        assert_eq!(summary.status, 200);
    }
    let list = two.client.get("acme", "/invoices?number=one-99").await;
    assert_eq!(list.body[0]["number"], "one-99");
}

fn fails(mut command: std::process::Command) -> String {
    let output: Output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut serve = command(&dir.path().join("a.sqlite"));
    serve.env("APP__SERVER__ADDRESS", &address);
    let said = fails(serve);
    assert!(said.contains(&address), "{said}");
}

#[test]
fn a_database_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let text = dir.path().join("text.sqlite");
    std::fs::write(
        &text,
        "this is no database, however long it may be".repeat(100),
    )
    .expect("a file");
    for path in [
        text.as_path(),
        dir.path(),
        &dir.path().join("no/such/folder/a.sqlite"),
    ] {
        let said = fails(command(path));
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(said.contains("cannot be opened"), "{said}");
    }
}

#[test]
fn typing_errors_in_the_settings_are_all_named_with_file_and_place() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("default.toml");
    let settings = "
        [server]
        adress = \"127.0.0.1:0\"
        [database]
        url = \"postgres://x\"
        read_connections = 0
        busy_timeout = 5
        [cache.profiles.invoce]
        duration = \"5m\"
        [databse]
        seeded = true
    ";
    std::fs::write(&file, settings).expect("a file");
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_invoice-api"));
    serve.env_clear().arg("--config").arg(dir.path());
    let said = fails(serve);
    for word in [
        "adress",
        "database.url",
        "database.read_connections",
        "database.busy_timeout",
        "invoce",
        "databse",
        "default.toml",
    ] {
        assert!(said.contains(word), "{word} is not in:\n{said}");
    }
}
