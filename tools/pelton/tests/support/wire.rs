//! Kafka's protocol by hand, for clients that no library would be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::Broker;

pub const API_VERSIONS: i16 = 18;

/// A request body that grows field by field.
#[derive(Clone, Default)]
pub struct Fields(pub Vec<u8>);

impl Fields {
    /// The header of a request, version 1: no tagged fields.
    pub fn request(api_key: i16, version: i16) -> Self {
        Self::default().i16(api_key).i16(version).i32(CORRELATION_ID).string("raw")
    }

    pub fn i8(self, value: i8) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn i16(self, value: i16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn i32(self, value: i32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn i64(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn string(self, text: &str) -> Self {
        self.i16(text.len() as i16).bytes(text.as_bytes())
    }

    /// A compact array's count, as a variable-length integer.
    pub fn compact_count(self, count: usize) -> Self {
        let mut rest = count + 1;
        let mut fields = self;
        while rest >= 0x80 {
            fields = fields.bytes(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        fields.bytes(&[rest as u8])
    }

    pub fn compact_string(self, text: &str) -> Self {
        self.compact_count(text.len()).bytes(text.as_bytes())
    }

    pub fn no_tags(self) -> Self {
        self.i8(0)
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// With its length in front.
    pub fn frame(&self) -> Vec<u8> {
        let length = (self.0.len() as i32).to_be_bytes();
        [&length, self.0.as_slice()].concat()
    }
}

const CORRELATION_ID: i32 = 0x1234_5678;

/// What came of bytes that a connection was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Closed, after so many bytes of answers.
    Closed(usize),
    /// Neither answered nor closed in time.
    Silent,
}

pub struct Connection(TcpStream);

impl Connection {
    pub fn open(broker: &Broker) -> Self {
        let stream = TcpStream::connect(broker.address).expect("connected");
        stream.set_nodelay(true).expect("no delay");
        Self(stream)
    }

    /// Whether they could be sent: they cannot once the other side has closed.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Whether the broker has taken all that was sent out of its socket.
    pub fn is_read(&self) -> bool {
        let ours = self.0.local_addr().expect("an address");
        let theirs = self.0.peer_addr().expect("an address");
        let table = std::fs::read_to_string("/proc/net/tcp").expect("sockets");
        // "sl local remote state tx_queue:rx_queue", addresses as hexadecimal IP:PORT.
        let (from, to) = (format!(":{:04X}", theirs.port()), format!(":{:04X}", ours.port()));
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            matches!(fields.as_slice(), [_, local, remote, _, queues, ..]
                if local.ends_with(&from) && remote.ends_with(&to) && queues.ends_with(":00000000"))
        })
    }

    /// Whether an answer, or the end, has begun to come.
    pub fn is_answered(&self) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
        match self.0.peek(&mut [0]) {
            Ok(_) => true,
            Err(error) => !matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ),
        }
    }

    /// Sends a request and reads the body of its answer.
    pub fn ask(&mut self, request: &Fields) -> Option<Vec<u8>> {
        if self.send(&request.frame()) { self.answer(Duration::from_secs(20)) } else { None }
    }

    /// The body of the next answer; `None` if the connection ends, or none comes in time.
    pub fn answer(&mut self, patience: Duration) -> Option<Vec<u8>> {
        self.0.set_read_timeout(Some(patience)).expect("a timeout");
        let mut head = [0; 8];
        self.0.read_exact(&mut head).ok()?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        assert_eq!(i32::from_be_bytes([c0, c1, c2, c3]), CORRELATION_ID);
        let mut body = vec![0; i32::from_be_bytes([l0, l1, l2, l3]) as usize - 4];
        self.0.read_exact(&mut body).ok()?;
        Some(body)
    }

    /// Ends the sending half; answers may still come.
    pub fn send_no_more(&mut self) {
        // Fails if the other side has closed.
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Is gone at once, without a word more.
    pub fn reset(self) {
        use std::os::fd::AsRawFd;
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the descriptor is open, the pointer and the size are those of `linger`.
        let set = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }

    /// Reads until the other side closes.
    pub fn end(&mut self, patience: Duration) -> End {
        self.0.set_read_timeout(Some(patience)).expect("a timeout");
        let mut received = 0;
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return End::Closed(received),
                Ok(count) => received += count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return End::Silent,
                    ErrorKind::Interrupted => {}
                    _ => return End::Closed(received),
                },
            }
        }
    }

    /// Asks for the API versions and checks that this is what is answered.
    pub fn is_served(&mut self) -> bool {
        let answer = self.ask(&Fields::request(API_VERSIONS, 0));
        answer.is_some_and(|body| body.starts_with(&[0, 0]))
    }
}

/// Reads an answer field by field.
pub struct Answer<'a>(pub &'a [u8]);

impl Answer<'_> {
    pub fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take())
    }

    pub fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take())
    }

    pub fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.take())
    }

    pub fn string(&mut self) -> String {
        let bytes = self.i16() as usize;
        let (text, rest) = self.0.split_at(bytes);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn take<const BYTES: usize>(&mut self) -> [u8; BYTES] {
        let (first, rest) = self.0.split_first_chunk().expect("a longer answer");
        self.0 = rest;
        *first
    }
}
