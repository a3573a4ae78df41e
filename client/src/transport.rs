//! What a connection's bytes go through. An enum rather than a trait object: a frame's pieces are
//! written without an indirect call, and every place that must know of a new kind fails to compile.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::options::ClientOptions;

/// The half that reads.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    Plaintext(OwnedReadHalf),
}

/// The half that writes.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Plaintext(OwnedWriteHalf),
}

/// Connects as the options ask; they have been checked. Takes as long as it takes.
pub(crate) async fn connect(
    address: &str,
    options: &ClientOptions,
) -> io::Result<(ReadHalf, WriteHalf)> {
    if let Err(error) = options.check() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, error.to_string()));
    }
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.into_split();
    Ok((ReadHalf::Plaintext(reader), WriteHalf::Plaintext(writer)))
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            ReadHalf::Plaintext(half) => Pin::new(half).poll_read(context, into),
        }
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            WriteHalf::Plaintext(half) => Pin::new(half).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            WriteHalf::Plaintext(half) => Pin::new(half).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            WriteHalf::Plaintext(half) => half.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WriteHalf::Plaintext(half) => Pin::new(half).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            WriteHalf::Plaintext(half) => Pin::new(half).poll_shutdown(context),
        }
    }
}
