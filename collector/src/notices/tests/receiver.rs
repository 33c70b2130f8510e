//! A receiver of webhooks on loopback: real HTTP, answers as told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What came in.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, v)| v.as_str()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    came: Mutex<Vec<Request>>,
    answers: Mutex<VecDeque<String>>,
}

pub(super) struct Receiver {
    pub(super) url: String,
    state: Arc<State>,
}

/// What is answered where nothing else was told.
const OK: &str = "200 OK\r\n\r\n{\"ok\":true,\"result\":{\"message_id\":7}}";

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let theirs = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A sender that was killed in the middle is no fault of the receiver.
                let _cut_off = stream.and_then(|s| serve(s, &theirs));
            }
        });
        Self { url, state }
    }

    /// Answers the next requests so: status line, headers, an empty line, a body. `drop` closes without an answer.
    pub(super) fn answers(&self, next: &[&str]) {
        self.state.answers.lock().unwrap().extend(next.iter().map(|s| (*s).to_owned()));
    }

    pub(super) fn came(&self) -> Vec<Request> {
        self.state.came.lock().unwrap().clone()
    }

    /// Takes out what came.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.state.came.lock().unwrap())
    }
}

/// Reads a line; the end of the stream is none: a sender that was killed asked for nothing.
fn whole_line(reader: &mut impl BufRead, line: &mut String) -> std::io::Result<()> {
    reader.read_line(line)?;
    if line.ends_with('\n') { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), Vec::new());
    whole_line(&mut reader, &mut line)?;
    loop {
        let mut header = String::new();
        whole_line(&mut reader, &mut header)?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    state.came.lock().unwrap().push(Request { line: line.trim_end().to_owned(), headers, body });
    let answer = state.answers.lock().unwrap().pop_front().unwrap_or_else(|| OK.to_owned());
    if answer == "drop" {
        return Ok(());
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
