//! The import as a process: told on the command line, killed in the middle, run twice at once.

mod support;

use std::{path::Path, process::Stdio};

use support::{
    Api, command,
    data_set::{ROWS, file, spread},
    with_database,
};

#[tokio::test]
async fn a_killed_import_goes_on_where_it_was_and_no_invoice_is_ever_half() {
    const INVOICES: u32 = 2_500;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (data, database) = (dir.path().join("data.csv"), dir.path().join("a.sqlite"));
    std::fs::write(&data, spread(INVOICES)).expect("a file");

    let mut kills = 0;
    let mut seen = 0;
    loop {
        let mut child = command(&database)
            .args(["import".as_ref(), data.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        // Killed as soon as the file shows that it has gone on.
        let ended = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            let now = progress(&database).await;
            if now > seen {
                seen = now + 6_000;
                break None;
            }
        };
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        kills += 1;
        assert_eq!(halves(&database).await, 0, "a half-written invoice");
    }
    assert!(kills >= 3, "killed only {kills} times");

    let api = Api::start_with(with_database(&database), dir).await;
    let mut invoices = 0;
    for customer in 0..7 {
        let path = format!("/customers/{customer}/summary");
        let summary = api.client.get("acme", &path).await.body;
        invoices += summary["invoices"].as_u64().expect("a count");
    }
    assert_eq!(invoices, u64::from(INVOICES));
    let first = api.client.get("acme", "/invoices?number=0").await;
    assert_eq!(first.body[0]["total"], "56.25");
    api.stop().await;
}

/// A number that grows as the import goes on.
async fn progress(database: &Path) -> i64 {
    query(
        database,
        "SELECT coalesce(sum(records + lines), 0) FROM import",
    )
    .await
}

/// Invoices with another number of lines than they have in the file.
async fn halves(database: &Path) -> i64 {
    query(
        database,
        "SELECT count(*) FROM invoice
         WHERE (SELECT count(*) FROM invoice_line WHERE invoice = seq) <> 10",
    )
    .await
}

/// Asks the file behind the program's back; 0 while there is no table yet.
async fn query(database: &Path, sql: &'static str) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(database)
        .read_only(true);
    let Ok(mut connection) = sqlx::ConnectOptions::connect(&options).await else {
        return 0;
    };
    sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap_or(0)
}

#[tokio::test]
async fn the_command_line_imports_and_refuses_the_second_time_with_a_reason() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (data, database) = (dir.path().join("data.csv"), dir.path().join("a.sqlite"));
    std::fs::write(&data, file(&ROWS)).expect("a file");
    let run = || {
        command(&database)
            .args(["import".as_ref(), data.as_os_str()])
            .output()
            .expect("the program runs")
    };
    let first = run();
    assert!(first.status.success());
    let said = String::from_utf8_lossy(&first.stdout);
    assert!(said.contains("4 invoices with 6 lines"), "{said}");

    let second = run();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        said.contains("imported already (4 invoices, 6 lines)"),
        "{said}"
    );
}

#[tokio::test]
async fn two_imports_of_one_file_at_the_same_time_bring_each_invoice_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (data, database) = (dir.path().join("data.csv"), dir.path().join("a.sqlite"));
    std::fs::write(&data, spread(2_000)).expect("a file");
    let start = || {
        command(&database)
            .args(["import".as_ref(), data.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let (one, two) = (start(), start());
    let outputs = [one, two].map(|child| child.wait_with_output().expect("it ends"));
    assert!(outputs.iter().any(|output| output.status.success()));
    for output in outputs.iter().filter(|output| !output.status.success()) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("another process is importing") || said.contains("imported already"),
            "{said}"
        );
    }
    assert_eq!(
        query(&database, "SELECT count(*) FROM invoice").await,
        2_000
    );
    assert_eq!(halves(&database).await, 0);
}
