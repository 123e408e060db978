//! A real process on a real socket is told to stop by real signals.
//!
//! The test runs itself as the child process; which program that is says an environment variable.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

#[cfg(unix)]
mod support;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> Result<(), app_host::RunError> {
    if let Ok(program) = std::env::var(unix::PROGRAM) {
        return unix::child(&program);
    }
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let tests: [(&str, fn()); 5] = [
        (
            "sigterm_lets_a_running_request_end_and_stops_the_modules",
            unix::sigterm_lets_a_running_request_end_and_stops_the_modules,
        ),
        (
            "sigint_during_the_start_undoes_it",
            unix::sigint_during_the_start_undoes_it,
        ),
        (
            "a_second_signal_cuts_the_stop_short_and_the_program_fails",
            unix::a_second_signal_cuts_the_stop_short_and_the_program_fails,
        ),
        (
            "a_port_in_use_ends_the_program_with_a_clear_message",
            unix::a_port_in_use_ends_the_program_with_a_clear_message,
        ),
        (
            "without_a_subscriber_the_table_of_modules_goes_to_standard_error",
            unix::without_a_subscriber_the_table_of_modules_goes_to_standard_error,
        ),
    ];
    for (name, test) in tests {
        if wanted
            .as_ref()
            .is_none_or(|wanted| name.contains(wanted.as_str()))
        {
            test();
            println!("test {name} ... ok");
        }
    }
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::future::pending;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use app_host::{ConfigFormat, RunError};
    use axum::Router;
    use axum::routing::get;
    use tokio::sync::Notify;

    use crate::support::{A, B, app, module};

    pub(crate) const PROGRAM: &str = "APP_HOST_TEST_PROGRAM";
    const ADDRESS: &str = "APP_HOST_TEST_ADDRESS";

    fn say(line: impl std::fmt::Display) {
        println!("{line}");
    }

    /// The program: says on standard output what it does.
    #[tokio::main(flavor = "current_thread")]
    pub(crate) async fn child(program: &str) -> Result<(), RunError> {
        let address = std::env::var(ADDRESS).unwrap_or_else(|_| "127.0.0.1:0".into());
        let (hangs_at_start, hangs_at_stop) =
            (program == "hangs at start", program == "hangs at stop");
        let gate = Arc::new(Notify::new());
        let opened = Arc::clone(&gate);
        // A line on standard input opens the gate of the slow route; the thread ends with the process.
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_line(&mut String::new());
            opened.notify_one();
        });
        let mut app = app()
            .name("child")
            .config_str(ConfigFormat::Toml, format!("server.address = '{address}'"))
            .with_module(module::<A>("database").stop(|_| async {
                say("database stops");
                Ok(())
            }))
            .with_module(
                module::<B>("web")
                    .configure(move |cx| {
                        let at_gate = Arc::clone(&gate);
                        cx.routes(|_| {
                            let slow = get(move || async move {
                                say("request is inside");
                                at_gate.notified().await;
                                "done"
                            });
                            let fast = get(async || "done");
                            Ok(Router::new().route("/slow", slow).route("/fast", fast))
                        });
                        Ok(())
                    })
                    .start(move |_| async move {
                        say("web starts");
                        if hangs_at_start {
                            pending::<()>().await;
                        }
                        Ok(())
                    })
                    .stop(move |_| async move {
                        say("web stops");
                        if hangs_at_stop {
                            pending::<()>().await;
                        }
                        Ok(())
                    }),
            )
            .build()
            .await
            .unwrap();
        say(app.bind().await?);
        app.run().await
    }

    /// A running child.
    struct Running {
        child: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
    }

    impl Running {
        fn begin(program: &str) -> Self {
            let mut child = command(program).spawn().unwrap();
            let output = BufReader::new(child.stdout.take().unwrap());
            let input = child.stdin.take().unwrap();
            Self {
                child,
                input,
                output,
            }
        }

        fn line(&mut self) -> String {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }

        fn kill(&self, signal: &str) {
            let pid = self.child.id().to_string();
            assert!(
                Command::new("kill")
                    .args([signal, &pid])
                    .status()
                    .unwrap()
                    .success()
            );
        }

        /// Waits for the end; exit code, the rest of standard output, standard error.
        fn end(mut self) -> (Option<i32>, String, String) {
            let (mut output, mut errors) = (String::new(), String::new());
            self.output.read_to_string(&mut output).unwrap();
            self.child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut errors)
                .unwrap();
            (self.child.wait().unwrap().code(), output, errors)
        }
    }

    fn command(program: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env(PROGRAM, program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn send(address: SocketAddr, path: &str) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )?;
        Ok(stream)
    }

    fn answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn until(address: SocketAddr, path: &str, status: &str) {
        let began = Instant::now();
        while !answer(send(address, path).unwrap()).starts_with(status) {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{path} never answers {status}"
            );
        }
    }

    pub(crate) fn sigterm_lets_a_running_request_end_and_stops_the_modules() {
        let mut running = Running::begin("well-behaved");
        let address: SocketAddr = running.line().parse().unwrap();
        assert_eq!(running.line(), "web starts");
        until(address, "/health/ready", "HTTP/1.1 200 ");
        let slow = send(address, "/slow").unwrap();
        assert_eq!(running.line(), "request is inside");

        running.kill("-TERM");
        until(address, "/health/ready", "HTTP/1.1 503 ");
        until(address, "/fast", "HTTP/1.1 503 ");
        running.input.write_all(b"open\n").unwrap();
        let slow = answer(slow);
        assert!(
            slow.starts_with("HTTP/1.1 200 ") && slow.ends_with("done"),
            "{slow}"
        );
        let (code, output, errors) = running.end();
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(output, "web stops\ndatabase stops\n");
    }

    pub(crate) fn sigint_during_the_start_undoes_it() {
        let mut running = Running::begin("hangs at start");
        running.line();
        assert_eq!(running.line(), "web starts");
        running.kill("-INT");
        let (code, output, errors) = running.end();
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(output, "database stops\n");
    }

    pub(crate) fn a_second_signal_cuts_the_stop_short_and_the_program_fails() {
        let mut running = Running::begin("hangs at stop");
        let address: SocketAddr = running.line().parse().unwrap();
        assert_eq!(running.line(), "web starts");
        until(address, "/health/ready", "HTTP/1.1 200 ");
        running.kill("-TERM");
        assert_eq!(running.line(), "web stops");
        let began = Instant::now();
        running.kill("-TERM");
        let (code, output, errors) = running.end();
        // Without it the module would be waited for until the deadline of 30 s.
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(code, Some(1));
        assert_eq!(output, "database stops\n");
        assert!(errors.contains("`web` was abandoned after"), "{errors}");
    }

    pub(crate) fn a_port_in_use_ends_the_program_with_a_clear_message() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = holder.local_addr().unwrap().to_string();
        let output = command("well-behaved")
            .env(ADDRESS, &address)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains(&format!("cannot listen on `{address}`")),
            "{errors}"
        );
        assert!(errors.contains("server.address"), "{errors}");
        assert!(errors.contains("Address already in use"), "{errors}");
    }

    pub(crate) fn without_a_subscriber_the_table_of_modules_goes_to_standard_error() {
        let mut running = Running::begin("well-behaved");
        running.line();
        assert_eq!(running.line(), "web starts");
        running.kill("-TERM");
        let (_, _, errors) = running.end();
        assert!(errors.contains("child (production), "), "{errors}");
        assert!(errors.contains("database  enabled"), "{errors}");
    }
}
