//! A load on the network with a known size: one end serves, the other sends, as the uid it was started under.
//!
//! `traffic serve tcp 10.0.0.1:7000 --bytes 1000` answers one sender with so many bytes; `traffic send tcp …` sends its
//! own first. Both end when the other end has all. A datagram holds [`DATAGRAM`] bytes.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Fits into a frame with every header.
const DATAGRAM: usize = 1_400;
/// Datagrams sent in one go, few enough for the other end's buffer.
const BURST: usize = 16;
/// What ends a row of datagrams.
const END: &[u8] = b"end";
/// Tries to tell the end.
const ENDS: u32 = 50;

#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    Serve,
    Send,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Protocol {
    Tcp,
    Udp,
}

#[derive(Parser)]
struct Args {
    role: Role,
    protocol: Protocol,
    address: SocketAddr,
    /// Bytes of data that this end sends.
    #[arg(long)]
    bytes: usize,
}

fn ready() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}

fn write_all(stream: &mut TcpStream, mut bytes: usize) -> Result<()> {
    let block = [b'x'; 16 * 1024];
    while bytes > 0 {
        let part = bytes.min(block.len());
        stream.write_all(&block[..part])?;
        bytes -= part;
    }
    Ok(stream.shutdown(Shutdown::Write)?)
}

fn read_all(stream: &mut TcpStream) -> Result<()> {
    let mut block = [0; 16 * 1024];
    while stream.read(&mut block)? > 0 {}
    Ok(())
}

fn tcp(args: &Args) -> Result<()> {
    match args.role {
        Role::Serve => {
            let listener = TcpListener::bind(args.address)?;
            ready()?;
            let (mut stream, _) = listener.accept()?;
            read_all(&mut stream)?;
            write_all(&mut stream, args.bytes)
        }
        Role::Send => {
            let mut stream = TcpStream::connect(args.address)?;
            write_all(&mut stream, args.bytes)?;
            read_all(&mut stream)
        }
    }
}

fn send_row(socket: &UdpSocket, to: SocketAddr, bytes: usize) -> Result<()> {
    for n in 0..bytes / DATAGRAM {
        socket.send_to(&[b'x'; DATAGRAM], to)?;
        if n % BURST == BURST - 1 {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// Until the row ends; gives who sent it.
fn read_row(socket: &UdpSocket) -> Result<SocketAddr> {
    let mut block = [0; DATAGRAM];
    loop {
        let (size, from) = socket.recv_from(&mut block)?;
        if block.get(..size) == Some(END) {
            return Ok(from);
        }
    }
}

fn udp(args: &Args) -> Result<()> {
    let patience = Some(Duration::from_secs(20));
    match args.role {
        Role::Serve => {
            let socket = UdpSocket::bind(args.address)?;
            socket.set_read_timeout(patience)?;
            ready()?;
            let to = read_row(&socket)?;
            send_row(&socket, to, args.bytes)?;
            for _ in 0..3 {
                socket.send_to(END, to)?;
            }
        }
        Role::Send => {
            let any = if args.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            send_row(&socket, args.address, args.bytes)?;
            let mut first = [0; DATAGRAM];
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            let heard = (0..ENDS)
                .any(|_| socket.send_to(END, args.address).is_ok() && socket.recv_from(&mut first).is_ok());
            ensure!(heard, "{} does not answer", args.address);
            socket.set_read_timeout(patience)?;
            if args.bytes > 0 {
                read_row(&socket)?;
            }
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let args = Args::parse();
    let done = match args.protocol {
        Protocol::Tcp => tcp(&args),
        Protocol::Udp => udp(&args),
    };
    done.with_context(|| format!("{}", args.address))
}
