//! The import of a data set.

mod support;

use app_host::Services;
use caching_events::EventBus;
use invoice_api::{
    database::Database,
    import::{ImportError, ImportObserver, ImportReport, Phase, import},
};
use support::{
    Api, Client, HIT, MISS,
    data_set::{ROWS, file},
};
use tempfile::TempDir;

/// What an import said.
#[derive(Debug, Default)]
struct Notes {
    skipped: Vec<(u64, String)>,
    refused: Vec<String>,
}

impl ImportObserver for Notes {
    fn begin(&mut self, _: Phase, _: u64) {}
    fn progress(&mut self, _: u64) {}
    fn skipped(&mut self, line: u64, reason: &str) {
        self.skipped.push((line, reason.to_owned()));
    }
    fn refused(&mut self, tenant: &str, number: &str, _: &str) {
        self.refused.push(format!("{tenant}/{number}"));
    }
}

/// The application with a folder for files.
struct Fixture {
    api: Api,
    files: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self {
            api: Api::start().await,
            files: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn services(&self) -> &Services {
        &self.api.services
    }

    async fn import(&self, name: &str, bytes: &[u8]) -> (Result<ImportReport, ImportError>, Notes) {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let database = self.services().get::<Database>().expect("a database");
        let bus = self.services().get::<EventBus>().expect("a bus");
        let mut notes = Notes::default();
        let outcome = import(&database, &bus, &path, &mut notes).await;
        (outcome, notes)
    }
}

#[tokio::test]
async fn rows_of_one_number_become_one_invoice_wherever_they_stand() {
    let fixture = Fixture::new().await;
    let (report, notes) = fixture.import("data.csv", file(&ROWS).as_bytes()).await;
    let expected = ImportReport {
        invoices: 4,
        lines: 6,
        ..ImportReport::default()
    };
    assert_eq!(report.expect("an import"), expected);
    assert!(notes.skipped.is_empty(), "{notes:?}");

    let client = &fixture.api.client;
    client.wait_for_tenant("united-kingdom").await;
    let uk = async |number: &str| {
        let list = client
            .get("united-kingdom", &format!("/invoices?number={number}"))
            .await;
        list.body[0].clone()
    };
    let invoice = uk("536365").await;
    assert_eq!(invoice["total"], "22.08");
    assert_eq!(invoice["currency"], "GBP");
    assert_eq!(invoice["status"], "open");
    assert_eq!(invoice["customer_id"], "17850");
    assert_eq!(invoice["lines"].as_array().map(Vec::len), Some(3));
    assert_eq!(invoice["lines"][0]["description"], "HEART, WHITE ");
    assert_eq!(uk("C536379").await["status"], "cancelled");
    assert_eq!(uk("C536379").await["total"], "-27.50");
    assert_eq!(uk("A563185").await["total"], "-11062.06");
    assert!(uk("A563185").await["customer_id"].is_null());
    let eire = client.get("eire", "/invoices?number=536366").await;
    assert_eq!(eire.body[0]["total"], "3.71");
    fixture.api.stop().await;
}

#[tokio::test]
async fn what_an_import_brings_is_read_although_its_absence_was_kept() {
    let fixture = Fixture::new().await;
    let client = &fixture.api.client;
    let row = ["7,X,x,1,2010-12-01 08:26:00,1,9,Acme"];
    for path in ["/invoices?number=7", "/customers/9/summary"] {
        assert_eq!(client.get("acme", path).await.cache, MISS);
        assert_eq!(client.get("acme", path).await.cache, HIT);
    }
    let (report, _) = fixture.import("data.csv", file(&row).as_bytes()).await;
    assert_eq!(report.expect("an import").invoices, 1);
    let found = client.get("acme", "/invoices?number=7").await;
    assert_eq!(found.body[0]["number"], "7");
    let summary = client.get("acme", "/customers/9/summary").await;
    assert_eq!(summary.body["invoices"], 1);
    fixture.api.stop().await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_named_by_line_and_skipped() {
    let fixture = Fixture::new().await;
    let mut bytes = file(&[
        "1,X,good,1,2010-12-01 08:26:00,1,9,Acme",
        "1,X,\"two\nlines\",1,2010-12-01 08:26:00,1,9,Acme",
        "1,X,bad quantity,one,2010-12-01 08:26:00,1,9,Acme",
        "1,X,bad price,1,2010-12-01 08:26:00,1e3,9,Acme",
        "1,X,bad date,1,yesterday,1,9,Acme",
        "1,X,too few",
        ",X,no number,1,2010-12-01 08:26:00,1,9,Acme",
        "1,X,overflow,1000000000,2010-12-01 08:26:00,1000000000,9,Acme",
    ])
    .into_bytes();
    bytes.extend(b"1,X,\xff\xfe,1,2010-12-01 08:26:00,1,9,Acme\n");
    bytes.extend(b"1,X,good,1,2010-12-01 08:26:00,1,9,Acme\n");
    let (report, notes) = fixture.import("data.csv", &bytes).await;
    let report = report.expect("an import");
    assert_eq!((report.invoices, report.lines, report.skipped), (1, 2, 8));
    let lines: Vec<u64> = notes.skipped.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 5, 6, 7, 8, 9, 10, 11]);
    fixture.api.stop().await;
}

#[tokio::test]
async fn a_file_is_refused_when_it_was_imported_before_whatever_it_is_called() {
    let fixture = Fixture::new().await;
    let text = file(&ROWS);
    let (first, _) = fixture.import("data.csv", text.as_bytes()).await;
    let report = first.expect("an import");
    let packed = zstd::encode_all(text.as_bytes(), 3).expect("packed");
    for (name, bytes) in [("again.csv", text.as_bytes()), ("data.csv.zst", &packed)] {
        let (again, _) = fixture.import(name, bytes).await;
        assert!(
            matches!(again, Err(ImportError::Done { report: before }) if before == report),
            "{again:?}"
        );
    }
    fixture.api.stop().await;
}

#[tokio::test]
async fn a_packed_file_is_imported_like_a_plain_one() {
    let fixture = Fixture::new().await;
    let packed = zstd::encode_all(file(&ROWS).as_bytes(), 3).expect("packed");
    let (report, _) = fixture.import("data.csv.zst", &packed).await;
    assert_eq!(report.expect("an import").lines, 6);
    fixture.api.stop().await;
}

#[tokio::test]
async fn a_number_that_the_tenant_has_already_is_kept_and_reported() {
    let fixture = Fixture::new().await;
    let client = &fixture.api.client;
    let id = client.create("acme", "1", "7").await;
    let rows = [
        "1,X,x,1,2010-12-01 08:26:00,99,9,Acme",
        "2,X,x,1,2010-12-01 08:26:00,1,9,Acme",
    ];
    let (report, notes) = fixture.import("data.csv", file(&rows).as_bytes()).await;
    let report = report.expect("an import");
    assert_eq!((report.invoices, report.refused), (1, 1));
    assert_eq!(notes.refused, ["acme/1"]);
    let kept = client.get("acme", &format!("/invoices/{id}")).await;
    assert_eq!(kept.body["total"], "10.00");
    assert_eq!(kept.body["lines"].as_array().map(Vec::len), Some(1));
    fixture.api.stop().await;
}

#[tokio::test]
async fn an_invoice_of_too_many_lines_is_refused_as_a_whole() {
    let fixture = Fixture::new().await;
    let mut text = file(&["0,X,x,1,2010-12-01 08:26:00,1,9,Acme"]);
    for _ in 0..5_001 {
        text.push_str("1,X,x,1,2010-12-01 08:26:00,1,9,Acme\n");
    }
    text.push_str("2,X,x,1,2010-12-01 08:26:00,1,9,Acme\n");
    let (report, notes) = fixture.import("data.csv", text.as_bytes()).await;
    let report = report.expect("an import");
    assert_eq!((report.invoices, report.lines, report.refused), (2, 2, 1));
    assert_eq!(notes.refused, ["acme/1"]);
    fixture.api.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_data_set_or_damaged_brings_nothing() {
    let fixture = Fixture::new().await;
    let (no_columns, _) = fixture.import("a.csv", b"a,b,c\n1,2,3\n").await;
    assert!(matches!(
        no_columns,
        Err(ImportError::Header {
            column: "InvoiceNo",
            ..
        })
    ));
    let (empty, _) = fixture.import("b.csv", b"").await;
    assert!(matches!(empty, Err(ImportError::Header { .. })));

    let packed = zstd::encode_all(file(&ROWS).as_bytes(), 3).expect("packed");
    let (cut, _) = fixture.import("c.zst", &packed[..packed.len() / 2]).await;
    assert!(matches!(cut, Err(ImportError::Read { .. })), "{cut:?}");

    let mut unclosed = file(&["1,X,\"never closed,1,2010-12-01 08:26:00,1,9,Acme"]);
    for _ in 0..50_000 {
        unclosed.push_str("1,X,swallowed by the quote,1,2010-12-01 08:26:00,1,9,Acme\n");
    }
    let (swallowed, _) = fixture.import("d.csv", unclosed.as_bytes()).await;
    assert!(
        matches!(swallowed, Err(ImportError::Read { .. })),
        "{swallowed:?}"
    );

    let missing = fixture.files.path().join("nothing.csv");
    let database = fixture.services().get::<Database>().expect("a database");
    let bus = fixture.services().get::<EventBus>().expect("a bus");
    let mut notes = Notes::default();
    let absent = import(&database, &bus, &missing, &mut notes).await;
    assert!(
        matches!(absent, Err(ImportError::Read { .. })),
        "{absent:?}"
    );

    let found = fixture.api.client.get("acme", "/invoices?number=1").await;
    assert_eq!(found.body, serde_json::json!([]));
    fixture.api.stop().await;
}

trait WaitForTenant {
    async fn wait_for_tenant(&self, tenant: &str);
}

impl WaitForTenant for Client {
    /// A new tenant is known once the list of tenants is read anew.
    async fn wait_for_tenant(&self, tenant: &str) {
        let known = async {
            while self.get(tenant, "/invoices?number=x").await.status == 403 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), known)
            .await
            .expect("known within 30 s");
    }
}
