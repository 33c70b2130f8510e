//! Thousands of slow connections: honest hosts go on.

use crate::testing::{World, batch, cpu};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SLOW: usize = 2_000;

#[tokio::test]
async fn slow_connections_hold_up_no_host() {
    let world = World::start().await;
    let mut honest = world.host("web1", true).await;
    let mut stolen = world.host("web2", true).await;
    let to: SocketAddr = world.url.trim_start_matches("http://").parse().unwrap();
    let envelope = stolen.next(&batch(0, 10, vec![cpu(1001, "shop", 1)]));
    let head = format!("POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", envelope.len());
    let mut slow = Vec::with_capacity(SLOW);
    for n in 0..SLOW {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let start: &[&[u8]] = match n % 4 {
            // Says nothing, or half a head, or nothing of the body, or no more than a signed header of it.
            0 => &[],
            1 => &[b"POST /v1/batches HTTP/1.1\r\nHo"],
            2 => &[head.as_bytes(), b"x"],
            _ => &[head.as_bytes(), &envelope[..envelope.len() - 1]],
        };
        for part in start {
            stream.write_all(part).await.unwrap();
        }
        slow.push(stream);
    }
    for n in 0..20 {
        let bytes = honest.next(&batch(n, n + 1, vec![cpu(1001, "shop", 1)]));
        let seq = u64::try_from(n).unwrap() + 1;
        assert_eq!(world.send_code(&bytes).await, Ok(seq), "while {SLOW} others dawdle");
    }
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 20);
    // The host whose key was stolen has as many places as any, and no more.
    let mut waiting = Vec::new();
    for mut stream in slow.into_iter().skip(3).step_by(4) {
        let mut answer = [0; 512];
        let read = stream.read(&mut answer);
        match tokio::time::timeout(std::time::Duration::from_millis(200), read).await {
            Ok(n) => {
                let answer = String::from_utf8_lossy(&answer[..n.unwrap()]).into_owned();
                assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
            }
            Err(_) => waiting.push(stream),
        }
    }
    assert_eq!(waiting.len(), crate::limits::HOST_ROOMS_MAX);
    // Once it says the rest, it is served as well.
    let mut stream = waiting.remove(0);
    stream.write_all(&envelope[envelope.len() - 1..]).await.unwrap();
    let mut answer = vec![0; 4_096];
    let n = stream.read(&mut answer).await.unwrap();
    assert!(answer[..n].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..n]));
}
