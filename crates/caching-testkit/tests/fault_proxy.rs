//! What a proxy does to connections, seen from both of their ends.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use caching_testkit::{Fault, FaultProxy};
use support::{SOON, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Long enough for bytes on the loopback interface to arrive, if they do.
const A_WHILE: Duration = Duration::from_millis(100);

struct Bench {
    listener: TcpListener,
    proxy: FaultProxy,
}

impl Bench {
    async fn new() -> Self {
        Self::seeded(0).await
    }

    async fn seeded(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let proxy = FaultProxy::start_seeded(upstream, seed).await.unwrap();
        Self { listener, proxy }
    }

    /// Both ends of a new connection.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.address()).await.unwrap();
        let (server, _) = self.listener.accept().await.unwrap();
        (client, server)
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn receives(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    let read = timeout(SOON, stream.read_exact(&mut bytes)).await;
    read.expect("bytes that arrive").unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

async fn hears_nothing(stream: &mut TcpStream) {
    let heard = timeout(A_WHILE, stream.read(&mut [0; 1])).await;
    assert!(heard.is_err(), "{heard:?}");
}

async fn is_reset(stream: &mut TcpStream) {
    let read = timeout(SOON, stream.read(&mut [0; 1])).await;
    let error = read.expect("the end of the connection").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

async fn is_finished(stream: &mut TcpStream) {
    let read = timeout(SOON, stream.read(&mut [0; 1])).await;
    assert_eq!(read.expect("the end of the stream").unwrap(), 0);
}

#[tokio::test]
async fn without_a_fault_bytes_and_ends_pass_both_ways_and_are_counted() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    send(&mut client, "ping").await;
    receives(&mut server, "ping").await;
    client.shutdown().await.unwrap();
    is_finished(&mut server).await;
    // Half closed: the other direction still works.
    send(&mut server, "pong!").await;
    receives(&mut client, "pong!").await;
    drop(server);
    is_finished(&mut client).await;

    eventually(async || bench.proxy.connections().is_empty()).await;
    let counters = bench.proxy.counters();
    assert_eq!((counters.accepted, counters.reset), (1, 0));
    assert_eq!((counters.to_server, counters.to_client), (4, 5));
}

#[tokio::test]
async fn megabytes_arrive_as_they_were_sent() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    let sent: Vec<u8> = (0..=250).cycle().take(10 << 20).collect();
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        client
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert!(received == expected);
    sending.await.unwrap();
}

#[tokio::test]
async fn a_cut_resets_what_is_there_and_what_comes_until_it_is_healed() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    send(&mut client, "ping").await;
    receives(&mut server, "ping").await;
    bench.proxy.cut();
    is_reset(&mut client).await;
    is_reset(&mut server).await;
    let mut late = TcpStream::connect(bench.proxy.address()).await.unwrap();
    is_reset(&mut late).await;
    let counters = bench.proxy.counters();
    assert_eq!(
        (counters.accepted, counters.refused, counters.reset),
        (1, 1, 1)
    );

    bench.proxy.heal();
    let (mut client, mut server) = bench.connect().await;
    send(&mut client, "again").await;
    receives(&mut server, "again").await;
}

#[tokio::test]
async fn one_connection_can_be_killed_among_several() {
    let bench = Bench::new().await;
    let (mut one, _one) = bench.connect().await;
    let (mut two, mut two_server) = bench.connect().await;
    let connections = bench.proxy.connections();
    let clients: Vec<_> = connections.iter().map(|each| each.client()).collect();
    assert_eq!(
        clients,
        [one.local_addr().unwrap(), two.local_addr().unwrap()]
    );

    connections[0].kill();
    is_reset(&mut one).await;
    send(&mut two, "still here").await;
    receives(&mut two_server, "still here").await;
    let left = bench.proxy.connections();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].number(), left[0].to_server()), (2, 10));
}

#[tokio::test]
async fn each_direction_has_its_own_fault() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set_to_client(Fault::Hold);
    send(&mut client, "ping").await;
    receives(&mut server, "ping").await;
    send(&mut server, "pong").await;
    hears_nothing(&mut client).await;
}

#[tokio::test]
async fn what_was_held_arrives_in_order_when_the_fault_is_lifted() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set(Fault::Hold);
    for word in ["one ", "two ", "three"] {
        send(&mut client, word).await;
    }
    client.shutdown().await.unwrap();
    hears_nothing(&mut server).await;
    bench.proxy.heal();
    receives(&mut server, "one two three").await;
    is_finished(&mut server).await;
}

#[tokio::test]
async fn a_connection_that_lost_bytes_never_delivers_what_came_after_them() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set_to_server(Fault::Blackhole);
    send(&mut client, "lost").await;
    eventually(async || bench.proxy.counters().swallowed == 4).await;

    bench.proxy.heal();
    send(&mut client, "after").await;
    hears_nothing(&mut server).await;
    assert_eq!(bench.proxy.counters().swallowed, 9);
    // The other direction has lost nothing.
    send(&mut server, "pong").await;
    receives(&mut client, "pong").await;

    client.shutdown().await.unwrap();
    is_reset(&mut server).await;
}

#[tokio::test]
async fn a_blackhole_tells_nobody_that_the_other_side_has_gone() {
    let bench = Bench::new().await;
    let (mut client, server) = bench.connect().await;
    bench.proxy.set_to_client(Fault::Blackhole);
    drop(server);
    hears_nothing(&mut client).await;
    // And new connections are accepted, even where nobody listens any more.
    drop(bench.listener);
    let mut late = TcpStream::connect(bench.proxy.address()).await.unwrap();
    hears_nothing(&mut late).await;
    bench.proxy.heal();
    is_reset(&mut late).await;
    // Nothing was swallowed here, so that the end arrives as it was.
    is_finished(&mut client).await;
}

#[tokio::test]
async fn a_connection_from_which_nothing_was_lost_is_fine_after_a_blackhole() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set(Fault::Blackhole);
    hears_nothing(&mut server).await;
    bench.proxy.heal();
    send(&mut client, "ping").await;
    receives(&mut server, "ping").await;
}

#[tokio::test]
async fn delayed_bytes_arrive_in_order_and_not_before_their_time() {
    let bench = Bench::seeded(7).await;
    let (mut client, mut server) = bench.connect().await;
    let latency = Duration::from_millis(80);
    bench.proxy.set_to_server(Fault::Delay {
        latency,
        jitter: Duration::from_millis(40),
    });
    let began = Instant::now();
    for word in ["one ", "two ", "three"] {
        send(&mut client, word).await;
        tokio::task::yield_now().await;
    }
    receives(&mut server, "one two three").await;
    let took = began.elapsed();
    // Not three times as late either: the pieces travel together.
    assert!(took >= latency && took < 3 * latency, "{took:?}");
    // The other direction is not delayed.
    let began = Instant::now();
    send(&mut server, "pong").await;
    receives(&mut client, "pong").await;
    assert!(began.elapsed() < latency);
}

#[tokio::test]
async fn a_lifted_delay_lets_everything_arrive_at_once() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set(Fault::delay(Duration::from_secs(3600)));
    send(&mut client, "ping").await;
    hears_nothing(&mut server).await;
    bench.proxy.heal();
    receives(&mut server, "ping").await;
}

#[tokio::test]
async fn a_slow_connection_passes_bytes_at_its_rate() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set_to_server(Fault::Slow {
        bytes_per_second: 10_000,
    });
    let began = Instant::now();
    client.write_all(&[1; 3000]).await.unwrap();
    let mut received = [0; 3000];
    server.read_exact(&mut received).await.unwrap();
    let took = began.elapsed();
    // The last portion of 200 does not wait for what would come after it.
    assert!(took >= Duration::from_millis(280), "{took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_connection_is_closed_after_so_many_bytes() {
    let bench = Bench::new().await;
    let (mut before, mut before_server) = bench.connect().await;
    send(&mut before_server, "these do not count").await;
    receives(&mut before, "these do not count").await;
    bench.proxy.set_to_client(Fault::CutAfter { bytes: 5 });
    let (mut after, mut after_server) = bench.connect().await;

    for (client, server) in [
        (&mut before, &mut before_server),
        (&mut after, &mut after_server),
    ] {
        send(client, "this way everything passes").await;
        receives(server, "this way everything passes").await;
        send(server, "$100\r\nabc").await;
        let mut received = Vec::new();
        let read = timeout(SOON, client.read_to_end(&mut received)).await;
        assert!(read.is_ok(), "the connection was not closed");
        assert_eq!(received, b"$100\r");
    }
    eventually(async || bench.proxy.connections().is_empty()).await;
}

#[tokio::test]
async fn new_connections_go_to_the_new_upstream_and_old_ones_stay() {
    let bench = Bench::new().await;
    let (mut old, mut old_server) = bench.connect().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.proxy.set_upstream(other.local_addr().unwrap());
    let mut new = TcpStream::connect(bench.proxy.address()).await.unwrap();
    let (mut new_server, _) = other.accept().await.unwrap();
    send(&mut new, "new").await;
    receives(&mut new_server, "new").await;
    send(&mut old, "old").await;
    receives(&mut old_server, "old").await;
}

#[tokio::test]
async fn a_server_that_is_down_resets_the_client() {
    let bench = Bench::new().await;
    let proxy = bench.proxy;
    drop(bench.listener);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    is_reset(&mut client).await;
}

#[tokio::test]
async fn everything_ends_when_the_proxy_is_dropped() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    bench.proxy.set(Fault::Hold);
    let address = bench.proxy.address();
    drop(bench.proxy);
    for stream in [&mut client, &mut server] {
        let ended = timeout(SOON, stream.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
    eventually(async || support::refuses(address).await).await;
}

#[tokio::test]
async fn jitter_comes_again_with_its_seed() {
    let mut arrivals = Vec::new();
    for seed in [1, 1, 2] {
        let bench = Bench::seeded(seed).await;
        let (mut client, mut server) = bench.connect().await;
        bench.proxy.set_to_server(Fault::Delay {
            latency: Duration::ZERO,
            jitter: Duration::from_secs(1000),
        });
        // The connection has to have seen the fault, and real sockets need real time for that.
        send(&mut client, "x").await;
        hears_nothing(&mut server).await;
        tokio::time::pause();
        let began = Instant::now();
        server.read_exact(&mut [0; 1]).await.unwrap();
        arrivals.push(began.elapsed().as_secs());
        tokio::time::resume();
    }
    assert_eq!(arrivals[0], arrivals[1]);
    assert_ne!(arrivals[0], arrivals[2]);
}
