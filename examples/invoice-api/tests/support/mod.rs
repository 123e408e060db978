//! The application on a free port with a database file of its own, and a client for it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses another part"
)]
#![allow(clippy::panic, reason = "a test that cannot go on ends")]

pub mod data_set;
pub mod deployment;
pub mod load;

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use app_host::{AppBuilder, ConfigFormat, Services};
use invoice_api::{app, database::QueryCounter};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

/// The application, serving in this process.
pub struct Api {
    pub client: Client,
    pub services: Services,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), app_host::RunError>>,
    _dir: TempDir,
}

impl Api {
    /// Starts with the settings of the repository and a new database file.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let builder = with_database(&dir.path().join("invoices.sqlite"));
        Self::start_with(builder, dir).await
    }

    pub async fn start_with(builder: AppBuilder, dir: TempDir) -> Self {
        let mut app = builder.build().await.expect("the application builds");
        let address = app.bind().await.expect("a free port");
        let services = app.services().clone();
        let (stop, stopped) = oneshot::channel();
        // Owned by this value; `stop` waits for it.
        let task = tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        let client = Client::at(&format!("http://{address}"));
        client.wait_until_ready().await;
        Self {
            client,
            services,
            stop: Some(stop),
            task,
            _dir: dir,
        }
    }

    /// How often a query was sent to the database.
    pub async fn queries(&self, name: &str) -> u64 {
        let text = self.client.text("/metrics").await;
        let prefix = format!("database_queries_total{{query=\"{name}\"}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .map_or(0, |count| count.parse().expect("a number"))
    }

    /// Stops, and fails where the stop was not clean.
    pub async fn stop(mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.task.await.expect("no panic").expect("a clean stop");
    }
}

/// The application with the settings of the repository, on a free port, over the file at `path`.
pub fn with_database(path: &Path) -> AppBuilder {
    let settings = json!({
        "server": {"address": "127.0.0.1:0"},
        "database": {"url": format!("sqlite://{}", path.display())},
    });
    app()
        .without_environment_variables()
        .config_dir("config")
        .config_str(ConfigFormat::Json, settings.to_string())
}

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub cache: String,
    pub location: String,
    pub media: String,
    pub body: Value,
}

impl Client {
    pub fn at(base: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: base.to_owned(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, tenant: &str, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        answer(request.header("x-tenant-id", tenant)).await
    }

    pub async fn post(&self, tenant: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).json(body);
        answer(request.header("x-tenant-id", tenant)).await
    }

    pub async fn put(&self, tenant: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::PUT, path).json(body);
        answer(request.header("x-tenant-id", tenant)).await
    }

    pub async fn delete(&self, tenant: &str, path: &str) -> Answer {
        let request = self.request(Method::DELETE, path);
        answer(request.header("x-tenant-id", tenant)).await
    }

    /// Creates an invoice of one line, and gives its id.
    pub async fn create(&self, tenant: &str, number: &str, customer: &str) -> String {
        let answer = self
            .post(tenant, "/invoices", &invoice(number, customer, "10.00"))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    pub async fn text(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await;
        answer.expect("an answer").text().await.expect("a text")
    }

    pub async fn wait_until_ready(&self) {
        let ready = async {
            loop {
                let request = self.request(Method::GET, "/health/ready");
                if request.send().await.is_ok_and(|a| a.status() == 200) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready)
            .await
            .expect("ready within 30 s");
    }

    /// What readiness says of a part: its state, and the detail where there is one.
    pub async fn health(&self, part: &str) -> (String, String) {
        let body: Value = serde_json::from_str(&self.text("/health/ready").await).expect("JSON");
        let checks = body["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == part);
        let check = check.unwrap_or_else(|| panic!("no {part} in {body}"));
        let word = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        (word("state"), word("detail"))
    }

    /// A number of `/metrics`.
    pub async fn number(&self, name: &str) -> u64 {
        let text = self.text("/metrics").await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
            .parse()
            .expect("a number")
    }
}

/// Waits until it is so, for 15 seconds at most.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(15), waiting).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// Sends a request and reads the answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.expect("an answer");
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().expect("text").to_owned())
            .unwrap_or_default()
    };
    let (cache, location, media) = (
        header("cache-status"),
        header("location"),
        header("content-type"),
    );
    let status = response.status();
    let bytes = response.bytes().await.expect("a body");
    Answer {
        status,
        cache,
        location,
        media,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

/// The body of an invoice of one line.
pub fn invoice(number: &str, customer: &str, price: &str) -> Value {
    json!({
        "number": number,
        "customer_id": customer,
        "currency": "GBP",
        "lines": [{"sku": "85123A", "description": "lamp", "quantity": 1, "unit_price": price}],
    })
}

/// The words of `Cache-Status`.
pub const MISS: &str = "invoice-api; fwd=miss; stored";
/// The words of `Cache-Status`.
pub const HIT: &str = "invoice-api; hit; detail=l1";

/// The program as a process of its own, killed when dropped.
pub struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub client: Client,
}

impl Program {
    /// Serves the database at `path` on a free port.
    pub async fn serve(path: &Path) -> Self {
        Self::run(command(path)).await
    }

    /// Runs a command that serves, and waits until it is ready.
    pub async fn run(mut command: Command) -> Self {
        let mut child = command
            .arg("serve")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let (address, lines) = tokio::task::spawn_blocking(move || {
            let address = lines
                .by_ref()
                .map_while(Result::ok)
                .inspect(|line| kept.lock().expect("no panic").push(line.clone()))
                .find_map(|line| {
                    let line: Value = serde_json::from_str(&line).ok()?;
                    let address = line["address"].as_str()?.to_owned();
                    (line["message"] == "listening").then_some(address)
                })
                .expect("a line that says where it listens");
            (address, lines)
        })
        .await
        .expect("no panic");
        // The pipe must not fill up; the thread ends with the program.
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().expect("no panic").push(line);
            }
        });
        let client = Client::at(&format!("http://{address}"));
        client.wait_until_ready().await;
        Self { child, log, client }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic").join("\n")
    }

    /// What it has warned of so far, and worse.
    pub fn warnings(&self) -> String {
        let log = self.log.lock().expect("no panic");
        let quiet = |line: &&String| !line.contains("\"level\":\"INFO\"");
        log.iter()
            .filter(quiet)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// How many lines of its log hold this.
    pub fn logged(&self, part: &str) -> usize {
        let log = self.log.lock().expect("no panic");
        log.iter().filter(|line| line.contains(part)).count()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program over the database at `path`, with no other setting from this environment.
pub fn command(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invoice-api"));
    command
        .env_clear()
        .env("APP__SERVER__ADDRESS", "127.0.0.1:0")
        .env("APP__DATABASE__URL", format!("sqlite://{}", path.display()));
    command
}

/// A database that is open, in a folder that lasts as long as it.
pub async fn database() -> (TempDir, PathBuf, invoice_api::database::Database) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("invoices.sqlite");
    let config = invoice_api::database::DatabaseConfig::at(&path);
    let database = invoice_api::database::Database::new(&config, QueryCounter::default());
    database.open().await.expect("a new database");
    (dir, path, database)
}
