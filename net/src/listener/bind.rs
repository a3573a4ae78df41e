//! Binds one address for all shards (R7).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A congestion control that every kernel has, that whoever may set, and that paces nothing.
const UNPACED: &[u8] = b"reno";

/// Binds `shards` sockets to `addr`, among which the kernel divides new connections (SO_REUSEPORT),
/// and has all of them listen before any is used, so that none is given more than its share. Port
/// 0 picks one port for all. Each holds up to `backlog` connections until they are accepted, or as
/// many as net.core.somaxconn lets it, listen(2).
///
/// The sockets block: io_uring waits for a connection on a blocking socket only, on another one it
/// would answer EAGAIN at once, and the accept loop would spin.
///
/// # Errors
/// `AddrInUse` also if the port belongs to another broker of the same user, although that one's
/// sockets have SO_REUSEPORT and would let ours in; then half of the clients would reach each.
/// Otherwise those of bind(2) and listen(2).
pub fn bind_shared(addr: SocketAddr, shards: usize, backlog: i32) -> io::Result<Vec<TcpListener>> {
    // Without SO_REUSEPORT the first bind fails if anyone is there. The option is set afterwards,
    // so that the port is never let go.
    let first = new_socket(addr)?;
    first.bind(&SockAddr::from(addr))?;
    first.set_reuse_port(true)?;
    let bound = first.local_addr()?;

    let mut sockets = vec![first];
    for _ in 1..shards {
        let socket = new_socket(addr)?;
        socket.set_reuse_port(true)?;
        socket.bind(&bound)?;
        sockets.push(socket);
    }
    for socket in &sockets {
        socket.listen(backlog)?;
    }
    Ok(sockets.into_iter().map(TcpListener::from).collect())
}

fn new_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections' TIME_WAIT. Listeners still exclude each
    // other, socket(7).
    socket.set_reuse_address(true)?;
    if addr.ip().is_loopback() {
        // There is no network that could be congested. Where the system's choice is BBR it would
        // pace by timers all the same what leaves, for a tenth to a fifth of a fetch's CPU. It is
        // said to the listener, since a connection that was paced once remains so.
        if let Err(error) = socket.set_tcp_congestion(UNPACED) {
            tracing::debug!(%addr, %error, "the system's congestion control stays");
        }
    }
    Ok(socket)
}

#[cfg(test)]
#[path = "bind_test.rs"]
mod bind_test;
