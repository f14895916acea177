//! How much a connection reads, state by state.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{CHUNK, Connection, READ_AHEAD, Reading};

/// Has bytes without end, and takes as many as it says.
#[derive(Default)]
struct Endless {
    takes_writes: bool,
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.initialize_unfilled();
        buffer.set_filled(buffer.capacity());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.takes_writes { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Reads into buffers of a kilobyte until there is nothing for now; how many bytes that were.
fn read(connection: &mut Connection<Endless>) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut sum = 0;
    loop {
        let mut space = [0; 1024];
        let mut buffer = ReadBuf::new(&mut space);
        if Pin::new(&mut *connection).poll_read(&mut context, &mut buffer).is_pending() {
            return sum;
        }
        sum += u64::try_from(buffer.filled().len()).unwrap();
        assert!(sum < 1 << 30, "it reads on and on");
    }
}

fn write(connection: &mut Connection<Endless>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(connection).poll_write(&mut context, b"answer").is_ready()
}

#[test]
fn a_request_is_read_a_chunk_at_a_time() {
    let mut connection = Connection::new(Endless::default(), false);
    assert_eq!([read(&mut connection), read(&mut connection)], [CHUNK, CHUNK]);
}

#[test]
fn while_a_request_is_worked_on_its_body_is_read_and_little_more() {
    let mut connection = Connection::new(Endless::default(), false);
    read(&mut connection);
    connection.read_limit.set(Reading::Body(100_000));
    assert_eq!([read(&mut connection), read(&mut connection)], [100_000 + READ_AHEAD, 0]);
    // Requests that were read ahead bring nothing of their own.
    for _ in 0..100 {
        connection.read_limit.set(Reading::Request);
        connection.read_limit.set(Reading::Body(0));
        assert_eq!(read(&mut connection), 0);
    }
    connection.read_limit.set(Reading::Request);
    assert_eq!(read(&mut connection), CHUNK);
}

/// The greatest length that can be announced is no more than that.
#[test]
fn any_length_can_be_announced() {
    let connection = Connection::new(Endless::default(), false);
    connection.read_limit.allows();
    connection.read_limit.set(Reading::Body(u64::MAX));
    assert_eq!(connection.read_limit.allows(), u64::MAX);
}

#[test]
fn a_body_without_length_is_read_a_chunk_at_a_time_until_its_end() {
    let mut connection = Connection::new(Endless::default(), false);
    read(&mut connection);
    connection.read_limit.set(Reading::BodyWithoutLength);
    assert_eq!([read(&mut connection), read(&mut connection)], [CHUNK, CHUNK]);
    connection.read_limit.set(Reading::Body(0));
    assert_eq!([read(&mut connection), read(&mut connection)], [READ_AHEAD, 0]);
}

#[test]
fn nothing_is_read_while_answers_are_not_taken() {
    let mut connection = Connection::new(Endless::default(), false);
    assert!(!write(&mut connection));
    assert_eq!(read(&mut connection), 0);
    connection.io.takes_writes = true;
    assert!(write(&mut connection));
    assert_eq!(read(&mut connection), CHUNK);
}
